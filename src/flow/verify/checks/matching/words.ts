const NOT_ASCII = /[^\x00-\x7f]/ // oxlint-disable-line no-control-regex
const NOT_ASCII_RUN = /[^\x00-\x7f]+/g // oxlint-disable-line no-control-regex
const SIGNS = /[^\p{L}\p{N}\p{M}]+/gu

/** The words of a normalised text with one space around each: ` guaranteed returns `. Signs are gone. */
export function spaced(normal: string): string {
  // Unicode classes are slow, so they see only what is not ASCII.
  const text = NOT_ASCII.test(normal)
    ? normal.replace(NOT_ASCII_RUN, (run) => run.replace(SIGNS, ' '))
    : normal
  let words = ' '
  let start = -1
  for (let i = 0; i < text.length; i++) {
    if (isSign(text.charCodeAt(i))) {
      if (start >= 0) words += `${text.slice(start, i)} `
      start = -1
    } else if (start < 0) start = i
  }
  return start < 0 ? words : `${words}${text.slice(start)} `
}

/** ASCII that is neither a digit nor a letter; texts are lower-case, so capitals count as signs here. */
function isSign(code: number): boolean {
  return code < 128 && !(code >= 97 && code <= 122) && !(code >= 48 && code <= 57)
}
