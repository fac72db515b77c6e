import { Profanity } from '@2toad/profanity'
import { normaliseForMatching } from '../../../action/normalise.ts'
import type { Check } from '../../../policy/check.ts'
import { checkTexts, FIELD_OPTION } from '../fields.ts'
import { readingsOf } from './matching/disguises.ts'

const LANGUAGES = ['ar', 'de', 'en', 'es', 'fr', 'hi', 'it', 'ja', 'ko', 'pt', 'ru', 'zh'] as const

const MOST_FOUND = 10

/** Refuses swear words: the lists of `@2toad/profanity`, whole words, after normalising and undoing disguises. */
export const profanity: Check = {
  name: 'profanity',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      allow: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        description: 'Words of the lists that are fine here.',
      },
      languages: {
        type: 'array',
        items: { enum: LANGUAGES },
        minItems: 1,
        description: 'Whose lists apply. Default: en.',
      },
    },
    additionalProperties: false,
  },
  prepare({ field, allow, languages }) {
    const chosen = LANGUAGES.filter((code) =>
      Array.isArray(languages) ? languages.includes(code) : code === 'en',
    )
    if (chosen.length === 0) throw new Error(`profanity: languages must be of ${LANGUAGES.join(', ')}`)
    // ASCII boundaries would see "culo" in "vehículo"; they are faster and right for English alone.
    const lists = new Profanity({
      languages: [...chosen],
      unicodeWordBoundaries: chosen.some((code) => code !== 'en'),
      grawlix: '***',
    })
    if (Array.isArray(allow)) {
      const words = allow.filter((word) => typeof word === 'string')
      lists.removeWords([...words, ...words.map(normaliseForMatching)])
    }
    return checkTexts(field, ({ text, path }) => {
      const found = readings(text).filter((reading) => lists.exists(reading))
      if (found.length === 0) return undefined
      const censored = lists.censor(text)
      // Disguised words survive the library's censoring; then there is no harmless form to offer.
      const harmless = !readings(censored).some((reading) => lists.exists(reading))
      return {
        message: 'The text holds a swear word.',
        evidence: { path: [...path], words: wordsAmong(found, lists) },
        ...(harmless ? { edits: [{ path, value: censored }] } : {}),
      }
    })
  },
}

/** The text as it is written (lists of other languages hold accents), normalised, and without disguises. */
function readings(text: string): readonly string[] {
  const { normal, others } = readingsOf(text)
  const written = text.toLowerCase()
  return written === normal ? [normal, ...others] : [written, normal, ...others]
}

function wordsAmong(texts: readonly string[], lists: Profanity): string[] {
  const words = new Set<string>()
  for (const text of texts)
    for (const word of text.split(/[^\p{L}\p{N}\p{M}]+/u)) {
      if (words.size < MOST_FOUND && word !== '' && lists.exists(word)) words.add(word)
    }
  return [...words]
}
