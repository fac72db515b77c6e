const KEPT = 4
const LONGEST_KEPT = 65_536
/** Shorter ones cost less than the look. */
const SHORTEST_KEPT = 48

/**
 * Remembers what was computed for the last few texts: the checks of one action look at the same texts in
 * turn. Of longer texts only the last is kept, so that what stays in memory is bounded.
 */
export function rememberRecent<T>(compute: (text: string) => T): (text: string) => T {
  const texts: (string | null)[] = Array.from({ length: KEPT }, () => null)
  const answers: (T | undefined)[] = Array.from({ length: KEPT }, () => undefined)
  let next = 0
  return (text) => {
    if (text.length < SHORTEST_KEPT) return compute(text)
    // The latest first: it is the likeliest, and texts of one length are told apart only by reading them.
    for (let back = 1; back <= KEPT; back++) {
      const at = (next + KEPT - back) % KEPT
      if (texts[at] === text) return answers[at] as T
    }
    const answer = compute(text)
    if (text.length > LONGEST_KEPT) {
      texts.fill(null)
      answers.fill(undefined)
    }
    texts[next] = text
    answers[next] = answer
    next = (next + 1) % KEPT
    return answer
  }
}
