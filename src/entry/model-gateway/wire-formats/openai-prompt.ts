import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { MediaCounts, RequestText } from '../model-call.ts'
import {
  arrayIn,
  invalid,
  isGiven,
  type MutableObject,
  objectIn,
  optionalString,
  stringIn,
} from './openai-members.ts'

/** A text of the request and where it stands, so that it can be replaced in a copy of the body. */
export interface TextPlace extends RequestText {
  readonly holder: MutableObject | JsonValue[]
  readonly member: string | number
}

export const ROLES: Readonly<Record<string, RequestText['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
}

/**
 * What one pass over a request of the OpenAI formats collects. The same pass over a copy finds the same texts in
 * the same order, which is how changed ones are put back.
 *
 * Texts are what the model reads as conversation: instructions, messages, tool calls of earlier turns and results
 * of tools. Descriptions and schemas of tools are no texts: they are in `ModelRequest.toolSchemas`.
 */
export class Prompt {
  readonly places: TextPlace[] = []
  readonly tools: string[] = []
  readonly hosted: string[] = []
  images = 0
  inlineBytes = 0
  unbounded = false

  /** Notes the text of a member, where it has one. */
  text(role: RequestText['role'], holder: MutableObject, member: string, where: string): string {
    const value = holder[member]
    if (!isGiven(value)) return ''
    const text = stringIn(value, where)
    if (text !== '') this.places.push({ role, text, holder, member })
    return text
  }

  /** A member that holds a text or an array of parts. Answers its texts, one a line. */
  content(role: RequestText['role'], holder: MutableObject, member: string, where: string): string {
    const value = holder[member]
    if (!isGiven(value)) return ''
    if (typeof value === 'string') return this.text(role, holder, member, where)
    if (!Array.isArray(value)) throw invalid(where, 'a string or an array of parts', value)
    return this.parts(role, value as JsonValue[], where)
  }

  parts(role: RequestText['role'], parts: JsonValue[], where: string): string {
    let joined = ''
    for (let index = 0; index < parts.length; index++) {
      const at = `${where}[${index}]`
      const text = this.#part(role, objectIn(parts[index], at), at)
      if (text !== '') joined = joined === '' ? text : `${joined}\n${text}`
    }
    return joined
  }

  #part(role: RequestText['role'], part: MutableObject, at: string): string {
    const type = optionalString(part, 'type', `${at}.type`)
    // Whatever the type: a text under a name that providers read must not pass unseen.
    const text = this.text(role, part, 'text', `${at}.text`)
    switch (type) {
      case null:
      case 'text':
      case 'input_text':
      case 'output_text':
      case 'summary_text':
      case 'reasoning_text':
        return text
      case 'refusal':
        return this.text(role, part, 'refusal', `${at}.refusal`)
      case 'image_url':
      case 'input_image':
      case 'computer_screenshot':
        this.#image(part, at)
        return text
      case 'input_audio':
        this.unbounded = true
        this.inline(objectIn(part['input_audio'], `${at}.input_audio`)['data'], `${at}.input_audio.data`)
        return text
      case 'file':
        this.file(objectIn(part['file'], `${at}.file`), `${at}.file`)
        return text
      case 'input_file':
        this.file(part, at)
        return text
      default:
        // A part that is not known can be a video or a document of any length.
        this.unbounded = true
        this.#unknown(role, part, at)
        return text
    }
  }

  #image(part: MutableObject, at: string): void {
    this.images++
    if (isGiven(part['file_id'])) this.unbounded = true
    const given = part['image_url']
    if (!isGiven(given)) return
    const url = isJsonObject(given) ? given['url'] : given
    this.inline(url, isJsonObject(given) ? `${at}.image_url.url` : `${at}.image_url`)
  }

  file(file: JsonObject, at: string): void {
    this.unbounded = true
    if (isGiven(file['file_data'])) this.inline(file['file_data'], `${at}.file_data`)
  }

  /** Counts inline base64; an address on the network is none. */
  inline(value: JsonValue | undefined, where: string): void {
    const data = stringIn(value, where)
    if (data.startsWith('http://') || data.startsWith('https://')) return
    this.inlineBytes += data.length - (data.startsWith('data:') ? data.indexOf(',', 0) + 1 : 0)
  }

  #unknown(role: RequestText['role'], part: MutableObject, at: string): void {
    for (const member of UNKNOWN_PART_TEXTS) {
      const value = part[member]
      if (typeof value === 'string') this.text(role, part, member, at)
      else if (Array.isArray(value)) {
        for (const inner of value) if (isJsonObject(inner)) this.text(role, inner, 'text', at)
      }
    }
  }

  /** `tools` of either format: names of what the agent runs, types of what the provider runs. */
  toolList(value: JsonValue | undefined, where: string): void {
    if (!isGiven(value)) return
    const list = arrayIn(value, where)
    for (let index = 0; index < list.length; index++) {
      const at = `${where}[${index}]`
      const tool = objectIn(list[index], at)
      const type = optionalString(tool, 'type', `${at}.type`) ?? 'function'
      const nested = tool[type]
      if (type === 'function' || type === 'custom') {
        const named = isGiven(nested) ? objectIn(nested, `${at}.${type}`) : tool
        this.tools.push(stringIn(named['name'], `${at}.name`))
      } else if (type === 'namespace') {
        this.toolList(tool['tools'], `${at}.tools`)
      } else if (AGENT_TOOLS.has(type)) {
        this.tools.push(type)
      } else {
        // What is not known to be run by the agent is taken as run, and billed, by the provider.
        this.hosted.push(type)
        if (type === 'file_search' || type === 'mcp') this.unbounded = true
      }
    }
  }

  media(): MediaCounts {
    return {
      images: this.images,
      inlineBytes: this.inlineBytes,
      unbounded: this.unbounded,
      hosted: this.hosted,
    }
  }

  texts(): readonly RequestText[] {
    return this.places.map(({ role, text }) => ({ role, text }))
  }

  /** Puts changed texts where this pass found the old ones: the pass must have been over a copy. */
  replace(texts: ReadonlyMap<number, string>): void {
    for (const [index, text] of texts) {
      const place = this.places[index]
      if (place === undefined) throw new RangeError(`The request has no text ${index}.`)
      ;(place.holder as MutableObject)[place.member] = text
    }
  }
}

const UNKNOWN_PART_TEXTS = ['thinking', 'content', 'input', 'document', 'data'] as const

const AGENT_TOOLS: ReadonlySet<string> = new Set([
  'local_shell',
  'shell',
  'apply_patch',
  'computer',
  'computer_use_preview',
])
