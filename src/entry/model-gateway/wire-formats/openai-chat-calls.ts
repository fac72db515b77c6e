import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { ToolCall } from '../model-call.ts'
import { callParts } from './openai-chat-answer.ts'
import { arrayIn, isGiven, malformed, type MutableObject, objectIn, stringOrNull } from './openai-members.ts'
import { count } from './openai-usage.ts'

/** A delta of a tool call: which call it belongs to, by the order in which calls first appear in the stream. */
export interface CallDelta {
  readonly number: number
  readonly legacy: boolean
  readonly source: MutableObject
}

/**
 * The tool calls of one stream, put together from deltas. Reading and refusing number them in the same way, so
 * that an index in `ModelAnswer.toolCalls` means the same call to both.
 */
export class ChatCalls {
  readonly #calls: { id: string | null; name: string; arguments: string; choice: number }[] = []
  readonly #open = new Map<string, number>()

  /** Takes the calls in a delta of a choice. Throws when a call changes its name: clients disagree on what that means. */
  take(choice: number, delta: JsonObject): CallDelta[] {
    const deltas: CallDelta[] = []
    const list = delta['tool_calls']
    if (isGiven(list)) {
      for (const value of arrayIn(list, 'delta.tool_calls', malformed)) {
        const source = objectIn(value, 'delta.tool_calls', malformed)
        const { name, text } = callParts(source)
        const key = `${choice}/${count(source['index']) ?? ''}`
        deltas.push({ source, legacy: false, number: this.#add(key, choice, callId(source), name, text) })
      }
    }
    const legacy = delta['function_call']
    if (isGiven(legacy)) {
      const source = objectIn(legacy, 'delta.function_call', malformed)
      const { name, text } = callParts({ function: source })
      deltas.push({
        source,
        legacy: true,
        number: this.#add(`${choice}/legacy`, choice, 'function_call', name, text),
      })
    }
    return deltas
  }

  #add(key: string, choice: number, id: string | null, name: string | null, text: string | null): number {
    const at = this.#open.get(key)
    const open = at === undefined ? undefined : this.#calls[at]
    // Some providers number every parallel call 0 and tell them apart by their ids.
    if (at !== undefined && open !== undefined && (id === null || name === null || id === open.id)) {
      if (name !== null && name !== open.name) {
        if (open.name !== '') throw malformed('delta.tool_calls', 'one name a call', name)
        open.name = name
      }
      if (text !== null) open.arguments += text
      return at
    }
    const number = this.#calls.push({ id, name: name ?? '', arguments: text ?? '', choice }) - 1
    this.#open.set(key, number)
    return number
  }

  get any(): boolean {
    return this.#calls.length > 0
  }

  /** The numbers of the calls of a choice that were seen so far. */
  of(choice: number): number[] {
    return this.#calls.flatMap((call, number) => (call.choice === choice ? [number] : []))
  }

  toolCalls(): ToolCall[] {
    return this.#calls.map(({ id, name, arguments: text }, number) => ({
      id: id ?? `call_${number}`,
      name,
      arguments: text,
    }))
  }
}

function callId(source: JsonObject): string | null {
  const id: JsonValue | undefined = source['id']
  return id === '' ? null : stringOrNull(id)
}
