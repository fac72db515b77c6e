import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { Reason } from '../../action/finding.ts'
import { joinTexts, splitTexts } from '../model-gateway/joined-text.ts'
import type { JudgedResult } from './action-door.ts'
import { metaOf } from './message.ts'

/** Names of ours in `_meta`. A server that sends such names has them removed. */
const OURS = 'belay/'

/** A result as the policy's `result:` checks see it, and as it is recorded. */
export function judgedShape(result: JsonObject, server: string): JsonObject {
  return {
    text: joinTexts(textsOf(result)),
    content: Array.isArray(result['content']) ? (result['content'] as JsonValue) : [],
    structured: result['structuredContent'] ?? null,
    provenance: `untrusted:mcp:${server}`,
  }
}

/** The texts that a model reads: text blocks and the text of embedded resources. */
function textsOf({ content }: JsonObject): readonly string[] {
  if (!Array.isArray(content)) return []
  return (content as readonly JsonValue[]).flatMap((block) => {
    if (!isJsonObject(block)) return []
    if (typeof block['text'] === 'string') return [block['text']]
    const { resource } = block
    return isJsonObject(resource) && typeof resource['text'] === 'string' ? [resource['text']] : []
  })
}

/**
 * The result after the checks have changed it; `undefined` where a change of the text cannot be carried over to all
 * places that say the same, and the result must be withheld.
 */
export function changedResult(
  result: JsonObject,
  before: JsonObject,
  verdict: JudgedResult | null,
): JsonObject | undefined {
  if (verdict?.effective !== 'transform') return result
  const after = verdict.result
  const { content, structured, text } = after
  const contentChanged = !isSame(content, before['content'])
  const changed: Record<string, JsonValue> = { ...result }
  if (contentChanged) changed['content'] = content ?? []
  else if (text !== before['text']) {
    // Only the joined text was changed: what is structured may still hold what was taken out.
    if (result['structuredContent'] !== undefined && isSame(structured, before['structured']))
      return undefined
    const texts = typeof text === 'string' ? splitTexts(text, textsOf(result)) : undefined
    if (texts === undefined) return undefined
    changed['content'] = withTexts(result['content'] as readonly JsonValue[], texts)
  }
  if (result['structuredContent'] !== undefined) changed['structuredContent'] = structured ?? null
  return changed
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function withTexts(content: readonly JsonValue[], texts: readonly string[]): JsonValue {
  let next = 0
  return content.map((block) => {
    if (!isJsonObject(block)) return block
    if (typeof block['text'] === 'string') return { ...block, text: texts[next++]! }
    const { resource } = block
    return isJsonObject(resource) && typeof resource['text'] === 'string'
      ? { ...block, resource: { ...resource, text: texts[next++]! } }
      : block
  })
}

/** Says where the result comes from. Nothing in it is an instruction to whoever reads it. */
export function labelled(result: JsonObject, server: string, action: string): JsonObject {
  const meta = Object.entries(metaOf(result)).filter(([name]) => !name.startsWith(OURS))
  return {
    ...result,
    _meta: {
      ...Object.fromEntries(meta),
      'belay/action': action,
      'belay/provenance': `untrusted:mcp:${server}`,
    },
  }
}

/** A refusal in the words of MCP: a result that the model reads and can act on. */
export function refusalResult(
  text: string,
  about: { readonly action?: string; readonly reasons?: readonly Reason[]; readonly approval?: string },
): JsonObject {
  return {
    resultType: 'complete',
    content: [{ type: 'text', text }],
    isError: true,
    _meta: {
      ...(about.action !== undefined && { 'belay/action': about.action }),
      ...(about.approval !== undefined && { 'belay/approval': about.approval }),
      ...(about.reasons !== undefined && {
        'belay/reasons': about.reasons.map(({ code, message }) => ({ code, message })),
      }),
    },
  }
}

export function sentences(reasons: readonly Reason[]): string {
  return reasons.length === 0 ? 'The policy denies it.' : reasons.map(({ message }) => message).join(' ')
}

export function textOfResult(result: JsonObject): string {
  return textsOf(result).join('\n')
}
