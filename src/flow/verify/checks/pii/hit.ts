import type { CountryCode } from 'libphonenumber-js/min'
import type { Near } from './context.ts'
import type { PiiKind } from './kinds.ts'
import type { Span } from './spans.ts'

export interface PiiHit extends Span {
  readonly kind: PiiKind
}

/** One text under search. All offsets are of `text`, the plain form. */
export interface Search {
  readonly text: string
  readonly wants: ReadonlySet<PiiKind>
  readonly near: Near
  readonly regions: readonly CountryCode[]
  /** How many more telephone numbers may be parsed; past that their shape decides. */
  phoneBudget: number
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

export function isAlnum(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}

/** What a sticky pattern matches at `at`, and nothing of a longer word. */
export function wholeAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  if (at < 0 || (at > 0 && isAlnum(text.charCodeAt(at - 1)))) return null
  pattern.lastIndex = at
  const match = pattern.exec(text)
  return match !== null && !isAlnum(text.charCodeAt(at + match[0].length)) ? match : null
}
