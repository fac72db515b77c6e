import { digestOf, sha256 } from '../../action/digest.ts'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject } from '../../action/json.ts'
import type { Belay } from '../sdk/belay.ts'
import type { GuardOptions } from '../sdk/guard.ts'
import type { ProposalOptions, Standing } from '../sdk/harness-door.ts'
import type { RunContext } from '../sdk/perform.ts'
import { ToolCallRefused, refusalOf } from './tool-call-refused.ts'

/** What a framework's door needs of a `Belay`. */
export type ToolBelay = Pick<Belay, 'guard' | 'propose' | 'cancel'>

/** How the tools of a framework become actions. */
export interface GuardToolsOptions {
  /** Who acts. With a key of a running harness: the agent of the key. */
  readonly agent: string
  /**
   * The conversation or run. Part of what makes a tool call's id its own: give it wherever the ids of tool calls
   * are not unique by themselves.
   */
  readonly session?: string
  /** The action of a tool, by the tool's name; `tool.{name}` unless told. */
  readonly actions?: Readonly<Record<string, string>>
  /** The most to wait for a person, in seconds, where the framework cannot be interrupted; until the approval expires unless told. */
  readonly wait?: number
  /** The most that a tool may take, in milliseconds; the policy's own limit applies as well. */
  readonly timeout?: number
  /** How the effect of a tool is taken back, by the tool's name. */
  readonly undo?: Readonly<Record<string, NonNullable<GuardOptions<JsonObject, unknown>['undo']>>>
}

/** One call of a tool, as a framework hands it over. */
export interface ToolCall {
  readonly tool: string
  readonly input: unknown
  /** Calls with the same id, session and tool are one action, however often they are made. Without one, each call is its own. */
  readonly callId?: string | undefined
  readonly session?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs one tool call as an action, once. Throws `ToolCallRefused`, in words for a model, when nothing ran, or when what
 * ran cannot be told or given out; what the tool threw otherwise.
 */
export async function runToolCall(
  belay: ToolBelay,
  options: GuardToolsOptions,
  call: ToolCall,
  run: (input: JsonObject, context: RunContext) => unknown,
): Promise<unknown> {
  const input = inputOf(call)
  const { wait, timeout } = options
  const guarded = belay.guard<JsonObject, unknown>(actionOf(options, call.tool), {
    run,
    ...(timeout === undefined ? {} : { timeout }),
  })
  try {
    return await guarded(input, {
      ...proposalOf(options, call),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
      ...(wait === undefined ? {} : { wait }),
    })
  } catch (error) {
    throw refusalOf(error) ?? error
  }
}

/** How the action of a tool call stands before it runs: proposed now, unless it was before. Throws `ToolCallRefused`. */
export async function standingOf(
  belay: ToolBelay,
  options: GuardToolsOptions,
  call: ToolCall & { readonly callId: string },
): Promise<Standing> {
  const input = inputOf(call)
  try {
    return await belay.propose(actionOf(options, call.tool), input, proposalOf(options, call))
  } catch (error) {
    throw refusalOf(error) ?? error
  }
}

/** Makes known how the tools' effects are taken back. */
export function registerUndo(belay: ToolBelay, options: GuardToolsOptions): void {
  for (const [tool, undo] of Object.entries(options.undo ?? {})) {
    const run = (): never => {
      throw new Error(`only the undo of ${tool} is registered here`)
    }
    belay.guard(actionOf(options, tool), { run, undo })
  }
}

/**
 * An id for a call that has none of its own, made in a place that is known and may be run again (a task of a graph, the
 * run of a workflow): the same call in the same place, however often it is made.
 */
export function callIdWithin(place: unknown, input: unknown): string | undefined {
  if (typeof place !== 'string' || !isJsonObject(input)) return undefined
  try {
    return `${place} ${digestOf(withoutUndefined(input))}`
  } catch {
    // Input that is no JSON is refused when the call is made.
    return undefined
  }
}

function actionOf({ actions }: GuardToolsOptions, tool: string): string {
  const named = actions !== undefined && Object.hasOwn(actions, tool) ? actions[tool] : undefined
  return named ?? `tool.${tool}`
}

function proposalOf(options: GuardToolsOptions, call: ToolCall): ProposalOptions {
  const session = call.session ?? options.session
  return {
    agent: options.agent,
    ...(session === undefined ? {} : { session }),
    ...(call.callId === undefined ? {} : { idempotencyKey: keyOf(session, call.tool, call.callId) }),
  }
}

/** Ids of frameworks and models may hold anything, at any length; a key is short visible ASCII. */
function keyOf(session: string | undefined, tool: string, callId: string): string {
  return `tool-call:${sha256(JSON.stringify([session ?? null, tool, callId]))}`
}

/** What is judged must be all that the tool gets, so nothing that JSON does not hold may be in it. */
function inputOf({ tool, input }: ToolCall): JsonObject {
  const plain = input === undefined ? {} : input
  const stranger = foreignTo(plain, 'input', 0)
  if (stranger === undefined && isJsonObject(plain)) return withoutUndefined(plain)
  throw new ToolCallRefused(
    `${tool} was not called: its input must be a JSON object${stranger === undefined ? '' : `, and ${stranger} is not JSON`}.`,
  )
}

const MAX_DEPTH = 64

/** The path of the first value that JSON would lose or change; `undefined` when there is none. */
function foreignTo(value: unknown, path: string, depth: number): string | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path
  if (typeof value !== 'object' || depth > MAX_DEPTH) return path
  if (!Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return path
  }
  for (const [key, item] of Object.entries(value)) {
    const found = foreignTo(item, `${path}.${key}`, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** A copy, so that whoever holds the input cannot change it after it was judged. */
function withoutUndefined(input: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(input)) as JsonObject
}
