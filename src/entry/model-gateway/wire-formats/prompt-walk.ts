import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import type { MediaCounts, ModelRequest, RequestText } from '../model-call.ts'
import { isList, mapItems, withMember } from './members.ts'

/**
 * One walk through a prompt. A format walks in the same way to read the texts and to put changed ones back, so
 * that an index always means the same text. Without edits the walk changes nothing and copies nothing.
 */
export class PromptWalk {
  readonly texts: RequestText[] = []
  readonly toolResults: { callId: string; text: string; failed: boolean }[] = []
  readonly hosted: string[] = []
  images = 0
  inlineBytes = 0
  unbounded = false
  readonly #edits: ReadonlyMap<number, string> | undefined

  constructor(edits?: ReadonlyMap<number, string>) {
    this.#edits = edits
  }

  /** Takes a text in; answers the text that stands there after the edits. */
  text(role: RequestText['role'], text: string): string {
    const edited = this.#edits?.get(this.texts.length)
    this.texts.push({ role, text })
    return edited ?? text
  }

  /** The member as a text, where it is a string that is not empty. */
  member(role: RequestText['role'], object: JsonObject, key: string): JsonObject {
    const value = object[key]
    if (typeof value !== 'string' || value === '') return object
    return withMember(object, key, this.text(role, value))
  }

  /**
   * Structured content as its JSON text: the model reads all of it, names and numbers included. An edit that is
   * no longer JSON of the same kind is put in as `{"text": …}`, so that nothing unedited stays.
   */
  json(role: RequestText['role'], value: JsonValue): JsonValue {
    if (value === null) return null
    const text = JSON.stringify(value)
    const edited = this.text(role, text)
    if (edited === text) return value
    const parsed = parsedOrNull(edited)
    return isJsonObject(parsed) === isJsonObject(value) && isList(parsed ?? undefined) === isList(value)
      ? parsed
      : { text: edited }
  }

  /** Every string below `value`, but not those under the keys that `skip` names. */
  leaves(
    role: RequestText['role'],
    value: JsonValue,
    skip: (key: string) => boolean,
    where: string,
    depth = 0,
  ): JsonValue {
    if (typeof value === 'string') return value === '' ? value : this.text(role, value)
    if (typeof value !== 'object' || value === null) return value
    if (depth === DEEPEST) throw new BelayError('input:too_deep', { where, max: String(DEEPEST) })
    if (isList(value)) return mapItems(value, (item) => this.leaves(role, item, skip, where, depth + 1))
    let changed: JsonObject = value
    for (const [key, item] of Object.entries(changed)) {
      if (!skip(key)) changed = withMember(changed, key, this.leaves(role, item, skip, where, depth + 1))
    }
    return changed
  }

  media(): MediaCounts {
    return {
      images: this.images,
      inlineBytes: this.inlineBytes,
      unbounded: this.unbounded,
      hosted: this.hosted,
    }
  }
}

/** A request without a prompt: a listing. */
export function promptless(model: string | null): ModelRequest {
  return {
    model,
    texts: [],
    tools: [],
    toolSchemas: null,
    toolResults: [],
    stream: false,
    maxTokens: null,
    answers: 1,
    params: {},
    media: new PromptWalk().media(),
    session: null,
  }
}

const DEEPEST = 64

function parsedOrNull(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return null
  }
}
