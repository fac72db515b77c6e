/**
 * Marks inside an abstract text: what is known of a word stays readable around what is not. They are control
 * characters, which a command line that holds them itself is refused for.
 */
export const UNKNOWN = '\u0000'
/** Unknown, and unquoted: may become several words or none. */
export const SPLIT = '\u0001'
/** `*` and extended patterns, unquoted. */
export const STAR = '\u0002'
/** `?` and brackets, unquoted: one character. */
export const ANY = '\u0003'
/** The home folder, at the start of a word. */
export const HOME = '\u0004'
/** What follows is a default: another value may have been set outside the command. */
export const MAYBE = '\u0005'
/** Unknown, and from the network. */
export const DOWNLOADED = '\u0006'

// oxlint-disable-next-line no-control-regex -- the marks are control characters by design
const UNSURE = /[\u0000\u0001\u0005\u0006]/
// oxlint-disable-next-line no-control-regex
const ABSTRACT = /[\u0000-\u0006]/
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000e-\u001f\u007f]/

/** Whether the text is exactly what will be there, patterns aside. */
export function isKnown(text: string): boolean {
  return !UNSURE.test(text)
}

/** Whether the text is exactly what will be there. */
export function isLiteral(text: string): boolean {
  return !ABSTRACT.test(text)
}

export function holdsControlCharacters(text: string): boolean {
  return FORBIDDEN.test(text)
}

/** The text for people: marks as a shell would write them. */
export function readable(text: string): string {
  let out = ''
  for (const character of text.slice(0, 400)) {
    if (character === UNKNOWN || character === SPLIT || character === DOWNLOADED) out += '…'
    else if (character === STAR) out += '*'
    else if (character === ANY) out += '?'
    else if (character === HOME) out += '~'
    else if (character !== MAYBE) out += character
  }
  return out
}
