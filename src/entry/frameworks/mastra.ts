import { ActionHeld } from '../sdk/errors.ts'
import { callIdWithin, registerUndo, runToolCall } from './tool-action.ts'
import type { GuardToolsOptions, ToolBelay } from './tool-action.ts'
import { ToolCallRefused, heldToolCall } from './tool-call-refused.ts'
import type { HeldToolCall } from './tool-call-refused.ts'

export { ToolCallRefused }
export type { GuardToolsOptions, HeldToolCall, ToolBelay }

// Tools are taken by their structure: Mastra's own types are as deep as the schemas of each tool.

export interface GuardMastraOptions extends GuardToolsOptions {
  /** Tools without `execute`, which the provider or the browser runs: Belay cannot hold them back, so each is named here. */
  readonly unguarded?: readonly string[]
}

interface MastraTool {
  readonly execute?: ((...given: never[]) => unknown) | undefined
}

type Execute = (input: unknown, context?: ToolContext) => Promise<unknown>

interface Suspendable {
  suspend?: (payload: HeldToolCall) => Promise<unknown>
  resumeData?: unknown
}

/** What of Mastra's context matters here. It makes a new one for each execution, and knows it by identity. */
interface ToolContext {
  readonly abortSignal?: AbortSignal
  readonly toolCallId?: string
  readonly agent?: Suspendable & { readonly toolCallId?: string; readonly threadId?: string }
  readonly workflow?: Suspendable & { readonly runId?: string }
}

/**
 * Makes every execution of Mastra tools an action, named by their keys. Denials are errors of the tool. What needs a
 * person suspends the run with a `HeldToolCall`; whatever it is resumed with is no vote: the tool runs when the
 * approval that Belay keeps is granted, and the run is suspended again while it is not. Where nothing can be suspended
 * the call waits. A run that is resumed again, also twice at the same time or after a restart, executes nothing again.
 *
 * Throws a `TypeError` for a tool that suspends itself (it would be half executed), and for one without `execute` that
 * is not named in `unguarded`.
 */
export function guardTools<T extends Readonly<Record<string, MastraTool>>>(
  belay: ToolBelay,
  tools: T,
  options: GuardMastraOptions,
): T {
  registerUndo(belay, options)
  const guarded = Object.entries(tools).map(([name, tool]) => [
    name,
    options.unguarded?.includes(name) === true ? tool : guardTool(belay, name, tool, options),
  ])
  return Object.fromEntries(guarded) as T
}

function guardTool(belay: ToolBelay, name: string, tool: MastraTool, options: GuardToolsOptions): MastraTool {
  const execute = tool.execute as Execute | undefined
  if (execute === undefined)
    throw new TypeError(`The tool ${name} has no execute: Belay cannot hold it back. Name it in unguarded.`)
  const { suspendSchema, resumeSchema } = tool as Readonly<Record<string, unknown>>
  if (suspendSchema !== undefined || resumeSchema !== undefined)
    throw new TypeError(
      `The tool ${name} suspends itself: do that in a step of its own, before a guarded tool.`,
    )

  const guarded: Execute = async (input, context) => {
    const place = context?.agent ?? context?.workflow
    const suspend = place?.suspend
    const call = {
      tool: name,
      input,
      callId:
        context?.agent?.toolCallId ?? context?.toolCallId ?? callIdWithin(context?.workflow?.runId, input),
      session: context?.agent?.threadId,
      signal: context?.abortSignal,
    }
    try {
      return await runToolCall(
        belay,
        suspend === undefined ? options : { ...options, wait: 0 },
        call,
        async (enforced) => {
          if (place !== undefined) withoutSuspension(name, place)
          const output = await execute.call(tool, enforced, context)
          if (isValidationError(output)) throw new InvalidCall(output)
          return output
        },
      )
    } catch (error) {
      if (error instanceof InvalidCall) return error.output
      if (
        suspend === undefined ||
        !(error instanceof ToolCallRefused) ||
        !(error.cause instanceof ActionHeld)
      )
        throw error
      // Does not throw: the run is suspended when the tool has returned, and comes back here when it is resumed.
      return suspend(heldToolCall(name, error.cause))
    }
  }

  return Object.create(Object.getPrototypeOf(tool) as object, {
    ...Object.getOwnPropertyDescriptors(tool),
    execute: { value: guarded, enumerable: true, writable: true, configurable: true },
  }) as MastraTool
}

/** The answer to our suspension is not the tool's, and a suspension of the tool's would leave it half executed. */
function withoutSuspension(name: string, place: Suspendable): void {
  delete place.resumeData
  place.suspend = () => {
    throw new TypeError(`${name} suspends itself: do that in a step of its own, before a guarded tool.`)
  }
}

/** Input or output that did not fit the tool's schema: recorded as a failure, given to the model as Mastra words it. */
class InvalidCall extends Error {
  readonly output: unknown

  constructor(output: { readonly message: string }) {
    super(output.message)
    this.name = 'InvalidCall'
    this.output = output
  }
}

function isValidationError(output: unknown): output is { readonly message: string } {
  return (
    typeof output === 'object' &&
    output !== null &&
    'error' in output &&
    output.error === true &&
    'validationErrors' in output &&
    'message' in output &&
    typeof output.message === 'string'
  )
}
