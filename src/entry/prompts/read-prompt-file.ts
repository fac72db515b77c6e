import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { PolicyFault } from '../../policy/policy.ts'
import { readYaml } from '../../policy/yaml-document.ts'
import type { DocumentPath, YamlDocument } from '../../policy/yaml-document.ts'
import type { PromptContent } from '../../storage/store.ts'
import { digestOfDraft, LABEL_NAME, LATEST, MAX_MESSAGES, PROMPT_NAME } from './prompt.ts'
import type { PromptDraft } from './prompt.ts'

/** A prompt from a file, with the labels that its new versions take. */
export interface PromptFile extends PromptDraft {
  readonly labels: readonly string[]
}

export type PromptFileRead =
  | { readonly prompt: PromptFile; readonly faults: readonly [] }
  | { readonly prompt: null; readonly faults: readonly PolicyFault[] }

const MEMBERS = ['name', 'labels', 'note', 'config', 'text', 'messages']
const ROLES = ['system', 'user', 'assistant']

/**
 * Reads a prompt from the text of a file: YAML, or Markdown with front matter whose body is the text. `otherwise` is
 * the name of a prompt that names itself not. Faults have the place in the file.
 */
export function readPromptFile(text: string, file: string, otherwise: string): PromptFileRead {
  const markdown = file.endsWith('.md')
  const { matter, body } = markdown ? splitFrontMatter(text) : { matter: text, body: undefined }
  const { document, faults } = readYaml(matter.trim() === '' ? '{}\n' : matter, file)
  // The line that opens front matter is not part of it.
  const down = markdown && matter !== '' ? 1 : 0
  const moved = (found: readonly PolicyFault[]): PromptFileRead => ({
    prompt: null,
    faults: found.map((fault) => ({ ...fault, line: fault.line + down })),
  })
  if (document === null) return moved(faults)
  const reader = new Reader(document, file)
  const prompt = reader.prompt(body, otherwise)
  if (prompt === null) return moved(reader.faults)
  try {
    digestOfDraft(prompt)
    return { prompt, faults: [] }
  } catch (error) {
    if (!(error instanceof BelayError)) throw error
    return {
      prompt: null,
      faults: [
        {
          severity: 'error',
          code: error.code,
          file,
          line: 1,
          column: 1,
          expected: 'a template that can be read',
          found: error.message,
        },
      ],
    }
  }
}

/** Between two lines `---` at the beginning; without them, all of it is text. A blank line after them is none of it. */
function splitFrontMatter(text: string): { readonly matter: string; readonly body: string } {
  const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  if (!plain.startsWith('---\n')) return { matter: '', body: plain }
  const end = plain.startsWith('---\n---\n') ? 3 : plain.indexOf('\n---\n', 3)
  if (end === -1) return { matter: plain.slice(4), body: '' }
  return { matter: plain.slice(4, end + 1), body: plain.slice(end + 5).replace(/^\n/, '') }
}

class Reader {
  readonly faults: PolicyFault[] = []
  readonly #document: YamlDocument
  readonly #file: string

  constructor(document: YamlDocument, file: string) {
    this.#document = document
    this.#file = file
  }

  prompt(body: string | undefined, otherwise: string): PromptFile | null {
    const { content } = this.#document
    for (const member of Object.keys(content))
      if (!MEMBERS.includes(member)) this.#fault([member], MEMBERS.join(', '), member)
    const name = this.#text('name', PROMPT_NAME) ?? otherwise
    if (!new RegExp(PROMPT_NAME).test(name))
      this.#fault(['name'], 'a name of letters, digits and _ . -, up to 128 of them', name)
    const note = this.#text('note', '^[^]{1,1000}$')
    const config = content['config'] ?? {}
    if (!isJsonObject(config)) this.#fault(['config'], 'a map', typeOf(config))
    const labels = this.#labels()
    const prompt = this.#content(body)
    if (this.faults.length > 0 || prompt === null || !isJsonObject(config)) return null
    return { name, content: prompt, config, note: note ?? null, labels }
  }

  #content(body: string | undefined): PromptContent | null {
    const { text, messages } = this.#document.content
    if (body !== undefined) {
      if (text !== undefined) this.#fault(['text'], 'the text below the front matter', 'text')
      if (messages !== undefined) this.#fault(['messages'], 'a YAML file for messages', 'messages')
      return { kind: 'text', text: body.replace(/\n+$/, '') }
    }
    if ((text === undefined) === (messages === undefined)) {
      this.#fault([], 'either text or messages', text === undefined ? 'neither' : 'both')
      return null
    }
    if (messages !== undefined) return this.#messages(messages)
    if (typeof text === 'string') return { kind: 'text', text: text.replace(/\n+$/, '') }
    this.#fault(['text'], 'a text', typeOf(text ?? null))
    return null
  }

  #messages(messages: JsonValue): PromptContent | null {
    if (!Array.isArray(messages) || messages.length === 0 || messages.length > MAX_MESSAGES) {
      this.#fault(['messages'], `a list of 1 to ${MAX_MESSAGES} messages`, typeOf(messages))
      return null
    }
    const read = (messages as readonly JsonValue[]).map((message, index) => {
      const { role, content, ...more }: JsonObject = isJsonObject(message) ? message : {}
      const other = Object.keys(more)[0]
      if (typeof role !== 'string' || !ROLES.includes(role))
        this.#fault(['messages', index], `role: ${ROLES.join(', ')}`, typeOf(role ?? null))
      if (typeof content !== 'string')
        this.#fault(['messages', index], 'content: a text', typeOf(content ?? null))
      if (other !== undefined) this.#fault(['messages', index, other], 'role and content', other)
      const text = typeof content === 'string' ? content.replace(/\n+$/, '') : ''
      return { role: (role ?? 'user') as 'user', content: text }
    })
    return { kind: 'chat', messages: read }
  }

  #labels(): readonly string[] {
    const labels = this.#document.content['labels'] ?? []
    const list = Array.isArray(labels) ? (labels as readonly JsonValue[]) : [labels]
    const read = list.filter((label): label is string => typeof label === 'string')
    for (const label of list)
      if (typeof label !== 'string' || label === LATEST || !new RegExp(LABEL_NAME).test(label))
        this.#fault(
          ['labels'],
          `labels of small letters, digits and _ . -; ${LATEST} moves by itself`,
          typeof label === 'string' ? label : typeOf(label),
        )
    return [...new Set(read)].slice(0, 20)
  }

  #text(member: string, pattern: string): string | undefined {
    const value = this.#document.content[member]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string' && new RegExp(pattern).test(value)) return value
    this.#fault([member], `a text that fits ${pattern}`, typeof value === 'string' ? value : typeOf(value))
    return undefined
  }

  #fault(path: DocumentPath, expected: string, found: string): void {
    const position = this.#document.position(path, 'key')
    const where = path.length === 0 ? '' : `${path.join('.')}: `
    this.faults.push({
      severity: 'error',
      code: 'prompt:invalid',
      file: this.#file,
      ...position,
      expected: `${where}${expected}`,
      found: found.slice(0, 200),
    })
  }
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'string' ? value.slice(0, 100) : `a ${typeof value}`
}
