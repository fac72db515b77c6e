import type { JsonValue } from '../../../action/json.ts'
import type { Proposal } from '../../../action/action.ts'

export const DIMENSIONS = 4096
const MAX_WORDS = 256
const MAX_CHARS = 2000
const MAX_DEPTH = 6

/** The words of an action and of its context, hashed: its name, its keys, its texts, and the reason that the agent gives. */
export function wordsOf({
  action,
  input,
  reason,
}: Pick<Proposal, 'action' | 'input' | 'reason'>): Uint16Array {
  const bag = new Bag()
  bag.add(hashOf(action, 0, action.length, 7))
  bag.text(action)
  if (reason !== undefined) bag.text(reason)
  bag.value(input, 0)
  return bag.words()
}

/** Of a text alone. */
export function wordsIn(text: string): Uint16Array {
  const bag = new Bag()
  bag.text(text)
  return bag.words()
}

class Bag {
  readonly #words = new Uint16Array(MAX_WORDS)
  #count = 0

  add(hash: number): void {
    if (this.#count < MAX_WORDS) this.#words[this.#count++] = hash % DIMENSIONS
  }

  /** Words, pairs of neighbours, and the beginnings of long ones: `refunded` has something of `refund`. */
  text(text: string): void {
    const end = Math.min(text.length, MAX_CHARS)
    let from = -1
    let before = 0
    for (let i = 0; i <= end; i++) {
      if (i < end && isWord(text.charCodeAt(i))) {
        if (from < 0) from = i
        continue
      }
      if (from < 0) continue
      const word = hashOf(text, from, i, 1)
      this.add(word)
      if (i - from > 5) this.add(hashOf(text, from, from + 4, 3))
      if (before !== 0) this.add((Math.imul(before, 31) ^ word) >>> 0)
      before = word
      from = -1
    }
  }

  value(value: JsonValue, depth: number): void {
    if (this.#count >= MAX_WORDS || depth > MAX_DEPTH) return
    if (typeof value === 'string') this.text(value)
    else if (Array.isArray(value)) for (const element of value) this.value(element, depth + 1)
    else if (typeof value === 'object' && value !== null)
      for (const [key, member] of Object.entries(value)) {
        this.add(hashOf(key, 0, Math.min(key.length, 64), 5))
        this.value(member, depth + 1)
      }
  }

  words(): Uint16Array {
    return this.#words.slice(0, this.#count)
  }
}

function isWord(code: number): boolean {
  const isDigit = code >= 48 && code <= 57
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  return isLetter || isDigit || code > 127
}

/** FNV-1a, the same for capitals; numbers are one word, whatever they are. */
function hashOf(text: string, from: number, to: number, seed: number): number {
  let hash = Math.imul(0x811c9dc5 ^ seed, 0x01000193)
  for (let i = from; i < to; i++) {
    let code = text.charCodeAt(i)
    if (code >= 65 && code <= 90) code += 32
    if (code >= 48 && code <= 57) code = 48
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
