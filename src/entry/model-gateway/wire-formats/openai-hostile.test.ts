import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject, JsonValue } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiCompletions } from './openai-completions.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { copyOf, type MutableObject } from './openai-members.ts'
import { openaiResponses } from './openai-responses.ts'
import type { WireFormat } from './wire-format.ts'

const MEMBERS = [
  'model messages input prompt suffix instructions tools functions stream n plugins max_tokens',
  'stream_options prediction role content type text image_url url file input_audio data file_data',
  'tool_calls function_call function custom name arguments output outputs summary action command',
  'variables id call_id status conversation choices delta message index finish_reason refusal',
  'reasoning_details usage item response output_index content_index part error logprobs audio',
  'transcript __proto__',
].flatMap((line) => line.split(' '))
const WORDS = [
  'user assistant tool system text input_text output_text refusal image_url file input_file',
  'input_audio function custom namespace message reasoning function_call x function_call_output',
  'shell_call_output shell_call image_generation_call item_reference response.output_text.delta',
  'response.output_text.done response.output_item.done response.completed',
  'response.content_part.done response.function_call_arguments.delta constructor toString',
  '',
].flatMap((line) => line.split(' '))

/** JSON made of the words of the protocols, so that it gets past the first look at it. */
const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom<JsonValue>(null, true, false, 0, 1, -1, 0.5, 1e300),
    fc.constantFrom(...WORDS),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom(...MEMBERS), tie('value'), { maxKeys: 6 }),
})).value

const object = json.filter(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
) as fc.Arbitrary<JsonObject>

const CHAT: JsonObject = {
  model: 'm',
  messages: [
    { role: 'system', content: 'a' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'b' },
        { type: 'image_url', image_url: { url: 'data:x;base64,AA' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: '1', content: 'c' },
  ],
  tools: [{ type: 'function', function: { name: 'f' } }],
  stream: true,
  n: 1,
}
const RESPONSES: JsonObject = {
  model: 'm',
  instructions: 'a',
  input: [
    { role: 'user', content: [{ type: 'input_text', text: 'b' }] },
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 's' }] },
    { type: 'function_call_output', call_id: '1', output: [{ type: 'input_text', text: 'o' }] },
    { type: 'shell_call', action: { commands: ['ls'] } },
  ],
  tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'f' }] }],
  prompt: { id: 'p', variables: { a: 'v' } },
}

/** A body in which something is replaced by something else. */
function broken(body: JsonObject): fc.Arbitrary<JsonObject> {
  return fc.tuple(fc.array(fc.nat(), { maxLength: 8 }), json).map(([path, value]) => {
    const copy = copyOf(body)
    let at: MutableObject = copy
    for (const step of path) {
      const keys = Object.keys(at)
      const key = keys[step % keys.length] as string
      const next = at[key]
      if (typeof next !== 'object' || next === null || Object.keys(next).length === 0 || step % 5 === 0) {
        at[key] = value
        return copy
      }
      at = next as MutableObject
    }
    return copy
  })
}

const FORMATS: readonly [WireFormat, fc.Arbitrary<JsonObject>][] = [
  [openaiChat, fc.oneof(object, broken(CHAT))],
  [openaiResponses, fc.oneof(object, broken(RESPONSES))],
  [openaiEmbeddings, fc.oneof(object, broken({ model: 'm', input: ['a', [1, 2]] }))],
  [openaiCompletions, fc.oneof(object, broken({ model: 'm', prompt: ['a', 'b'], suffix: 'c', n: 2 }))],
]

describe.each(FORMATS.map(([format, bodies]) => ({ name: format.name, format, bodies })))(
  '$name',
  ({ format, bodies }) => {
    it('reads any body, or names what is wrong with it', () => {
      let read = 0
      fc.assert(
        fc.property(bodies, (body) => {
          try {
            const { texts } = format.readRequest(body, {})
            read++
            // Every text that was read can be replaced, and is then read as replaced.
            const changed = format.rewriteRequest(
              body,
              { texts: new Map(texts.map((_, index) => [index, `t${index}`])) },
              {},
            )
            expect(format.readRequest(changed, {}).texts.map(({ text }) => text)).toEqual(
              texts.map((_, index) => `t${index}`),
            )
          } catch (error) {
            if (!(error instanceof BelayError)) throw error
            expect(error.code).toBe('input:invalid')
          }
        }),
        { numRuns: 2_000 },
      )
      expect(read).toBeGreaterThan(50)
    })

    it('reads any answer, or says that it is none', () => {
      fc.assert(
        fc.property(object, (body) => {
          try {
            const { texts } = format.readAnswer(body)
            format.rewriteAnswer(body, { texts, refusals: new Map([[0, 'no']]) })
          } catch (error) {
            expect(String(error)).toContain("The provider's answer is malformed")
          }
        }),
        { numRuns: 1_000 },
      )
    })

    it('reads any stream, or says that it is broken', () => {
      const stream = format.stream
      if (stream === null) return expect(format.operation).toBe('model.embed')
      const events = fc.array(object, { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(events, (datas) => {
          const reader = stream.open(format.readRequest({ messages: [], input: 'x' }, {}))
          try {
            const held = datas.map((data) => ({ event: null, data: JSON.stringify(data) }))
            for (const event of held.flatMap((one) => stream.split?.(one) ?? [one])) {
              const reading = reader.read(event)
              if (reading.repeats === true) stream.finalText?.(event, ['x'])
              else if (reading.text !== null) stream.withText(event, 'y')
            }
            stream.refuse(held, new Map([[0, 'no']]))
          } catch (error) {
            expect(String(error)).toContain("The provider's answer is malformed")
          }
        }),
        { numRuns: 1_000 },
      )
    })
  },
)
