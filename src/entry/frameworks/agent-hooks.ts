import type { JsonObject } from '../../action/json.ts'
import type { AgentContext } from '../hooks/contract/agent-context.ts'
import type { ApprovalRequest, ApprovalResolver } from '../hooks/contract/ask-resolver.ts'
import type { Interceptor } from '../hooks/contract/emitter.ts'
import type { WireVerdict } from '../hooks/contract/wire-verdict.ts'
import { ActionDenied, ActionHeld, OutcomeUnknown } from '../sdk/errors.ts'
import { runToolCall } from './tool-action.ts'
import type { GuardToolsOptions, ToolBelay } from './tool-action.ts'
import { ToolCallRefused } from './tool-call-refused.ts'

export { createEmitter } from '../hooks/contract/emitter.ts'
export { mediateStream } from '../hooks/contract/mediate-stream.ts'
export type { AgentContext } from '../hooks/contract/agent-context.ts'
export type { ApprovalRequest, ApprovalResolver } from '../hooks/contract/ask-resolver.ts'
export type { Emission, EmitterOptions, IdentityProvider, Interceptor } from '../hooks/contract/emitter.ts'
export type { StreamedAnswer, StreamOutcome } from '../hooks/contract/mediate-stream.ts'
export type { WireVerdict } from '../hooks/contract/wire-verdict.ts'
export { ToolCallRefused }
export type { GuardToolsOptions, ToolBelay }

export type GuardHooksOptions = Omit<GuardToolsOptions, 'session' | 'undo' | 'wait'>

/** Belay for a host of the agent-hooks contract 0.1: register both, or what needs a person is never done. */
export interface GuardedHooks {
  readonly interceptor: Interceptor
  /** Waits for the person whom the policy names; asks nobody else. */
  readonly resolver: ApprovalResolver
}

interface Running {
  readonly session: string
  readonly outcome: PromiseWithResolvers<unknown>
  readonly finished: Promise<unknown>
}

/**
 * Every tool call of a host that speaks agent-hooks is an action: decided at `pre_tool_call`, its outcome reported and
 * its result judged at `post_tool_call`. What needs a person is a deny that carries `approval`, which the resolver lifts
 * once the person has approved. A result without a permission is withheld. The other points are allowed as they are:
 * model calls pass Belay by the model gateway.
 */
export function guardHooks(belay: ToolBelay, options: GuardHooksOptions): GuardedHooks {
  const running = new Map<string, Running>()

  /** Proposes the call, waits for a person for so many seconds, and has the permission when it answers. */
  const admit = async (context: AgentContext, wait: number | undefined): Promise<WireVerdict> => {
    const { id, name, args } = callOf(context)
    const admitted = Promise.withResolvers<JsonObject>()
    const outcome = Promise.withResolvers<unknown>()
    const session = context.session.id
    const call = { tool: name, input: args, callId: id, session }
    const waiting = wait === undefined ? options : { ...options, wait }
    const finished = runToolCall(belay, waiting, call, (enforced) => {
      admitted.resolve(enforced)
      return outcome.promise
    })
    try {
      const first = await Promise.race([admitted.promise, finished.then(() => null)])
      if (first === null)
        return deny('belay:done_before', 'It was done before and is not done again; its result is recorded.')
      finished.catch(() => undefined)
      running.set(keyOf(session, id), { session, outcome, finished })
      return JSON.stringify(first) === JSON.stringify(args)
        ? { decision: 'allow' }
        : { decision: 'transform', transform: { path: '$target', value: first } }
    } catch (error) {
      return refusal(error)
    }
  }

  const finish = async (context: AgentContext): Promise<WireVerdict> => {
    const key = keyOf(context.session.id, callOf(context).id)
    const entry = running.get(key)
    running.delete(key)
    if (entry === undefined)
      return deny('belay:not_permitted', 'Its result is withheld: the harness did not allow this call.')
    const { value, is_error } = context['tool_result'] as { value: unknown; is_error: boolean }
    if (is_error) entry.outcome.reject(new Error(textOf(value)))
    else entry.outcome.resolve(value)
    try {
      const judged = await entry.finished
      if (JSON.stringify(judged) === JSON.stringify(value)) return { decision: 'allow' }
      return { decision: 'transform', transform: { path: '$target', value: judged as JsonObject } }
    } catch (error) {
      // The tool's own error is the agent's to see.
      return is_error && !(error instanceof ToolCallRefused) ? { decision: 'allow' } : refusal(error)
    }
  }

  /** Whatever the session left open: what became of it is not known. */
  const end = (session: string): WireVerdict => {
    for (const [key, entry] of running) {
      if (entry.session !== session) continue
      running.delete(key)
      entry.outcome.reject(new OutcomeUnknown('the session ended before the tool did'))
    }
    return { decision: 'allow' }
  }

  return {
    interceptor(context) {
      const { interception_point: point } = context
      if (point === 'pre_tool_call') return admit(context, 0)
      if (point === 'post_tool_call') return finish(context)
      if (point === 'agent_shutdown') return end(context.session.id)
      return { decision: 'allow' }
    },
    async resolver({ context, context_identity, interception_point }: ApprovalRequest) {
      const verdict =
        interception_point === 'pre_tool_call'
          ? await admit(context, undefined)
          : deny('belay:no_approval', 'Nobody can approve this.')
      return { outcome: verdict.decision === 'deny' ? 'reject' : 'approve', context_identity, verdict }
    },
  }
}

/** The context was read as whole before it came here. */
function callOf(context: AgentContext): { id: string; name: string; args: JsonObject } {
  return context['tool_call'] as { id: string; name: string; args: JsonObject }
}

function keyOf(session: string, id: string): string {
  return JSON.stringify([session, id])
}

function refusal(error: unknown): WireVerdict {
  if (!(error instanceof ToolCallRefused))
    return deny('belay:unreachable', 'The call could not be brought before the harness.')
  const { cause, message } = error
  if (cause instanceof ActionHeld)
    return { ...deny('belay:held', message), approval: { id: cause.approval, action: cause.id } }
  const code = cause instanceof ActionDenied ? cause.reasons[0]?.code : undefined
  return deny(code ?? 'belay:refused', message)
}

function deny(reason: string, message: string): WireVerdict {
  return { decision: 'deny', reason, message }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'the tool failed')
}
