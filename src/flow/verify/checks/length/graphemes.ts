// Each of these stands for itself: no mark, joiner, Hangul jamo, regional indicator or emoji, and no carriage
// return, which clings to the line feed behind it (UAX #29, GB3).
const ALONE =
  '\\x00-\\x0c\\x0e-\\xa8\\xaa-\\xac\\xaf-\\u02ff\\u0370-\\u0482\\u048a-\\u0590\\u10a0-\\u10ff\\u1e00-\\u1fff' +
  '\\u2010-\\u2027\\u2030-\\u203b\\u20a0-\\u20bf\\u3001-\\u3029\\u3041-\\u3096\\u30a0-\\u30ff\\u3400-\\u4dbf' +
  '\\u4e00-\\u9fff\\uac00-\\ud7a3'

const ALL_ALONE = new RegExp(`^[${ALONE}]*$`)

// What is left, with the neighbour on either side that it may cling to.
const TOGETHER = new RegExp(`[${ALONE}]?[^${ALONE}](?:[${ALONE}]?[^${ALONE}])*[${ALONE}]?`, 'g')

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * Extended grapheme clusters (UAX #29): what a reader calls a character. `Intl.Segmenter` sees only the
 * stretches that can hold a cluster of several code points. Counting stops soon after `enough`: the answer
 * is then larger than `enough`, no more.
 */
export function countGraphemes(text: string, enough = Infinity): number {
  if (ALL_ALONE.test(text)) return text.length
  let count = 0
  let end = 0
  for (const match of text.matchAll(TOGETHER)) {
    count += match.index - end
    end = match.index + match[0].length
    for (const segment of segmenter.segment(match[0])) {
      if (segment.segment !== '') count += 1
      if (count > enough) return count
    }
  }
  return count + text.length - end
}
