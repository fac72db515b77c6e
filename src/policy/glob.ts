import { globMatches } from '../action/glob.ts'

/** How many names a glob lookup remembers. Names come from agents, so the memory of them is bounded. */
const REMEMBERED_NAMES = 2000

export function isGlob(pattern: string): boolean {
  return pattern.includes('*')
}

/** Characters of a pattern that are not `*`: the more, the closer the pattern describes a name. */
export function literalLength(pattern: string): number {
  return pattern.replaceAll('*', '').length
}

/**
 * Whether every name that fits `inner` also fits `outer`. A `*` of `inner` is only covered by one of `outer`.
 * May answer `false` for exotic pairs with several stars; never `true` wrongly.
 */
export function covers(outer: string, inner: string): boolean {
  // U+0000 stands for "anything" in the name under test: no literal part of a pattern can hold it.
  return globMatches(outer, inner.replaceAll('*', '\u0000'))
}

/**
 * Lookup of the entry for a name: its exact pattern, else the glob with the longest literal part; of equally
 * long ones the first in the file.
 */
export function globLookup<T extends { readonly pattern: string }>(
  entries: readonly T[],
): (name: string) => T | undefined {
  const exact = new Map<string, T>()
  for (const entry of entries) if (!isGlob(entry.pattern)) exact.set(entry.pattern, entry)
  const globs = entries
    .filter((entry) => isGlob(entry.pattern))
    .toSorted((a, b) => literalLength(b.pattern) - literalLength(a.pattern))
  if (globs.length === 0) return (name) => exact.get(name)
  const remembered = new Map<string, T | undefined>()
  return (name) => {
    const entry = exact.get(name)
    if (entry !== undefined) return entry
    if (remembered.has(name)) return remembered.get(name)
    const found = globs.find(({ pattern }) => globMatches(pattern, name))
    if (remembered.size >= REMEMBERED_NAMES) remembered.clear()
    if (name.length <= 200) remembered.set(name, found)
    return found
  }
}
