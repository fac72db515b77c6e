/** A stretch of text, in UTF-16 units: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Sorts the spans and joins those that overlap, so that no end of any of them stays uncovered. The one that starts
 * first, or is longer, gives its properties; of equal spans the one that was found first.
 */
export function disjoint<T extends Span>(spans: readonly T[]): T[] {
  if (spans.length < 2) return [...spans]
  const kept: T[] = []
  for (const span of spans.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = kept.at(-1)
    if (last === undefined || span.start >= last.end) kept.push(span)
    else if (span.end > last.end) kept[kept.length - 1] = { ...last, end: span.end }
  }
  return kept
}

/** Replaces every span by its label. The spans must be sorted and disjoint. */
export function replaceSpans<T extends Span>(
  text: string,
  spans: readonly T[],
  label: (span: T) => string,
): string {
  let out = ''
  let from = 0
  for (const span of spans) {
    out += text.slice(from, span.start) + label(span)
    from = span.end
  }
  return out + text.slice(from)
}
