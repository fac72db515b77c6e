/** What a page may be led to after a log-in: a path of this origin, or `/`. */
export function ownPath(text: string | undefined): string {
  // A second slash, or a backslash, which browsers take for one, would begin the name of another host.
  if (text === undefined || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}$/.test(text)) return '/'
  const url = URL.parse(text, 'http://here.invalid')
  if (url === null || url.host !== 'here.invalid' || url.pathname.startsWith('//')) return '/'
  return text
}
