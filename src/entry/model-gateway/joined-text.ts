/**
 * Checks look at one text; requests and answers have many. The record separator between them (U+001E) belongs to no
 * word, and how often it occurs tells afterwards whether a check has left every text in its place.
 */
const SEPARATOR = '\n\u001e\n'

export function joinTexts(texts: readonly string[]): string {
  return texts.join(SEPARATOR)
}

/**
 * The texts after a check has changed the joined one; `undefined` when it can no longer be told which is which,
 * and the caller must refuse.
 */
export function splitTexts(joined: string, before: readonly string[]): readonly string[] | undefined {
  if (before.length === 0) return joined === '' ? [] : undefined
  const pieces = joined.split(SEPARATOR)
  const counts = before.map((text) => text.split(SEPARATOR).length)
  if (pieces.length !== counts.reduce((sum, count) => sum + count, 0)) return undefined
  let at = 0
  return counts.map((count) => pieces.slice(at, (at += count)).join(SEPARATOR))
}
