import { normaliseForMatching } from '../../../action/normalise.ts'
import type { JsonValue } from '../../../action/json.ts'
import type { Check } from '../../../policy/check.ts'
import { checkTexts, FIELD_OPTION } from '../fields.ts'
import { compilePhrases } from './matching/phrases.ts'

/** Refuses text that holds one of the given phrases, whole words, however it is dressed up. */
export const bannedPhrases: Check = {
  name: 'banned_phrases',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      phrases: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        description: 'Phrases that may not occur.',
      },
      file: {
        type: 'string',
        minLength: 1,
        description: 'A UTF-8 file with one phrase a line, relative to the policy; # starts a comment line.',
      },
    },
    anyOf: [{ required: ['phrases'] }, { required: ['file'] }],
    additionalProperties: false,
  },
  prepare({ field, phrases, file }, setup) {
    const all: JsonValue[] = []
    if (Array.isArray(phrases)) all.push(...phrases)
    if (typeof file === 'string') all.push(...setup.readLines(file))
    const given = all
      .filter((phrase) => typeof phrase === 'string')
      .filter((phrase) => normaliseForMatching(phrase) !== '')
    if (given.length === 0)
      throw new Error('banned_phrases has no phrases: give phrases or a file that holds some')
    const find = compilePhrases(given)
    return checkTexts(field, ({ text, path }) => {
      const found = find(text)
      if (found.length === 0) return undefined
      return {
        message: `The text holds ${found.length === 1 ? 'a banned phrase' : 'banned phrases'}.`,
        evidence: { path: [...path], phrases: found },
      }
    })
  },
}
