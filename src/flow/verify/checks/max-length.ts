import { twitterText } from './length/twitter-text.ts'
import type { Check } from '../../../policy/check.ts'
import { checkTexts, FIELD_OPTION } from '../fields.ts'
import { measure } from './length/measure.ts'
import { LENGTH_UNITS, PLATFORM_LENGTHS } from './length/platform-lengths.ts'
import type { LengthUnit } from './length/platform-lengths.ts'
import { INVALID_ON_X } from './length/weighted-length.ts'

const UNIT_NAMES: Readonly<Record<LengthUnit, string>> = {
  codepoints: 'characters',
  utf16: 'UTF-16 units',
  bytes: 'bytes',
  graphemes: 'characters',
  weighted: 'weighted characters',
  emoji_bytes: 'characters',
  sms_segments: 'SMS segment(s)',
}

/**
 * Refuses text that is longer than a platform takes, counted as that platform counts. `max` and `unit` win
 * over the platform's; `max` alone counts code points.
 */
export const maxLength: Check = {
  name: 'max_length',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      platform: { enum: Object.keys(PLATFORM_LENGTHS), description: 'Whose limit applies.' },
      max: { type: 'integer', minimum: 0, description: 'The most there may be of the unit.' },
      unit: {
        enum: LENGTH_UNITS,
        description: 'What is counted. Default: as the platform does, else codepoints.',
      },
    },
    anyOf: [{ required: ['platform'] }, { required: ['max'] }],
    additionalProperties: false,
  },
  prepare({ field, platform, max: ownMax, unit: ownUnit }) {
    const known = typeof platform === 'string' ? platformLength(platform) : undefined
    const max = typeof ownMax === 'number' ? ownMax : known?.max
    if (max === undefined) throw new Error('max_length needs a platform or max')
    const unit = LENGTH_UNITS.find((name) => name === ownUnit) ?? known?.unit ?? 'codepoints'
    if (unit === 'weighted') twitterText()
    return checkTexts(field, ({ text, path }) => {
      const length = measure(text, unit, max)
      if (length > max) {
        return {
          message: `The text is longer than ${max} ${UNIT_NAMES[unit]}${typeof platform === 'string' ? ` (${platform})` : ''}.`,
          evidence: { path: [...path], max, unit, counted: length },
        }
      }
      if (unit === 'weighted' && INVALID_ON_X.test(text)) {
        return {
          code: 'max_length:invalid_character',
          message: 'The text holds a character that X does not take (U+FEFF, U+FFFE or U+FFFF).',
          evidence: { path: [...path] },
        }
      }
      return undefined
    })
  },
}

function platformLength(platform: string) {
  if (Object.hasOwn(PLATFORM_LENGTHS, platform)) return PLATFORM_LENGTHS[platform]
  throw new Error(
    `max_length knows no platform ${platform}; known: ${Object.keys(PLATFORM_LENGTHS).join(', ')}`,
  )
}
