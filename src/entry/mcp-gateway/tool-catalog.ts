import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { mirroredParameters, type MirroredParameter } from './mirrored-headers.ts'
import type { PinBook, PinStatus } from './pin-book.ts'
import { definitionOf, type ToolDefinition } from './tool-text.ts'

export interface KnownTool {
  readonly digest: string
  /** What the server says of it (`readOnlyHint` and the like): recorded, and never a reason to allow anything. */
  readonly hints: JsonObject
  readonly mirrored: readonly MirroredParameter[]
}

const MAX_TOOLS = 2_000

/** The tools of one server as it listed them last. A tool that it has not listed cannot be called. */
export class ToolCatalog {
  readonly #pins: PinBook
  readonly #onNote: (text: string) => void
  readonly #tools = new Map<string, KnownTool>()
  /** What it said is out of date: it is asked again before the next call. */
  stale = true

  constructor(pins: PinBook, onNote: (text: string) => void) {
    this.#pins = pins
    this.#onNote = onNote
  }

  get(name: string): KnownTool | undefined {
    return this.#tools.get(name)
  }

  status(name: string, { digest }: KnownTool): PinStatus {
    return this.#pins.known(name, digest) ?? { status: 'refused', why: 'its definition is being looked at' }
  }

  /** Forgets everything: a whole list follows. */
  begin(): void {
    this.#tools.clear()
  }

  /** Takes one page of `tools/list` and answers the tools of it that the client may see. */
  async absorb(listed: readonly JsonValue[]): Promise<readonly JsonObject[]> {
    const definitions: ToolDefinition[] = []
    const shown = new Map<string, JsonObject>()
    for (const tool of listed) {
      const definition = definitionOf(tool)
      if (typeof definition === 'string') this.#onNote(`not shown: ${definition}`)
      else if (shown.has(definition.name)) this.#onNote(`not shown: a second tool named ${definition.name}`)
      else if (this.#tools.size + definitions.length >= MAX_TOOLS)
        this.#onNote(`not shown: more than ${MAX_TOOLS} tools`)
      else {
        definitions.push(definition)
        shown.set(definition.name, tool as JsonObject)
      }
    }
    await this.#pins.judge(definitions)
    const allowed: JsonObject[] = []
    for (const { name, digest, tool } of definitions) {
      const mirrored = mirroredParameters(tool['inputSchema'])
      if (mirrored === undefined) {
        this.#onNote(`not shown: the tool ${name} has an x-mcp-header that breaks the rules`)
        continue
      }
      this.#tools.set(name, { digest, hints: hintsOf(tool['annotations']), mirrored })
      if (this.#pins.known(name, digest)?.status === 'pinned') allowed.push(shown.get(name)!)
    }
    return allowed
  }
}

function hintsOf(annotations: JsonValue | undefined): JsonObject {
  if (!isJsonObject(annotations)) return {}
  return Object.fromEntries(
    Object.entries(annotations)
      .filter(([, value]) => typeof value === 'boolean')
      .slice(0, 10),
  )
}
