export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed'
  readonly text: string
  /** Line numbers from 1; null where the line is not. */
  readonly before: number | null
  readonly after: number | null
}

/** Above this many comparisons the changed middle is shown as removed and added whole. */
const MOST_CELLS = 4_000_000

/** What changed from one text to another, line by line: the longest common subsequence stays. */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const a = before.split('\n')
  const b = after.split('\n')
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const middleA = a.slice(head, a.length - tail)
  const middleB = b.slice(head, b.length - tail)
  const lines: DiffLine[] = a.slice(0, head).map((text, at) => same(text, at, at))
  lines.push(...middleDiff(middleA, middleB, head))
  for (let at = tail; at > 0; at--) lines.push(same(a.at(-at)!, a.length - at, b.length - at))
  return lines
}

const same = (text: string, before: number, after: number): DiffLine => ({
  kind: 'same',
  text,
  before: before + 1,
  after: after + 1,
})

function middleDiff(a: readonly string[], b: readonly string[], head: number): DiffLine[] {
  const removed = (at: number): DiffLine => ({
    kind: 'removed',
    text: a[at]!,
    before: head + at + 1,
    after: null,
  })
  const added = (at: number): DiffLine => ({
    kind: 'added',
    text: b[at]!,
    before: null,
    after: head + at + 1,
  })
  if (a.length * b.length > MOST_CELLS)
    return [...a.map((_, at) => removed(at)), ...b.map((_, at) => added(at))]
  const width = b.length + 1
  // Length of the longest common subsequence of what follows each pair of places.
  const longest = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!)
    }
  }
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push(same(a[i]!, head + i++, head + j++))
    else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!))
      lines.push(removed(i++))
    else lines.push(added(j++))
  }
  return lines
}
