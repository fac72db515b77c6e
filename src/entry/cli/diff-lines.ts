export interface LineChange {
  readonly sign: ' ' | '+' | '-'
  readonly text: string
}

/** Beyond this product of lines, what lies between the common ends is told as replaced whole. */
const MAX_TABLE = 4_000_000

/** Which lines stay, go and come: the fewest that do, by the longest common subsequence. */
export function diffLines(before: readonly string[], after: readonly string[]): readonly LineChange[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++
  const same = (lines: readonly string[]): LineChange[] => lines.map((text) => ({ sign: ' ', text }))
  return [
    ...same(before.slice(0, head)),
    ...between(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ]
}

function between(before: readonly string[], after: readonly string[]): LineChange[] {
  const gone = (text: string): LineChange => ({ sign: '-', text })
  const come = (text: string): LineChange => ({ sign: '+', text })
  const width = after.length + 1
  if (before.length * width > MAX_TABLE) return [...before.map(gone), ...after.map(come)]
  // How much the ends from each pair of places have in common.
  const common = new Uint32Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!)
  const changes: LineChange[] = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      changes.push({ sign: ' ', text: before[i]! })
      i++
      j++
    } else if (
      j === after.length ||
      (i < before.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    )
      changes.push(gone(before[i++]!))
    else changes.push(come(after[j++]!))
  }
  return changes
}
