import { ALL, CLASS } from '../models/classes.ts'
import type { Value } from './value.ts'

/** What a `replace` makes safe: it must take out every occurrence of what makes the value dangerous. */
export function clearedByReplacing(pattern: Value, replacement: Value, all: boolean): number {
  const constant = pattern.constant
  if (typeof constant === 'string') return all ? clearedByCharacters(constant, replacement) : 0
  for (const ref of pattern.refs) {
    if (ref.kind !== 'regex' || !(all || ref.flags.includes('g'))) continue
    return clearedByPattern(ref.pattern, replacement)
  }
  return 0
}

function clearedByPattern(pattern: string, replacement: Value): number {
  // `[^a-z0-9]`: all but an allow-list is taken out.
  const negated = /^\(?\[\^((?:\\.|[^\]\\])*)\][+*]?\)?$/.exec(pattern)
  if (negated !== null) return excludedByAllowed(negated[1] as string)
  if (/^\(?\\W[+*]?\)?$/.test(pattern) || /^\(?\\D[+*]?\)?$/.test(pattern)) return ALL
  const classes = [...pattern.matchAll(/\[((?:\\.|[^\]\\])*)\]/g)].map((match) => match[1] as string).join('')
  return clearedByCharacters(classes + pattern.replaceAll(/\[(?:\\.|[^\]\\])*\]/g, ''), replacement)
}

/** Classes that text made of these characters alone cannot be of. */
export function excludedByAllowed(characters: string): number {
  let mask = ALL
  const has = (text: string): boolean => characters.includes(text)
  const any = /\\S|\\D|\\W/.test(characters)
  if (any) return 0
  if (has('.') && (has('/') || has('\\\\'))) mask &= ~(CLASS.path | CLASS.zip)
  if (has('.') && has('/')) mask &= ~(CLASS.ssrf | CLASS.redirect)
  if (has('<') || has('"') || has("'")) mask &= ~CLASS.xss
  if (has("'") || has('"')) mask &= ~CLASS.sql
  if (/[;&|`$]|\\s| /.test(characters)) mask &= ~CLASS.command
  if (/[(`;]/.test(characters)) mask &= ~CLASS.code
  return mask
}

function clearedByCharacters(characters: string, replacement: Value): number {
  let mask = 0
  const has = (text: string): boolean => characters.includes(text)
  if (has('<') || has('&lt;') || (has('"') && has('&'))) mask |= CLASS.xss
  if (/\.\.|\\\.\\\.|\\\.\{2|\.\+/.test(characters)) mask |= CLASS.path | CLASS.zip
  else if (has('/') && replacement.constant !== '/' && typeof replacement.constant === 'string')
    mask |= CLASS.path | CLASS.zip
  if (has("'") || (/^["`]$/.test(characters) && replacement.constant === characters + characters))
    mask |= CLASS.sql | CLASS.xpath
  if (
    (has("'") && /^(?:'\\''|'"'"'|\\?'.*)$/.test(String(replacement.constant ?? ''))) ||
    (has('`') && has('$')) ||
    (has(';') && has('&') && has('|'))
  )
    mask |= CLASS.command
  if (has('(') && has(')') && has('*')) mask |= CLASS.ldap
  if (/\\r|\\n|\\s/.test(characters)) mask |= CLASS.header | CLASS.log
  if (has('$') && has('.')) mask |= CLASS.nosql
  if (characters.includes('__proto__')) mask |= CLASS.protokey
  if (/prototype|constructor/.test(characters)) mask |= CLASS.ctorkey
  if (has('[') && has('*') && has('(')) mask |= CLASS.pattern
  return mask
}
