import { normaliseForMatching } from '../../../../action/normalise.ts'

/**
 * A pattern over words: from one of the first set on, within so many words, one of each further set, in any order.
 * Sets hold whole words, or beginnings of words where they end with `*`. Matching is one pass with a bounded look
 * ahead, so the time is linear in the number of words.
 */
export interface WordPattern {
  readonly mark: string
  readonly first: readonly string[]
  readonly then: readonly (readonly string[])[]
  /** How many words after the first are looked at. */
  readonly within: number
}

interface WordSet {
  readonly whole: ReadonlySet<string>
  readonly beginnings: readonly string[]
}

export interface CompiledPatterns {
  find(words: readonly string[]): readonly { readonly mark: string; readonly at: number }[]
}

export function compileWordPatterns(patterns: readonly WordPattern[]): CompiledPatterns {
  const byFirst = new Map<string, Compiled[]>()
  for (const { mark, first, then, within } of patterns) {
    const compiled = { mark, then: then.map(setOf), within }
    for (const word of first) {
      const normal = normaliseForMatching(word)
      byFirst.set(normal, [...(byFirst.get(normal) ?? []), compiled])
    }
  }
  return {
    find(words) {
      const found: { readonly mark: string; readonly at: number }[] = []
      const marked = new Set<string>()
      for (let at = 0; at < words.length; at++) {
        const candidates = byFirst.get(words[at]!)
        if (candidates === undefined || isNegated(words, at)) continue
        for (const { mark, then, within } of candidates) {
          if (marked.has(mark) || !follow(words, at + 1, Math.min(at + 1 + within, words.length), then))
            continue
          marked.add(mark)
          found.push({ mark, at })
        }
      }
      return found
    },
  }
}

const NEGATIONS = new Set(
  ['not', 't', 'never', 'n', 'não', 'nao', 'no', 'non', 'не', 'nicht', 'niet', 'nie', 'ne'].map(
    normaliseForMatching,
  ),
)
const VERBS_OF_NEGATION: ReadonlySet<string> = new Set(
  ['vergiss', 'vergessen', 'vergeet', 'ignorieren', 'ignoriere'].map(normaliseForMatching),
)

/** "Do not forget", "n’oubliez pas", "vergessen Sie nicht": it asks for the opposite. */
function isNegated(words: readonly string[], at: number): boolean {
  const before = words[at - 1]
  if (before !== undefined && NEGATIONS.has(before)) return true
  if (!VERBS_OF_NEGATION.has(words[at]!)) return false
  return NEGATIONS.has(words[at + 1] ?? '') || NEGATIONS.has(words[at + 2] ?? '')
}

interface Compiled {
  readonly mark: string
  readonly then: readonly WordSet[]
  readonly within: number
}

function follow(words: readonly string[], from: number, to: number, sets: readonly WordSet[]): boolean {
  return sets.every((set) => {
    for (let at = from; at < to; at++) if (holds(set, words[at]!)) return true
    return false
  })
}

function setOf(words: readonly string[]): WordSet {
  const whole = new Set<string>()
  const beginnings: string[] = []
  for (const word of words) {
    if (word.endsWith('*')) beginnings.push(normaliseForMatching(word.slice(0, -1)))
    else whole.add(normaliseForMatching(word))
  }
  return { whole, beginnings }
}

function holds({ whole, beginnings }: WordSet, word: string): boolean {
  return whole.has(word) || beginnings.some((beginning) => word.startsWith(beginning))
}
