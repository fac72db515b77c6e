import type { ModelMessage, ToolSet } from 'ai'
import type { JsonObject } from '../../action/json.ts'
import { registerUndo, runToolCall, standingOf } from './tool-action.ts'
import type { GuardToolsOptions, ToolBelay } from './tool-action.ts'
import { ToolCallRefused, denialWords, heldWords } from './tool-call-refused.ts'

export { ToolCallRefused }
export type { GuardToolsOptions, ToolBelay }

export interface GuardAiSdkOptions extends GuardToolsOptions {
  /** Tools without `execute`, which the provider or the browser runs: Belay cannot hold them back, so each is named here. */
  readonly unguarded?: readonly string[]
}

export interface GuardedToolSet<TOOLS extends ToolSet> {
  readonly tools: TOOLS
  /** For `toolApproval` of `generateText`, `streamText` and `ToolLoopAgent`. */
  readonly toolApproval: (call: ApprovalQuestion) => Promise<ApprovalStatus>
}

/** What the SDK tells of a tool call that is about to be executed. */
export interface ApprovalQuestion {
  readonly toolCall: { readonly toolName: string; readonly toolCallId: string; readonly input: unknown }
  readonly messages: ModelMessage[]
  readonly toolsContext?: unknown
}

export type ApprovalStatus =
  | { readonly type: 'not-applicable' }
  | { readonly type: 'denied'; readonly reason: string }
  | { readonly type: 'user-approval'; readonly reason: string }

/**
 * Makes every execution of the tools an action. Denials are tool errors. With `toolApproval`, what needs a person
 * becomes the SDK's own approval request; the answer to that request is no vote: the tool runs when the
 * approval that Belay keeps is granted. Without it, the call waits. A call that is made again is not executed again: it gets the recorded result.
 *
 * A tool that yields its output in parts gives its last part only: the others have not been judged.
 * Throws a `TypeError` for a tool without `execute` that is not named in `unguarded`.
 */
export function guardTools<TOOLS extends ToolSet>(
  belay: ToolBelay,
  tools: TOOLS,
  options: GuardAiSdkOptions,
): GuardedToolSet<TOOLS> {
  registerUndo(belay, options)
  const guarded: ToolSet = {}
  for (const [name, tool] of Object.entries(tools)) {
    if (options.unguarded?.includes(name) === true) guarded[name] = tool
    else guarded[name] = guardTool(belay, name, tool, options)
  }

  return {
    tools: guarded as TOOLS,
    async toolApproval({ toolCall, messages, toolsContext }) {
      const { toolName, toolCallId, input } = toolCall
      const tool = Object.hasOwn(tools, toolName) ? tools[toolName] : undefined
      if (tool === undefined) return { type: 'not-applicable' }
      if (options.unguarded?.includes(toolName) !== true) {
        const status = await approvalOf(belay, options, { tool: toolName, input, callId: toolCallId })
        if (status.type !== 'not-applicable') return status
      }
      // The SDK asks only one of the two.
      const { needsApproval } = tool
      const context = ownValue(toolsContext, toolName)
      const asks =
        typeof needsApproval === 'function'
          ? await needsApproval(input, { toolCallId, messages, context })
          : needsApproval === true
      return asks
        ? { type: 'user-approval', reason: 'The tool asks for approval.' }
        : { type: 'not-applicable' }
    },
  }
}

function guardTool(
  belay: ToolBelay,
  name: string,
  tool: ToolSet[string],
  options: GuardToolsOptions,
): ToolSet[string] {
  const { execute } = tool
  if (execute === undefined)
    throw new TypeError(`The tool ${name} has no execute: Belay cannot hold it back. Name it in unguarded.`)
  const guarded: NonNullable<ToolSet[string]['execute']> = (input: unknown, call) =>
    runToolCall(
      belay,
      options,
      { tool: name, input, callId: call.toolCallId, signal: call.abortSignal },
      (enforced: JsonObject, { signal }) =>
        lastOf(execute.call(tool, enforced, { ...call, abortSignal: signal })),
    )
  return { ...tool, execute: guarded }
}

async function approvalOf(
  belay: ToolBelay,
  options: GuardToolsOptions,
  call: { readonly tool: string; readonly input: unknown; readonly callId: string },
): Promise<ApprovalStatus> {
  try {
    const { state, reasons, approval } = await standingOf(belay, options, call)
    if (state === 'denied') return { type: 'denied', reason: denialWords(reasons) }
    if (state === 'held') return { type: 'user-approval', reason: heldWords(approval?.id ?? null, reasons) }
    return { type: 'not-applicable' }
  } catch (error) {
    if (error instanceof ToolCallRefused) return { type: 'denied', reason: error.message }
    throw error
  }
}

async function lastOf(output: unknown): Promise<unknown> {
  if (!isAsyncIterable(output)) return output
  let last: unknown
  for await (const part of output) last = part
  return last
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function ownValue(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null && Object.hasOwn(from, name)
    ? (from as Record<string, unknown>)[name]
    : undefined
}
