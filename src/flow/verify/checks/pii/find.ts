import type { CountryCode } from 'libphonenumber-js/min'
import { contextOf } from './context.ts'
import { emailAt } from './email.ts'
import { isAlnum, isDigit, type PiiHit, type Search } from './hit.ts'
import type { PiiKind } from './kinds.ts'
import { plainText } from './look-alikes.ts'
import { findNumbers, gluedCard } from './numbers.ts'
import { addressHit, birthDateHit, locationHit } from './places-and-dates.ts'
import { disjoint } from './spans.ts'
import { documentHit, hardware, wordHit } from './words.ts'

export type { PiiHit } from './hit.ts'

export interface PiiSearchOptions {
  readonly kinds: ReadonlySet<PiiKind>
  /** ISO 3166 codes of the numbering plans in which a number without a plus is read. */
  readonly regions: readonly CountryCode[]
}

const PHONE_BUDGET = 64
const HOUSE_NUMBER = 5

/**
 * Personal data with a structure of its own, as disjoint spans of the text in order. One pass over the
 * characters; what it does at each is bounded, so the whole is linear in the length of the text.
 */
export function findPii(original: string, { kinds, regions }: PiiSearchOptions): PiiHit[] {
  const plain = plainText(original)
  const { text } = plain
  const search: Search = { text, wants: kinds, near: contextOf(text), regions, phoneBudget: PHONE_BUDGET }
  const hits: PiiHit[] = []
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    // Nothing starts between the letters: digits, @ and colons are where all of it shows itself.
    if (code > 64 || code < 48) continue
    if (code <= 57) at = fromDigit(search, at, hits) - 1
    else if (code === 58) at = fromColon(search, at, hits)
    else if (code === 64 && kinds.has('email')) {
      const found = emailAt(text, at)
      if (found === undefined) continue
      hits.push(found)
      at = found.end - 1
    }
  }
  return disjoint(hits).map(({ kind, start, end }) => ({ kind, ...plain.original(start, end) }))
}

/** Judges the word that the digit at `at` is part of. Answers where to go on, past `at` in any case. */
function fromDigit(search: Search, at: number, hits: PiiHit[]): number {
  const { text, wants } = search
  let start = at
  while (start > 0 && at - start < 64 && isAlnum(text.charCodeAt(start - 1))) start -= 1
  let end = at + 1
  let pure = start === at
  while (end < text.length && isAlnum(text.charCodeAt(end))) {
    if (!isDigit(text.charCodeAt(end))) pure = false
    end += 1
  }
  const length = end - start
  const found =
    wordHit(search, start, end, pure) ??
    (pure && length <= 2 && wants.has('location') ? locationHit(search, start) : undefined) ??
    (length <= 4 && wants.has('birth_date') ? birthDateHit(search, start) : undefined) ??
    documentHit(search, start, length) ??
    (pure && length <= HOUSE_NUMBER && wants.has('address') ? addressHit(search, start, end) : undefined)
  if (found !== undefined) {
    hits.push(found)
    return Math.max(found.end, end)
  }
  const card = !pure && length < 64 && wants.has('card') ? gluedCard(text, start, end) : undefined
  if (card !== undefined) hits.push(card)
  return start === at ? findNumbers(search, at, hits) : end
}

function fromColon(search: Search, at: number, hits: PiiHit[]): number {
  const { text } = search
  if (!search.wants.has('mac') && !search.wants.has('ip')) return at
  const isDouble = text[at + 1] === ':'
  if (!isDouble && !isAlnum(text.charCodeAt(at + 1))) return at
  // Three in a row are part of no address; a long row of them is not read anew at each.
  if (isDouble && text[at - 1] === ':') return at
  const found = hardware(search, at, at + 1)
  if (found === undefined) return at
  hits.push(found)
  return found.end - 1
}
