import { canonicalJson, digestOf } from '../../../action/digest.ts'
import { INTERCEPTION_POINTS, type InterceptionPoint } from '../../../action/interception-point.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'

/** The version of the contract that is spoken here, as contexts name it in `spec`. */
const CONTRACT = 'agent-hooks/0.1'

/** What a host shows its interceptors: an agent-hooks context that was read and found whole. */
export interface AgentContext extends JsonObject {
  readonly interception_point: InterceptionPoint
  readonly sequence: number
  readonly session: { readonly id: string }
  readonly target: JsonValue
}

interface Point {
  /** Where the target lies in the context. */
  readonly target: readonly [string] | readonly [string, string]
  /** The members that are bound by the identity, each with the test of its value. */
  readonly members: Readonly<Record<string, Readonly<Record<string, Test>> | Test>>
}

type Test = (value: JsonValue | undefined) => boolean

const isText: Test = (value) => typeof value === 'string'
const isAnything: Test = (value) => value !== undefined
const isContent: Test = (value) => isText(value) || isJsonObject(value)
const oneOf =
  (...words: readonly string[]): Test =>
  (value) =>
    typeof value === 'string' && words.includes(value)
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && (value as readonly JsonValue[]).every(test)

const isCall: Test = (value) =>
  isJsonObject(value) && isText(value['id']) && isText(value['name']) && isJsonObject(value['args'])
const isMessage: Test = (value) => isJsonObject(value) && isText(value['role']) && isContent(value['content'])
const CALL = { id: isText, name: isText, args: isJsonObject }
const MODEL = { id: isText }

const POINTS: Readonly<Record<InterceptionPoint, Point>> = {
  agent_startup: { target: ['agent_init'], members: { agent_init: { tools_registered: listOf(isText) } } },
  input: {
    target: ['input'],
    members: { input: { content: isContent, role: oneOf('user', 'system', 'external') } },
  },
  pre_model_call: { target: ['messages'], members: { model: MODEL, messages: listOf(isMessage) } },
  post_model_call: {
    target: ['response'],
    members: {
      model: MODEL,
      response: {
        content: (value) => value === null || isContent(value),
        tool_calls: listOf(isCall),
        finish_reason: isText,
      },
    },
  },
  pre_tool_call: { target: ['tool_call', 'args'], members: { tool_call: CALL } },
  post_tool_call: {
    target: ['tool_result', 'value'],
    members: {
      tool_call: CALL,
      tool_result: { value: isAnything, is_error: (value) => typeof value === 'boolean' },
    },
  },
  output: { target: ['output'], members: { output: { content: isContent } } },
  agent_shutdown: {
    target: ['summary'],
    members: { summary: { reason: oneOf('completed', 'error', 'cancelled') } },
  },
}

const ENVELOPE: Point['members'] = {
  spec: oneOf(CONTRACT),
  interception_point: oneOf(...INTERCEPTION_POINTS),
  timestamp: isText,
  sequence: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  agent: { id: isText, framework: (value) => typeof value === 'string' && /^[a-z0-9_-]+$/.test(value) },
  session: { id: isText },
  target: isAnything,
}

/** A copy of its own of anything that is JSON (RFC 8259, I-JSON strings and numbers); `undefined` for the rest. */
export function copyJson(value: unknown): JsonValue | undefined {
  try {
    canonicalJson(value as JsonValue)
    return JSON.parse(JSON.stringify(value)) as JsonValue
  } catch {
    return undefined
  }
}

/** A copy of the context when it has all that its interception point demands, else `undefined`. */
export function readContext(value: unknown): AgentContext | undefined {
  const context = copyJson(value)
  if (!isJsonObject(context) || !holds(context, ENVELOPE)) return undefined
  const { interception_point } = context as AgentContext
  return holds(context, POINTS[interception_point].members) ? (context as AgentContext) : undefined
}

/** The context with another target, which is written back to where the guarded action takes it from. */
export function withTarget(context: AgentContext, target: JsonValue): AgentContext {
  const [name, member] = POINTS[context.interception_point].target
  const place = member === undefined ? target : { ...(context[name] as JsonObject), [member]: target }
  return { ...context, [name]: place, target }
}

/**
 * SHA-256 over the RFC 8785 canonical JSON of what the contract requires at this point; optional members do not
 * count. `undefined` when a number has been, or would be, rounded: an integer beyond ±(2^53−1).
 */
export function contextIdentity(context: AgentContext): string | undefined {
  const bound = boundMembers(context)
  return hasRoundedInteger(bound) ? undefined : digestOf(bound)
}

function boundMembers(context: AgentContext): JsonObject {
  const members = { ...ENVELOPE, ...POINTS[context.interception_point].members }
  return Object.fromEntries(
    Object.entries(members).map(([name, test]) => {
      const value = context[name] as JsonValue
      if (typeof test === 'function') return [name, value]
      const inner = Object.keys(test).map((key) => [key, (value as JsonObject)[key] as JsonValue] as const)
      return [name, Object.fromEntries(inner)]
    }),
  )
}

function holds(value: JsonObject, members: Point['members']): boolean {
  return Object.entries(members).every(([name, test]) => {
    const member = Object.hasOwn(value, name) ? value[name] : undefined
    if (typeof test === 'function') return test(member)
    return isJsonObject(member) && holds(member, test)
  })
}

/** From 1e21 on the canonical form has an exponent and claims no more digits than a double holds. */
const EXPONENT_FROM = 1e21

function hasRoundedInteger(value: JsonValue): boolean {
  const left: JsonValue[] = [value]
  while (left.length > 0) {
    const next = left.pop() as JsonValue
    if (typeof next === 'number') {
      if (Number.isInteger(next) && !Number.isSafeInteger(next) && Math.abs(next) < EXPONENT_FROM) return true
    } else if (typeof next === 'object' && next !== null) {
      for (const inner of Object.values(next) as readonly JsonValue[]) left.push(inner)
    }
  }
  return false
}
