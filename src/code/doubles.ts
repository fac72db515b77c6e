import type { CodeFinding } from './finding.ts'

/** Something that was found, by a rule of ours or by another program. */
export interface Found {
  readonly finding: CodeFinding
  /** The other program; absent for ours. */
  readonly by?: string
  /** All weaknesses that it stands for, where there are more than that of the finding. */
  readonly weaknesses?: readonly string[]
}

/**
 * Weaknesses that programs use for one another: parents and children in the CWE, or two names of one fault. Each
 * family has no other that could lie in the same expression and be a second fault.
 */
const FAMILIES: readonly (readonly number[])[] = [
  [77, 78, 88],
  [89, 564, 943],
  [79, 80, 81, 83, 87, 116],
  [94, 95, 96, 1336],
  [22, 23, 24, 29, 35, 36, 73, 99],
  [643, 91],
  [611, 776, 827],
  [326, 327, 328, 759, 760, 916],
  [330, 331, 335, 336, 337, 338, 340],
  [259, 321, 798],
  [295, 296, 297, 599],
  [345, 347],
  [614, 1004, 1275],
  [400, 730, 1333],
  [471, 915, 1321],
  [377, 378, 379],
  [276, 732],
  [390, 391, 392, 703, 755],
  [93, 113],
  [215, 489],
  [311, 319],
  [200, 312, 315, 359, 532],
  [285, 306, 639, 862, 863],
]

const FAMILY_OF = new Map(
  FAMILIES.flatMap((family) => family.map((each) => [`CWE-${each}`, `CWE-${family[0]}`])),
)

/** A place that is longer is a whole function or file: only its first line tells where the weakness is. */
const MAX_LINES = 30

/**
 * Two programs that found one weakness at one place found one thing: the first is kept, which is ours when there is
 * one, as it knows the way. Two findings of one program, or of one pack of ours, are two.
 */
export function withoutDoubles<T extends Found>(all: readonly T[]): readonly T[] {
  const kept = new Map<string, string[]>()
  const doubles = new Set(all.toSorted((one, other) => rank(one) - rank(other)).filter(isDouble))
  return all.filter((each) => !doubles.has(each))

  function isDouble({ finding, by, weaknesses }: Found): boolean {
    const { cwe, rule, location, fingerprint } = finding
    const named = weaknesses ?? (cwe === null ? [] : [cwe])
    // Packs of ours as well: what stands at a sink whatever reaches it is told by the flow that does.
    const finder = by ?? rule.slice(0, rule.indexOf('/'))
    const families =
      named.length === 0
        ? [`${rule}\0${fingerprint}`]
        : [...new Set(named.map((each) => FAMILY_OF.get(each) ?? each))]
    const last = location.endLine - location.line > MAX_LINES ? location.line : location.endLine
    const lines = Array.from({ length: last - location.line + 1 }, (_, index) => location.line + index)
    const keys = families.flatMap((family) => lines.map((line) => `${family}\0${location.path}\0${line}`))
    if (keys.some((key) => kept.get(key)?.some((other) => other !== finder) === true)) return true
    for (const key of keys) kept.set(key, [...(kept.get(key) ?? []), finder])
    return false
  }
}

/** Whose word counts first: who knows the way of the value. */
function rank({ finding, by }: Found): number {
  return by !== undefined ? 2 : finding.rule.startsWith('value-flow/') ? 0 : 1
}
