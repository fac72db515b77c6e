import type { JsonObject } from '../../action/json.ts'
import { OutcomeUnknown } from '../sdk/errors.ts'
import { runToolCall } from './tool-action.ts'
import type { GuardToolsOptions, ToolBelay } from './tool-action.ts'
import { ToolCallRefused } from './tool-call-refused.ts'

export { ToolCallRefused }
export type { GuardToolsOptions, ToolBelay }

// The SDK is not under an open licence, so its types are taken by their structure and nothing of it is imported.

export type GuardQueryOptions = Omit<GuardToolsOptions, 'session' | 'undo'>

/** What every hook of the SDK gets; the events of tools have the rest. */
export interface HookInput {
  readonly hook_event_name: string
  readonly session_id: string
  readonly tool_name?: unknown
  readonly tool_input?: unknown
  readonly tool_use_id?: unknown
  readonly tool_response?: unknown
  readonly error?: unknown
  readonly is_interrupt?: unknown
}

export type HookOutput = {
  hookSpecificOutput?:
    | {
        hookEventName: 'PreToolUse'
        permissionDecision: 'allow' | 'deny'
        permissionDecisionReason?: string
        updatedInput?: Record<string, unknown>
      }
    | { hookEventName: 'PostToolUse'; updatedToolOutput: unknown; additionalContext?: string }
}

export type Hook = (
  input: HookInput,
  toolUseId: string | undefined,
  how: { signal: AbortSignal },
) => Promise<HookOutput>

export interface HookMatcher {
  hooks: Hook[]
  timeout?: number
  onFailure?: 'block'
}

export type PermissionAnswer =
  | { behavior: 'allow'; updatedInput: Record<string, unknown> }
  | { behavior: 'deny'; message: string }

export interface GuardedQuery {
  readonly hooks: Readonly<
    Record<
      'PreToolUse' | 'PostToolUse' | 'PostToolUseFailure' | 'PermissionDenied' | 'SessionEnd',
      HookMatcher[]
    >
  >
  readonly canUseTool: (
    toolName: string,
    input: Record<string, unknown>,
    how: { toolUseID: string },
  ) => Promise<PermissionAnswer>
}

interface Running {
  readonly session: string
  readonly enforced: JsonObject
  readonly outcome: PromiseWithResolvers<unknown>
  readonly finished: Promise<unknown>
}

// A person may take days; the hook's own limit is only there because the SDK has a default of a minute.
const HOOK_SECONDS = 7 * 24 * 3600

/**
 * `hooks` and `canUseTool` for the options of the Claude Agent SDK's `query`: every tool call of the session, built in,
 * of MCP servers or of subagents, is an action. `PreToolUse` decides (what needs a person waits there) and hands over
 * the input that may be executed; `PostToolUse` reports, and replaces an output that the policy's `result:` checks
 * change or withhold. `canUseTool` lets through only what the hook has allowed.
 *
 * A tool call that was executed before, for example when a session is resumed, is not executed again: the model is
 * told the recorded result. Needs a Claude Code that knows `onFailure: 'block'`; an older one fails at the start.
 */
export function guardQuery(belay: ToolBelay, options: GuardQueryOptions): GuardedQuery {
  const running = new Map<string, Running>()

  const before: Hook = async (input, _id, { signal }) => {
    const { session_id: session, tool_name: tool, tool_input, tool_use_id: id } = input
    if (typeof tool !== 'string' || typeof id !== 'string')
      return denied('Nothing was done: the call cannot be read.')

    // Only while it waits: afterwards the hook is over and the tool runs on.
    const waiting = new AbortController()
    const stop = (): void => waiting.abort(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    const admitted = Promise.withResolvers<JsonObject>()
    const outcome = Promise.withResolvers<unknown>()
    const call = { tool, input: tool_input, callId: id, session, signal: waiting.signal }
    const finished = runToolCall(belay, options, call, (enforced) => {
      signal.removeEventListener('abort', stop)
      admitted.resolve(enforced)
      return outcome.promise
    })
    try {
      const first = await Promise.race([
        admitted.promise.then((enforced) => ({ enforced })),
        finished.then((result) => ({ result })),
      ])
      if ('result' in first)
        return denied(`It was done before and is not done again. Its result was: ${textOf(first.result)}`)
      const { enforced } = first
      finished.catch(() => undefined)
      running.set(id, { session, enforced, outcome, finished })
      return {
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'allow',
          updatedInput: { ...enforced },
        },
      }
    } catch (error) {
      return denied(wordsOf(error))
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  const after: Hook = async ({ tool_use_id: id, tool_response: response }) => {
    const entry = taken(running, id)
    if (entry === undefined)
      return replaced(response, 'Its result is withheld: the harness did not allow this call.')
    entry.outcome.resolve(response)
    try {
      const result = await entry.finished
      if (result === response) return {}
      return { hookSpecificOutput: { hookEventName: 'PostToolUse', updatedToolOutput: result } }
    } catch (error) {
      return replaced(response, wordsOf(error))
    }
  }

  const failed: Hook = async ({ tool_use_id: id, error, is_interrupt }) => {
    const entry = taken(running, id)
    const why = typeof error === 'string' ? error : 'the tool was not run'
    entry?.outcome.reject(is_interrupt === true ? new OutcomeUnknown(why) : new Error(why))
    await entry?.finished.catch(() => undefined)
    return {}
  }

  const ended: Hook = async ({ session_id: session }) => {
    for (const [id, entry] of running) {
      if (entry.session !== session) continue
      running.delete(id)
      entry.outcome.reject(new OutcomeUnknown('the session ended before the tool did'))
    }
    return {}
  }

  return {
    hooks: {
      PreToolUse: [{ hooks: [before], timeout: HOOK_SECONDS, onFailure: 'block' }],
      PostToolUse: [{ hooks: [after] }],
      PostToolUseFailure: [{ hooks: [failed] }],
      PermissionDenied: [{ hooks: [failed] }],
      SessionEnd: [{ hooks: [ended] }],
    },
    async canUseTool(_tool, _input, { toolUseID }) {
      const entry = running.get(toolUseID)
      return entry === undefined
        ? { behavior: 'deny', message: 'Nothing was done: the harness has not allowed this call.' }
        : { behavior: 'allow', updatedInput: { ...entry.enforced } }
    },
  }
}

function taken(running: Map<string, Running>, id: unknown): Running | undefined {
  if (typeof id !== 'string') return undefined
  const entry = running.get(id)
  running.delete(id)
  return entry
}

function denied(reason: string): HookOutput {
  return {
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: reason,
    },
  }
}

/** Outputs of built-in tools have a shape that the replacement must keep to be taken. */
function replaced(response: unknown, words: string): HookOutput {
  return {
    hookSpecificOutput: {
      hookEventName: 'PostToolUse',
      updatedToolOutput: blanked(response, words),
      additionalContext: words,
    },
  }
}

function blanked(value: unknown, words: string): unknown {
  if (typeof value === 'string') return words
  if (typeof value === 'number') return 0
  if (Array.isArray(value)) return value.slice(0, 1).map((item) => blanked(item, words))
  if (typeof value !== 'object' || value === null) return value
  // `type` tells kinds of content apart.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === 'type' ? item : blanked(item, words)]),
  )
}

function wordsOf(error: unknown): string {
  if (error instanceof ToolCallRefused) return error.message
  // Whatever went wrong, the tool does not run and its output does not get out.
  return 'The call could not be brought before the harness.'
}

function textOf(result: unknown): string {
  return typeof result === 'string' ? result : (JSON.stringify(result) ?? 'nothing')
}
