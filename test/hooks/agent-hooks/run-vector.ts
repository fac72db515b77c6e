import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, JsonValue } from '../../../src/action/json.ts'
import { contextIdentity, type AgentContext } from '../../../src/entry/hooks/contract/agent-context.ts'
import type { ApprovalRequest } from '../../../src/entry/hooks/contract/ask-resolver.ts'
import {
  createEmitter,
  type Emission,
  type IdentityProvider,
  type Interceptor,
} from '../../../src/entry/hooks/contract/emitter.ts'
import { mediateStream } from '../../../src/entry/hooks/contract/mediate-stream.ts'
import type { HostError } from '../../../src/entry/hooks/contract/wire-verdict.ts'
import { transformTarget } from '../../../src/entry/hooks/contract/transform-target.ts'
import { valueAt, type ApprovalRule, type Response, type Rule, type Vector } from './vector.ts'

export interface Run {
  readonly outcome: 'completed' | 'blocked'
  readonly finalOutput: JsonValue
  readonly invocations: readonly { readonly name: string; readonly args: JsonValue }[]
  /** As the interceptor that was registered first saw them. */
  readonly contexts: readonly AgentContext[]
  readonly records: readonly JsonObject[]
  /** What a reader of the stream saw. */
  readonly released: string
  /** The conversation as the agent would keep it. */
  readonly persisted: readonly JsonValue[]
}

class Blocked extends Error {}

/** Plays a vector: a scripted model and scripted tools in the smallest agent loop, behind the emitter. */
export async function runVector(vector: Vector): Promise<Run> {
  const contexts: AgentContext[] = []
  const records: JsonObject[] = []
  const invocations: { name: string; args: JsonValue }[] = []
  const { scenario, approval_script: approvals, redact_for_approval: redacted } = vector
  const scripts = vector.interceptor_scripts ?? [vector.interceptor_script ?? []]
  const emitter = createEmitter({
    interceptors: scripts.map((rules, index) => scripted(rules, index === 0 ? contexts : null)),
    mode: vector.mode ?? 'enforce',
    identityProvider: provider(vector.identity_provider),
    ...(vector.composition === undefined ? {} : { composition: vector.composition }),
    ...(approvals === undefined || approvals.length === 0 ? {} : { resolver: approver(approvals) }),
    ...(redacted === undefined ? {} : { redact: (context) => redact(context, redacted) }),
  })
  let sequence = 0
  const emit = async (
    interception_point: string,
    rest: JsonObject,
    target: JsonValue,
    refusal?: HostError,
  ): Promise<Emission> => {
    const emission = await emitter(
      {
        spec: 'agent-hooks/0.1',
        interception_point,
        timestamp: '2026-01-01T00:00:00.000Z',
        sequence: sequence++,
        agent: { id: 'scripted', framework: 'belay' },
        session: { id: vector.id },
        ...rest,
        target,
      },
      refusal,
    )
    records.push(emission.record)
    return emission
  }
  const passed = async (point: string, rest: JsonObject, target: JsonValue): Promise<AgentContext> => {
    const { proceeds, verdict, context } = await emit(point, rest, target)
    if (!proceeds || context === null) throw new Blocked(verdict.reason)
    return context
  }

  const callTool = async ({ id, name, args }: Response['tool_calls'][number]): Promise<JsonValue> => {
    const before = await passed('pre_tool_call', { tool_call: { id, name, args } }, args)
    const used = before.target as JsonObject
    invocations.push({ name, args: used })
    const clause = scenario.tools
      ?.find((tool) => tool.name === name)
      ?.behavior.find(({ when_args }) => when_args === undefined || isDeepStrictEqual(when_args, used))
    const value = clause?.return ?? null
    const tool_result = { value, is_error: clause?.is_error ?? false }
    const after = await passed('post_tool_call', { tool_call: { id, name, args: used }, tool_result }, value)
    return after.target
  }

  let released = ''
  /** The answer as it came through `post_model_call`. */
  const answered = async (respond: Response): Promise<JsonValue> => {
    const { content, tool_calls, finish_reason, stream, stream_truncated } = respond
    const model = { id: 'scripted' }
    if (stream === undefined) {
      const answer = { content, tool_calls, finish_reason } as unknown as JsonObject
      return (await passed('post_model_call', { model, response: answer }, answer)).target
    }
    const streamed = await mediateStream(
      {
        pieces: stream,
        end: () => (stream_truncated === true ? null : { tool_calls, finish_reason }),
      },
      (response, refusal) => emit('post_model_call', { model, response }, response, refusal),
      (piece) => void (released += piece),
    )
    if (!streamed.completed || streamed.emission?.context == null) throw new Blocked(streamed.verdict.reason)
    return streamed.emission.context.target
  }

  let messages: readonly JsonValue[] = []
  const converse = async (): Promise<JsonValue> => {
    const agent_init = { tools_registered: (scenario.tools ?? []).map(({ name }) => name) }
    await passed('agent_startup', { agent_init }, agent_init)
    const input = await passed('input', { input: scenario.input }, scenario.input)
    messages = [input.target]
    for (const { respond } of scenario.model_script) {
      const model = { id: 'scripted' }
      const asked = await passed('pre_model_call', { model, messages }, messages)
      messages = asked.target as readonly JsonValue[]
      const response = (await answered(respond)) as unknown as Response
      if (response.tool_calls.length === 0) {
        const output = { content: response.content ?? '' }
        const given = await passed('output', { output }, output)
        return (given.target as JsonObject)['content'] as JsonValue
      }
      messages = [...messages, { role: 'assistant', content: response.content ?? '' }]
      for (const call of response.tool_calls) {
        const result = await callTool(call).catch((error: unknown) => {
          if (error instanceof Blocked) return `blocked: ${error.message}`
          throw error
        })
        messages = [...messages, { role: 'tool', content: JSON.stringify(result) }]
      }
    }
    return null
  }

  let outcome: Run['outcome'] = 'completed'
  const finalOutput = await converse().catch((error: unknown) => {
    if (!(error instanceof Blocked)) throw error
    outcome = 'blocked'
    return null
  })
  const summary = { reason: (outcome as Run['outcome']) === 'completed' ? 'completed' : 'error' }
  await emit('agent_shutdown', { summary }, summary)
  return {
    outcome,
    finalOutput,
    invocations,
    contexts,
    records,
    released,
    persisted: [...messages, ...records],
  }
}

