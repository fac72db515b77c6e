import { isJsonObject, type JsonObject } from '../../../action/json.ts'
import { eventData, eventWith } from './event-data.ts'
import { malformed, type MutableObject, objectIn } from './openai-members.ts'
import { outputOf } from './openai-responses-answer.ts'
import { RESPONSE_EVENTS, ResponseCalls, typeOf } from './openai-responses-calls.ts'
import { refusalItem, refusalPart } from './openai-responses-output.ts'
import { count } from './openai-usage.ts'
import type { StreamEvent } from './wire-format.ts'

/**
 * Puts a message in the place of each refused call: all events of the message where the call's first event was, at the
 * same place of the output. Everything from there on is numbered anew.
 */
export function refuseResponseCalls(
  held: readonly StreamEvent[],
  refusals: ReadonlyMap<number, string>,
): readonly StreamEvent[] {
  const calls = new ResponseCalls()
  const replaced = new Map<number, JsonObject>()
  const events: StreamEvent[] = []
  let sequence: number | null = null

  const send = (event: StreamEvent, data: JsonObject): void => {
    if (sequence === null || !('sequence_number' in data)) events.push(event)
    else events.push(eventWith(event.event, { ...data, sequence_number: sequence++ }))
  }
  const sendNew = (type: string, data: JsonObject): void => {
    const numbered = sequence === null ? { type, ...data } : { type, sequence_number: sequence++, ...data }
    events.push(eventWith(type, numbered))
  }

  for (const event of held) {
    if (event.data === '[DONE]') {
      events.push(event)
      continue
    }
    const data = eventData(event)
    const type = typeOf(event, data)
    sequence ??= count(data['sequence_number'])
    calls.take(type, data)
    if (RESPONSE_EVENTS.has(type) && isJsonObject(data['response'])) {
      const changed = { ...data, response: withoutRefused(data['response'], calls, refusals, replaced) }
      send(eventWith(event.event, changed), changed)
      continue
    }
    const index = count(data['output_index'])
    const call = index === null ? undefined : calls.at(index)
    const refusal = call === undefined ? undefined : refusals.get(call.number)
    if (index === null || refusal === undefined) {
      send(event, data)
      continue
    }
    if (replaced.has(index)) continue
    const item = refusalItem(objectIn(data['item'], 'item', malformed), refusal)
    replaced.set(index, item)
    sayItem(item, index, refusal, sendNew)
  }
  return events
}

function sayItem(
  item: JsonObject,
  index: number,
  text: string,
  send: (type: string, data: JsonObject) => void,
): void {
  const place = { item_id: item['id'] ?? null, output_index: index, content_index: 0 }
  const started = { ...item, status: 'in_progress', content: [] }
  send('response.output_item.added', { output_index: index, item: started })
  send('response.content_part.added', { ...place, part: refusalPart('') })
  send('response.output_text.delta', { ...place, delta: text, logprobs: [] })
  send('response.output_text.done', { ...place, text, logprobs: [] })
  send('response.content_part.done', { ...place, part: refusalPart(text) })
  send('response.output_item.done', { output_index: index, item })
}

function withoutRefused(
  response: JsonObject,
  calls: ResponseCalls,
  refusals: ReadonlyMap<number, string>,
  replaced: ReadonlyMap<number, JsonObject>,
): JsonObject {
  if (!Array.isArray(response['output'])) return response
  const changed: MutableObject = { ...response }
  // The joined text, which official clients add by themselves.
  delete changed['output_text']
  changed['output'] = outputOf(response).map((item, index) => {
    const call = calls.at(index)
    const refusal = call === undefined ? undefined : refusals.get(call.number)
    if (refusal === undefined) return item
    return replaced.get(index) ?? refusalItem(item, refusal)
  })
  return changed
}
