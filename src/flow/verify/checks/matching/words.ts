import { normaliseForMatching } from '../../../../action/normalise.ts'

const NOT_ASCII = /[^\x00-\x7f]/ // oxlint-disable-line no-control-regex
const BETWEEN_WORDS_ASCII = /[^a-z0-9]+/g
const BETWEEN_WORDS = /[^\p{L}\p{N}\p{M}]+/gu

/** The normalised words of a text with one space around each: ` guaranteed returns `. Signs are gone. */
export function wordsOf(text: string): string {
  return spaced(normaliseForMatching(text))
}

/** The same for a text that is normalised already. */
export function spaced(normal: string): string {
  const words = normal.replace(NOT_ASCII.test(normal) ? BETWEEN_WORDS : BETWEEN_WORDS_ASCII, ' ').trim()
  return words === '' ? ' ' : ` ${words} `
}
