import { interrupt, isGraphInterrupt } from '@langchain/langgraph'
import type { RunnableConfig } from '@langchain/core/runnables'
import { isJsonObject } from '../../action/json.ts'
import type { JsonValue } from '../../action/json.ts'
import { ActionHeld } from '../sdk/errors.ts'
import { callIdWithin, registerUndo, runToolCall } from './tool-action.ts'
import type { GuardToolsOptions, ToolBelay } from './tool-action.ts'
import { ToolCallRefused, heldToolCall } from './tool-call-refused.ts'
import type { HeldToolCall } from './tool-call-refused.ts'

export { ToolCallRefused }
export type { GuardToolsOptions, HeldToolCall, ToolBelay }

type ToolConfig = RunnableConfig & { readonly toolCall?: { readonly id?: string } }
type Call = (input: unknown, runManager?: unknown, config?: ToolConfig) => Promise<unknown>
/** A tool of LangChain, as `tool()` makes it. */
export interface LangChainTool {
  readonly name: string
  readonly invoke: (...given: never[]) => unknown
}

/**
 * Makes every execution of LangChain tools an action. Denials are errors of the tool, which `ToolNode` puts into
 * messages for the model. In a graph with a checkpointer, what needs a person interrupts the graph with a
 * `HeldToolCall`; whatever it is resumed with is no vote: the tool runs when the approval that Belay keeps is
 * granted, and the graph is interrupted again while it is not. Elsewhere the call waits.
 *
 * Nodes that run again execute nothing again: a call is known by the thread and the tool call's id, or, without one,
 * by its task in the graph and its input. Throws a `TypeError` for something that has no function to hold back.
 */
export function guardTools<T extends LangChainTool>(
  belay: ToolBelay,
  tools: readonly T[],
  options: GuardToolsOptions,
): T[] {
  registerUndo(belay, options)
  return tools.map((tool) => {
    // Every tool with a schema has it, and LangChain declares it as protected.
    const { _call: original } = tool as { readonly _call?: Call }
    if (typeof original !== 'function')
      throw new TypeError(`The tool ${tool.name} has no _call: Belay cannot hold it back.`)
    const call: Call = (input, runManager, config) =>
      callTool(belay, options, tool.name, input, config, (enforced) =>
        original.call(tool, enforced, runManager, config),
      )
    // Name, schema and everything else are the tool's own; `invoke` validates the input and then calls `_call`.
    return Object.create(tool, { _call: { value: call } }) as T
  })
}

async function callTool(
  belay: ToolBelay,
  options: GuardToolsOptions,
  tool: string,
  input: unknown,
  config: ToolConfig | undefined,
  run: (input: unknown) => Promise<unknown>,
): Promise<unknown> {
  const configurable = config?.configurable ?? {}
  const interruptible = configurable['__pregel_checkpointer'] !== undefined
  // A tool of one text takes it bare.
  const bare = typeof input === 'string'
  const fields = bare ? { input } : input
  const session: unknown = configurable['thread_id']
  const call = {
    tool,
    input: fields,
    callId: config?.toolCall?.id ?? callIdWithin(configurable['checkpoint_ns'], fields),
    session: typeof session === 'string' ? session : undefined,
    signal: config?.signal,
  }
  const waiting = interruptible ? { ...options, wait: 0 } : options
  for (;;) {
    let fresh: unknown
    try {
      const result = await runToolCall(belay, waiting, call, async (enforced) => {
        fresh = await returned(tool, run(bare ? enforced['input'] : enforced))
        return fresh
      })
      if (result !== fresh && isSerialised(result))
        throw new ToolCallRefused(`${tool} was done; its result cannot be given out again.`)
      return result
    } catch (error) {
      if (!interruptible || !(error instanceof ToolCallRefused) || !(error.cause instanceof ActionHeld))
        throw error
      // Throws out of the node, until the graph is resumed: then how the action stands is looked at again.
      interrupt(heldToolCall(tool, error.cause))
    }
  }
}

/** What the tool returns; parts that it yields on the way are not judged, so they are not given out. */
async function returned(tool: string, running: Promise<unknown>): Promise<unknown> {
  try {
    const output = await running
    if (!isAsyncGenerator(output)) return output
    for (;;) {
      const step = await output.next()
      if (step.done === true) return step.value
    }
  } catch (error) {
    // The node would run again, and half an execution cannot be gone on with.
    if (isGraphInterrupt(error))
      throw new TypeError(`${tool} interrupts the graph itself: do that in a node, not in a guarded tool.`, {
        cause: error,
      })
    throw error
  }
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'next' in value
}

/** A command or message of LangGraph as the record has it: JSON, which is no longer what the graph would follow. */
function isSerialised(result: unknown): boolean {
  const fields = result as JsonValue
  return isJsonObject(fields) && (fields['lg_name'] === 'Command' || fields['lc'] === 1)
}
