const NOT_ASCII = /[^\x00-\x7f]/ // oxlint-disable-line no-control-regex
const ASCII_SIGNS = /[\x00-\x2f\x3a-\x60\x7b-\x7f]+/g // oxlint-disable-line no-control-regex
const NOT_ASCII_RUN = /[^\x00-\x7f]+/g // oxlint-disable-line no-control-regex
const SIGNS = /[^\p{L}\p{N}\p{M}]+/gu
const SPACES = / {2,}/g

/** The words of a normalised text with one space around each: ` guaranteed returns `. Signs are gone. */
export function spaced(normal: string): string {
  let words = normal.replace(ASCII_SIGNS, ' ')
  // Unicode classes are slow, so they see only what is not ASCII.
  if (NOT_ASCII.test(words)) {
    words = words.replace(NOT_ASCII_RUN, (run) => run.replace(SIGNS, ' ')).replace(SPACES, ' ')
  }
  words = words.trim()
  return words === '' ? ' ' : ` ${words} `
}
