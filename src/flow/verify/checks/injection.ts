import type { Check } from '../../../policy/check.ts'
import { checkTexts, FIELD_OPTION } from '../fields.ts'
import { findInjection } from './injection/find-injection.ts'

/** Refuses text with marks of injected or hidden instructions: for results of tools, and for whatever comes from outside. */
export const injection: Check = {
  name: 'injection',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      allow: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        description: 'Marks that may pass, such as fake_role in a text about chat templates.',
      },
    },
    additionalProperties: false,
  },
  prepare({ field, allow }) {
    const allowed = new Set(Array.isArray(allow) ? allow.map(String) : [])
    for (const mark of allowed)
      if (!MARKS.has(mark))
        throw new Error(`injection: there is no mark "${mark}"; there are ${[...MARKS].join(', ')}`)
    return checkTexts(field, ({ text, path, isKey }) => {
      const found = findInjection(text).filter(({ mark }) => !allowed.has(mark.replace(/^encoded_/, '')))
      if (found.length === 0) return undefined
      const spans = found.map(({ removable }) => removable)
      const whole = spans.length <= MAX_EDITED && spans.every((span) => span !== undefined)
      const [first] = found
      return {
        code: `injection:${first!.mark}`,
        message:
          SENTENCES[first!.mark.replace(/^encoded_/, '')] ?? 'The text holds marks of injected instructions.',
        evidence: {
          path: [...path],
          marks: found.slice(0, 10).map(({ mark, excerpt }) => ({ mark, excerpt })),
        },
        // A phrase that is cut out leaves the rest of the instruction; what nobody sees can be taken out whole.
        ...(whole && isKey !== true ? { edits: [{ path, value: without(text, spans) }] } : {}),
      }
    })
  },
}

/** A text with more hidden places than this is not worth mending. */
const MAX_EDITED = 1_000

const SENTENCES: Readonly<Record<string, string>> = {
  hidden_characters: 'The text holds characters that nobody sees and a model reads.',
  bidi_override: 'The text holds characters that make it look like another text.',
  hidden_instructions: 'The text holds instructions to a model where readers do not see them.',
  override_instructions: 'The text tells a model to set its instructions aside.',
  new_role: 'The text gives a model another role.',
  prompt_leak: 'The text asks a model for its instructions.',
  conceal: 'The text tells a model to keep something from the user.',
  tool_poisoning: 'The text has the form of a poisoned tool description.',
  fake_role: 'The text holds tags that pretend to be another speaker.',
  exfiltration: 'The text holds an address that would carry data away.',
}

const MARKS: ReadonlySet<string> = new Set(Object.keys(SENTENCES))

function without(
  text: string,
  spans: readonly ({ readonly start: number; readonly end: number } | undefined)[],
): string {
  let left = ''
  let from = 0
  for (const span of spans.toSorted((a, b) => a!.start - b!.start)) {
    if (span!.start < from) continue
    left += text.slice(from, span!.start)
    from = span!.end
  }
  return left + text.slice(from)
}
