import { normaliseForMatching } from '../../../../action/normalise.ts'
import { readingsOf } from './disguises.ts'
import { spaced } from './words.ts'

/** Scripts that are written without spaces: a phrase in them may stand anywhere. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/** Signs that carry meaning in a phrase, as in "C++" or "100%": such a phrase is looked for as it is written. */
const MEANINGFUL_SIGN = /[^\p{L}\p{N}\p{M}\s.,:;!?'’"“”()\-–—_/]/u

/** A shorter phrase is found inside spelled-out text only when it is the whole of it. */
const LONG_ENOUGH_TO_HIDE = 5

const MOST_FOUND = 10

/**
 * Compiles phrases into one regular expression of literals each for words, unspaced scripts and signs; the
 * answer finds the phrases (as they were written in the policy, at most ten) in a text. Both sides are
 * normalised; only whole words count; signs between words do not matter; words that are spelled out, broken
 * by signs or written with digits are seen through.
 */
export function compilePhrases(phrases: readonly string[]): (text: string) => readonly string[] {
  const written = new Map<string, string>()
  const words: string[] = []
  const unspaced: string[] = []
  const literal: string[] = []
  for (const phrase of phrases) {
    const normal = normaliseForMatching(phrase)
    const key = spaced(normal).trim()
    if (normal === '') continue
    if (key === '' || MEANINGFUL_SIGN.test(normal)) {
      written.set(normal, phrase)
      literal.push(normal)
    } else if (UNSPACED.test(key)) {
      const compact = key.replaceAll(' ', '')
      written.set(compact, phrase)
      unspaced.push(compact)
    } else {
      written.set(key, phrase)
      words.push(key)
    }
  }
  const inWords = alternation(words.map(escape), ' (?:', ')(?= )')
  const inUnspaced = alternation(unspaced.map(escape), '(?:', ')')
  const inText = alternation(literal.map(bounded), '(?:', ')')
  const compactOf = new Map(words.map((phrase) => [phrase.replaceAll(' ', ''), phrase]))
  const inSpelledOut = alternation(
    [...compactOf.keys()].filter((phrase) => phrase.length >= LONG_ENOUGH_TO_HIDE).map(escape),
    '(?:',
    ')',
  )

  return (text) => {
    const { normal, words: plain, others, spelledOut } = readingsOf(text)
    const found = new Set<string>()
    const note = (pattern: RegExp | null, where: string): void => {
      if (pattern === null) return
      // Not matchAll: it makes a new RegExp of the whole pattern for every text.
      pattern.lastIndex = 0
      for (let match = pattern.exec(where); match !== null; match = pattern.exec(where)) {
        const key = match[0].trim()
        found.add(written.get(key) ?? written.get(compactOf.get(key) ?? '') ?? key)
        if (found.size >= MOST_FOUND) return
      }
    }
    note(inText, normal)
    if (inUnspaced !== null) note(inUnspaced, plain.replaceAll(' ', ''))
    note(inWords, plain)
    for (const reading of others) note(inWords, reading)
    for (const word of spelledOut) note(inSpelledOut, word)
    return [...found].slice(0, MOST_FOUND)
  }
}

/**
 * In reverse alphabetical order: of two phrases at one place the longer comes first, and neighbours share their
 * beginnings, which the engine then tries once instead of once a phrase.
 */
function alternation(patterns: readonly string[], open: string, close: string): RegExp | null {
  if (patterns.length === 0) return null
  const ordered = [...new Set(patterns)].toSorted((a, b) => (a < b ? 1 : -1))
  return new RegExp(`${open}${ordered.join('|')}${close}`, 'gu')
}

/** A phrase with signs ends at a word's end only where it ends in a letter or digit: "100%" is in "100%ig". */
function bounded(literal: string): string {
  const before = /^[\p{L}\p{N}]/u.test(literal) ? '(?<![\\p{L}\\p{N}])' : ''
  const after = /[\p{L}\p{N}]$/u.test(literal) ? '(?![\\p{L}\\p{N}])' : ''
  return before + escape(literal) + after
}

function escape(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
