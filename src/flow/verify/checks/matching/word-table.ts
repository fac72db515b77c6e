/** Looks up the word that stands in a text from `start` up to `end`, with its hash: its value, if it is in the table. */
export type WordTable = (text: string, start: number, end: number, hash: number) => number | undefined

/** The hash of a word, one more UTF-16 unit at a time, from 0 on. */
export function nextHash(hash: number, unit: number): number {
  return (Math.imul(hash, 31) + unit) | 0
}

export function hashOf(text: string, start: number, end: number): number {
  let hash = 0
  for (let at = start; at < end; at++) hash = nextHash(hash, text.charCodeAt(at))
  return hash
}

/**
 * A table of words that is asked without cutting the words out of the text: a string made for every word
 * costs more than all else. Open addressing, a quarter full at most.
 */
export function compileWords(entries: readonly (readonly [string, number])[]): WordTable {
  const size = 2 ** Math.ceil(Math.log2(entries.length * 4 + 1))
  const slots = new Uint16Array(size)
  for (const [at, [word]] of entries.entries()) {
    let slot = slotOf(hashOf(word, 0, word.length), size)
    while (slots[slot] !== 0) slot = (slot + 1) & (size - 1)
    slots[slot] = at + 1
  }
  const words = entries.map(([word]) => word)
  const values = entries.map(([, value]) => value)
  return (text, start, end, hash) => {
    for (let slot = slotOf(hash, size); slots[slot] !== 0; slot = (slot + 1) & (size - 1)) {
      const at = slots[slot]! - 1
      const word = words[at]!
      if (word.length === end - start && text.startsWith(word, start)) return values[at]
    }
    return undefined
  }
}

function slotOf(hash: number, size: number): number {
  return (hash ^ (hash >>> 15)) & (size - 1)
}
