import negators from 'sentiment/languages/en/negators.json' with { type: 'json' }
import valences from 'sentiment/languages/en/labels.json' with { type: 'json' }
import type { Check } from '../../../policy/check.ts'
import { checkTexts, FIELD_OPTION } from '../fields.ts'
import { compileWords, hashOf, nextHash } from './matching/word-table.ts'
import { readingsOf } from './matching/disguises.ts'

// The word lists are the library's; its own reading of a text takes four passes and ten times as long.
const VALENCES = compileWords(Object.entries(valences))
const NEGATORS = compileWords(Object.keys(negators).map((word) => [word, 1]))
const BETWEEN_WORDS = /[\s.,/#!?$%^&*;:{}=_`"~()]/

const OTHER_SPACES = '\u1680\u2028\u2029'

const BETWEEN = Uint8Array.from({ length: 128 }, (_, unit) =>
  BETWEEN_WORDS.test(String.fromCharCode(unit)) ? 1 : 0,
)

const DEFAULT_MIN = -0.5

/** The square of the strength at which the score reaches 0.7; 15 puts one strong word (3) at 0.61. */
const SOFTNESS = 15

/**
 * Tone of an English text, from −1 (hostile) to 1 (warm); 0 where no word carries a tone. With Σ the sum of
 * the AFINN-165 valences (−5 … 5 a word, turned round after a negator such as "not"), n the number of words
 * that have one, and x = Σ ∕ √n: the score is x ∕ √(x² + 15). One "hate" gives −0.61, "stupid and useless"
 * −0.59, "sorry for the problem" −0.48. Other languages score 0. Linear in the length.
 */
export function toneOf(text: string): number {
  const { normal } = readingsOf(text)
  let sum = 0
  let toned = 0
  let beforeStart = 0
  let beforeEnd = 0
  let start = 0
  while (start < normal.length) {
    if (isBetween(normal.charCodeAt(start))) {
      start++
      continue
    }
    let end = start
    let hash = 0
    for (; end < normal.length; end++) {
      const unit = normal.charCodeAt(end)
      if (isBetween(unit)) break
      hash = nextHash(hash, unit)
    }
    const valence = VALENCES(normal, start, end, hash)
    if (valence !== undefined) {
      toned++
      const negated = NEGATORS(normal, beforeStart, beforeEnd, hashOf(normal, beforeStart, beforeEnd)) === 1
      sum += negated ? -valence : valence
    }
    beforeStart = start
    beforeEnd = end
    start = end
  }
  if (toned === 0) return 0
  const strength = sum / Math.sqrt(toned)
  return strength / Math.sqrt(strength * strength + SOFTNESS)
}

function isBetween(unit: number): boolean {
  return unit < 128 ? BETWEEN[unit] === 1 : OTHER_SPACES.includes(String.fromCharCode(unit))
}

/** Refuses text whose tone is below `min`. */
export const sentiment: Check = {
  name: 'sentiment',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      min: {
        type: 'number',
        minimum: -1,
        maximum: 1,
        description: 'The lowest tone let through. Default: -0.5.',
      },
    },
    additionalProperties: false,
  },
  prepare({ field, min = DEFAULT_MIN }) {
    if (typeof min !== 'number' || !(min >= -1 && min <= 1))
      throw new Error('sentiment: min must be from -1 to 1')
    return checkTexts(field, ({ text, path }) => {
      const tone = toneOf(text)
      if (tone >= min) return undefined
      return {
        code: 'sentiment:too_negative',
        message: `The tone of the text is below ${min}.`,
        evidence: { path: [...path], tone: Math.round(tone * 1000) / 1000, min },
      }
    })
  },
}
