import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { ToolCall } from '../model-call.ts'
import { malformed, objectIn, stringIn, stringOrNull } from './openai-members.ts'
import { outputOf } from './openai-responses-answer.ts'
import { callOf } from './openai-responses-output.ts'
import { count } from './openai-usage.ts'

interface OpenCall {
  readonly number: number
  readonly type: JsonValue
  readonly id: string
  readonly name: string
  arguments: string
}

/** Events that hold the response as it is so far. */
export const RESPONSE_EVENTS: ReadonlySet<string> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.completed',
  'response.incomplete',
  'response.failed',
])

/**
 * The tool calls of one stream by their place in the output. Reading and refusing number them in the same way, in the
 * order in which they first appear.
 */
export class ResponseCalls {
  readonly #byIndex = new Map<number, OpenCall>()

  get any(): boolean {
    return this.#byIndex.size > 0
  }

  /** The call at a place of the output. */
  at(outputIndex: number): OpenCall | undefined {
    return this.#byIndex.get(outputIndex)
  }

  /** Takes what an event tells of calls. Throws when events contradict each other: clients differ in whom they believe. */
  take(type: string, data: JsonObject): void {
    if (type === 'response.output_item.added' || type === 'response.output_item.done') {
      this.#item(objectIn(data['item'], 'item', malformed), outputIndexOf(data))
    } else if (RESPONSE_EVENTS.has(type)) {
      if (isJsonObject(data['response']))
        for (const [index, item] of outputOf(data['response']).entries()) this.#item(item, index)
    } else if (
      type === 'response.function_call_arguments.delta' ||
      type === 'response.custom_tool_call_input.delta'
    ) {
      this.#open(data).arguments += stringIn(data['delta'], 'delta', malformed)
    } else if (type === 'response.function_call_arguments.done') {
      settle(this.#open(data), stringIn(data['arguments'], 'arguments', malformed))
    } else if (type === 'response.custom_tool_call_input.done') {
      settle(this.#open(data), stringIn(data['input'], 'input', malformed))
    }
  }

  #open(data: JsonObject): OpenCall {
    const open = this.#byIndex.get(outputIndexOf(data))
    if (open === undefined) throw malformed('output_index', 'that of a call', data['output_index'])
    return open
  }

  #item(item: JsonObject, index: number): void {
    const call = callOf(item)
    if (call === null) return
    const open = this.#byIndex.get(index)
    const type = item['type'] ?? null
    if (open === undefined) {
      this.#byIndex.set(index, { ...call, type, number: this.#byIndex.size })
      return
    }
    if (open.name !== call.name || open.type !== type) throw malformed('item', 'the call that it was', type)
    if (type === 'function_call' || type === 'custom_tool_call') settle(open, call.arguments)
    else open.arguments = call.arguments
  }

  toolCalls(): ToolCall[] {
    return [...this.#byIndex.values()].map(({ id, name, arguments: text }) => ({ id, name, arguments: text }))
  }
}

export function outputIndexOf(data: JsonObject): number {
  const index = count(data['output_index'])
  if (index === null) throw malformed('output_index', 'an index', data['output_index'])
  return index
}

export function typeOf(event: { readonly event: string | null }, data: JsonObject): string {
  return stringOrNull(data['type']) ?? event.event ?? ''
}

/** The whole arguments, which must be what the deltas told, if there were any. */
function settle(call: OpenCall, whole: string): void {
  if (whole === '' || whole === call.arguments) return
  if (whole.startsWith(call.arguments)) call.arguments = whole
  else if (!sameJson(whole, call.arguments)) throw malformed('arguments', 'what the deltas told', whole)
}

function sameJson(one: string, other: string): boolean {
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other))
  } catch {
    return false
  }
}
