import type { Attributes } from '@opentelemetry/api'
import { INPUT_MESSAGES, OUTPUT_MESSAGES, SYSTEM_INSTRUCTIONS } from './attribute-names.ts'
import type { ModelContent } from './model-call-fact.ts'

/** Characters of JSON in one attribute: below the limit of the SDK, which cuts, and what is cut is no JSON any more. */
const MAX_JSON = 60_000
/** The most characters that one becomes in JSON: `\u0000`. */
const ESCAPED = 6
const MAX_NAME = 200

/** What was said, in the JSON of OpenTelemetry's conventions for messages; the end of what is too long is left out. */
export function contentAttributes({ request, answer }: ModelContent): Attributes {
  const [system, input, output] = [new BoundedList(), new BoundedList(), new BoundedList()]
  for (const { role, text } of request.texts) {
    if (role === 'system') system.add(text, (content) => ({ type: 'text', content }))
    else if (role === 'tool')
      input.add(text, (response) => ({ role, parts: [{ type: 'tool_call_response', response }] }))
    else input.add(text, (content) => ({ role, parts: [{ type: 'text', content }] }))
  }
  for (const text of answer?.texts ?? []) output.add(text, (content) => ({ type: 'text', content }))
  for (const { id, name, arguments: text } of answer?.toolCalls ?? [])
    output.add(text, (content) => ({
      type: 'tool_call',
      id: id.slice(0, MAX_NAME),
      name: name.slice(0, MAX_NAME),
      arguments: content,
    }))
  const finish_reason = answer?.finishReasons[0]?.slice(0, MAX_NAME) ?? 'unknown'
  return {
    ...(system.items.length > 0 && { [SYSTEM_INSTRUCTIONS]: JSON.stringify(system.items) }),
    ...(input.items.length > 0 && { [INPUT_MESSAGES]: JSON.stringify(input.items) }),
    ...(output.items.length > 0 && {
      [OUTPUT_MESSAGES]: JSON.stringify([{ role: 'assistant', parts: output.items, finish_reason }]),
    }),
  }
}

class BoundedList {
  readonly items: object[] = []
  #left = MAX_JSON

  /** Adds as much of the text as there is room for in the worst case. */
  add(text: string, make: (text: string) => object): void {
    const room = Math.floor(this.#left / ESCAPED)
    if (room <= 0) return
    const item = make(text.length > room ? text.slice(0, room).toWellFormed() : text)
    this.#left -= JSON.stringify(item).length + 1
    this.items.push(item)
  }
}
