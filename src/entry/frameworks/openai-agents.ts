import type { FunctionTool, RunContext, Tool } from '@openai/agents'
import { registerUndo, runToolCall, standingOf } from './tool-action.ts'
import type { GuardToolsOptions, ToolBelay, ToolCall } from './tool-action.ts'
import { ToolCallRefused } from './tool-call-refused.ts'

export { ToolCallRefused }
export type { GuardToolsOptions, ToolBelay }

// oxlint-disable-next-line typescript/no-explicit-any -- the SDK's own default for tools of any context
type AnyTool = Tool<any>
// oxlint-disable-next-line typescript/no-explicit-any -- as above, and of any parameters
type AnyFunctionTool = FunctionTool<any, any, any>

export interface GuardOpenAiAgentsOptions extends Omit<GuardToolsOptions, 'session'> {
  /** The conversation or run, or where the run's context has it. */
  readonly session?: string | ((runContext: RunContext) => string | undefined)
  /** Tools that the provider, a shell or a computer runs: they have no function to hold back, so each is named here. */
  readonly unguarded?: readonly string[]
  /**
   * Whether an output is a failure that the tool's `errorFunction` has put into words: recorded as failed. Unless told,
   * the words of the SDK's own error function.
   */
  readonly isFailure?: (output: unknown) => boolean
}

const SDK_FAILURE = 'An error occurred while running the tool. Please try again.'

/**
 * Makes every execution of function tools an action. Denials are outputs that the model reads (errors of the run for
 * tools with an `outputSchema`). What needs a person is an interruption of the run; approving the interruption is no
 * vote: the tool runs when the approval that Belay keeps is granted. A state that is resumed again, also twice at the
 * same time or after a restart, executes nothing again: the tool's recorded result is given.
 *
 * Of agents as tools, guard the tools of that agent. Throws a `TypeError` for a tool without a function that
 * is not named in `unguarded`.
 */
export function guardTools<T extends AnyTool>(
  belay: ToolBelay,
  tools: readonly T[],
  options: GuardOpenAiAgentsOptions,
): T[] {
  const { session, ...common } = options
  const shared = typeof session === 'string' ? { ...common, session } : common
  registerUndo(belay, shared)
  const sessionOf = typeof session === 'function' ? session : () => undefined
  return tools.map((tool) => {
    if (options.unguarded?.includes(tool.name) === true) return tool
    if (tool.type !== 'function')
      throw new TypeError(
        `The tool ${tool.name} is not a function: Belay cannot hold it back. Name it in unguarded.`,
      )
    return guardTool(belay, tool as AnyFunctionTool, shared, sessionOf, options.isFailure) as T
  })
}

function guardTool(
  belay: ToolBelay,
  tool: AnyFunctionTool,
  options: GuardToolsOptions,
  sessionOf: (runContext: RunContext) => string | undefined,
  isFailure: (output: unknown) => boolean = (output) => output === SDK_FAILURE,
): AnyFunctionTool {
  const invoke: AnyFunctionTool['invoke'] = async (runContext, input, details) => {
    if (details?.resumeState !== undefined)
      throw new TypeError(`${tool.name} is an agent as a tool: guard the tools of that agent instead.`)
    const call: ToolCall = {
      tool: tool.name,
      input: parsed(input),
      callId: details?.toolCall?.callId,
      session: sessionOf(runContext),
      signal: details?.signal,
    }
    try {
      return await runToolCall(belay, options, call, async (enforced) => {
        // The SDK knows `details` by identity, so its signal cannot be replaced by the action's.
        const output: unknown = await tool.invoke(runContext, JSON.stringify(enforced), details)
        if (isFailure(output)) throw new ToolFailed(output)
        return output
      })
    } catch (error) {
      if (error instanceof ToolFailed) return error.output
      if (!(error instanceof ToolCallRefused)) throw error
      if (tool.outputSchema === undefined) return error.message
      if (tool.errorFunction == null) throw error
      return tool.errorFunction(runContext, error, details) as Promise<unknown>
    }
  }

  const needsApproval: AnyFunctionTool['needsApproval'] = async (runContext, input: unknown, callId) => {
    const own = await tool.needsApproval(runContext, input, callId)
    if (own || callId === undefined) return own
    try {
      const call = { tool: tool.name, input, callId, session: sessionOf(runContext) }
      return (await standingOf(belay, options, call)).state === 'held'
    } catch (error) {
      // It will not run: `invoke` finds the same reason and puts it into words.
      if (error instanceof ToolCallRefused) return false
      throw error
    }
  }

  return { ...tool, invoke, needsApproval }
}

/** An output that says that the tool failed: recorded as a failure, given to the model as it is. */
class ToolFailed extends Error {
  readonly output: unknown

  constructor(output: unknown) {
    super(typeof output === 'string' ? output : 'the tool answered a failure')
    this.name = 'ToolFailed'
    this.output = output
  }
}

/** The arguments as the model wrote them; what is no JSON is refused as input further on. */
function parsed(input: string): unknown {
  if (input.trim() === '') return {}
  try {
    return JSON.parse(input) as unknown
  } catch {
    return input
  }
}
