import type { JsonValue } from '../../../action/json.ts'
import { copyJson, readContext, withTarget, type AgentContext } from './agent-context.ts'
import type { HostError } from './wire-verdict.ts'

/** Longer paths are refused: nothing that a person wrote is. */
const LONGEST_PATH = 1_024
const ROOTS = ['$target', '$policy_target']
const SEGMENT = /\.([\w-]+)|\[(\d{1,9})\]|\["([\w-]+)"\]/y

/** The context with the addressed value of its target replaced, or why it cannot be. */
export function transformTarget(
  context: AgentContext,
  { path, value }: { readonly path: string; readonly value: JsonValue },
): AgentContext | HostError {
  const { interception_point } = context
  const root = ROOTS.find((root) => path.startsWith(root) && !/^\w/.test(path.slice(root.length)))
  if (root === undefined) return 'transform_target_forbidden'
  if (interception_point === 'agent_startup' || interception_point === 'agent_shutdown')
    return 'transform_target_forbidden'
  const segments = readSegments(path.slice(root.length))
  if (segments === undefined) return 'transform_invalid'
  const target = replaced(copyJson(context.target) as JsonValue, segments, value)
  if (target === undefined) return 'transform_invalid'
  return readContext(withTarget(context, target)) ?? 'transform_invalid'
}

function readSegments(text: string): readonly (string | number)[] | undefined {
  if (text.length > LONGEST_PATH) return undefined
  const segments: (string | number)[] = []
  SEGMENT.lastIndex = 0
  while (SEGMENT.lastIndex < text.length) {
    const match = SEGMENT.exec(text)
    if (match === null) return undefined
    const [, name, index, quoted] = match
    segments.push(name ?? quoted ?? Number(index))
  }
  return segments
}

/** Changes `target` in place; only places that exist are replaced. */
function replaced(
  target: JsonValue,
  segments: readonly (string | number)[],
  value: JsonValue,
): JsonValue | undefined {
  const last = segments.at(-1)
  if (last === undefined) return value
  let at: unknown = target
  for (const segment of segments.slice(0, -1)) {
    if (!leadsOn(at, segment)) return undefined
    at = at[segment]
  }
  if (!leadsOn(at, last)) return undefined
  at[last] = value
  return target
}

function leadsOn(at: unknown, segment: string | number): at is Record<string | number, unknown> {
  if (typeof at !== 'object' || at === null) return false
  return Array.isArray(at) === (typeof segment === 'number') && Object.hasOwn(at, segment)
}
