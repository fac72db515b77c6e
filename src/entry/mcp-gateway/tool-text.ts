import { canonicalJson, digestOf } from '../../action/digest.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { findInjection } from '../../flow/verify/checks/injection/find-injection.ts'

/** A definition that nobody could review is not taken. */
const MAX_DEFINITION = 64 * 1024
const MAX_FINDINGS = 20
const TOOL_NAME = /^[A-Za-z0-9_./@:-]{1,128}$/

export interface ToolDefinition {
  readonly name: string
  /** SHA-256 over the RFC 8785 canonical JSON of everything but `_meta`. */
  readonly digest: string
  readonly tool: JsonObject
}

/** A tool as `tools/list` gives it; a sentence where it cannot be pinned. */
export function definitionOf(tool: JsonValue): ToolDefinition | string {
  if (!isJsonObject(tool) || typeof tool['name'] !== 'string') return 'a tool without a name'
  const { name } = tool
  if (!TOOL_NAME.test(name)) return `the tool ${JSON.stringify(name.slice(0, 100))}: no policy can name it`
  const { _meta: _, ...definition } = tool
  try {
    if (canonicalJson(definition).length > MAX_DEFINITION)
      return `the tool ${name}: its definition has more than ${MAX_DEFINITION} characters`
    return { name, digest: digestOf(definition), tool: definition }
  } catch {
    return `the tool ${name}: its definition has no canonical form (RFC 8785)`
  }
}

export interface TextFinding {
  readonly where: string
  readonly mark: string
}

/** Marks of hidden or foreign instructions in whatever of a definition a model reads. */
export function suspiciousTexts(definition: JsonObject): readonly TextFinding[] {
  const found: TextFinding[] = []
  const look = (text: string, where: string): void => {
    for (const { mark } of findInjection(text)) if (found.length < MAX_FINDINGS) found.push({ where, mark })
  }
  const walk = (value: JsonValue, where: string): void => {
    if (typeof value === 'string') look(value, where)
    else if (Array.isArray(value)) value.forEach((item: JsonValue, at) => walk(item, `${where}.${at}`))
    else if (isJsonObject(value))
      for (const [key, item] of Object.entries(value)) {
        look(key, `${where}.(name)`)
        walk(item, `${where}.${key}`.slice(0, 200))
      }
  }
  walk(definition, 'tool')
  return found
}
