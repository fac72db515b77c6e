import { ALL, CLASS } from '../models/classes.ts'
import { excludedByAllowed } from './cleared-by-replacing.ts'
import { CTOR_KEY, PROTO_KEY } from './exclude.ts'

/** Classes that a text cannot be of after a regular expression has (or has not) matched it. */
export function checkedByPattern(pattern: string, flags: string, matched: boolean): number {
  return matched ? byMatch(pattern, flags) : byMismatch(pattern)
}

function byMatch(pattern: string, flags: string): number {
  const anchored = pattern.startsWith('^') && /(?:^|[^\\])\$\)?$/.test(pattern) && !flags.includes('m')
  if (anchored) {
    const open = pattern.replaceAll(/\[(?:\\.|[^\]\\])*\]/g, (each) =>
      each.startsWith('[^') ? '\uE000' : '',
    )
    if (/\uE000|\\[SWD]|(?:^|[^\\])\./.test(open)) {
      return /^\^(?:\(\?:)?https?/.test(pattern) ? CLASS.code : 0
    }
    const allowed = [...pattern.matchAll(/\[((?:\\.|[^\]\\])*)\]/g)]
      .map((match) => match[1] as string)
      .join('')
    return excludedByAllowed(allowed + literals(open))
  }
  // `^https://host/…`: the beginning is fixed.
  if (/^\^(?:https?|\(\?:https\?|https\?):\\?\/\\?\/(?:\(\?:)?[\w\\-]+\\?\./.test(pattern))
    return CLASS.ssrf | CLASS.redirect
  return 0
}

/** What stands for itself in a pattern without classes: no anchors, groups, alternatives, counts. */
function literals(pattern: string): string {
  return pattern.replaceAll(/\\.|\(\?[:=!]|\(\?<\w+>|\{\d*,?\d*\}|[\^$()|*+?]/g, (each) =>
    each.startsWith('\\') ? each : '',
  )
}

/** A deny-list: what it did not find is not there. */
function byMismatch(pattern: string): number {
  let mask = 0
  const negated = /^\(?\[\^((?:\\.|[^\]\\])*)\][+*]?\)?$/.exec(pattern)
  if (negated !== null) return excludedByAllowed(negated[1] as string)
  if (/^\\W$|^\\D$/.test(pattern)) return ALL
  if (/__proto__/.test(pattern)) mask |= PROTO_KEY
  if (/constructor|prototype/.test(pattern)) mask |= CTOR_KEY
  if (/\\\.\\\.|\\\.\{2|\[\\?\.\]\[\\?\.\]|\\\.\+|\.\./.test(pattern)) mask |= CLASS.path | CLASS.zip
  if (/[;|&`$].*[;|&`$]/.test(pattern) && /\[/.test(pattern)) mask |= CLASS.command
  if (/</.test(pattern)) mask |= CLASS.xss
  if (/\\r|\\n/.test(pattern)) mask |= CLASS.header | CLASS.log
  if (/'/.test(pattern)) mask |= CLASS.sql
  return mask
}