function scripted(rules: readonly Rule[], seen: AgentContext[] | null): Interceptor {
  return (context) => {
    seen?.push(structuredClone(context))
    const rule = rules.find(({ at, match }) => at === context.interception_point && matches(context, match))
    switch (rule?.fault) {
      case 'raise':
        throw new Error('scripted')
      case 'malformed_verdict':
        return { decision: 'transform' }
      case 'mutate':
        Object.assign(context, { target: 'TAMPERED' })
        Object.assign(context['tool_call'] as object, { args: { tampered: true } })
        return { decision: 'allow', reason: 'ctk:mutated' }
      case undefined:
        return rule?.return ?? { decision: 'allow' }
    }
  }
}

function approver(rules: readonly ApprovalRule[]): (request: ApprovalRequest) => unknown {
  return ({ context, context_identity }) => {
    const rule = rules.find(({ match }) => matches(context, match))
    if (rule === undefined) return { outcome: 'unresolved', context_identity }
    const { fault, identity_override, echo_recomputed, outcome, verdict } = rule.resolve
    if (fault === 'raise') throw new Error('scripted')
    const echoed = echo_recomputed === true ? contextIdentity(context) : context_identity
    return { outcome, verdict, context_identity: identity_override ?? echoed }
  }
}

function matches(context: AgentContext, match: JsonObject = {}): boolean {
  return Object.entries(match).every(([path, value]) => isDeepStrictEqual(valueAt(context, path), value))
}

function redact(context: AgentContext, paths: readonly string[]): AgentContext {
  return paths.reduce((shown, path) => {
    const changed = transformTarget(shown, { path, value: '[redacted]' })
    return typeof changed === 'string' ? shown : changed
  }, context)
}

function provider(name: string | null | undefined): IdentityProvider {
  if (name === null || name === undefined) return name === null ? null : 'jcs-sha256'
  return {
    name,
    identify: () => {
      throw new Error('scripted')
    },
  }
}
