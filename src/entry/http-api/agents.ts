import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import type { Policy } from '../../policy/policy.ts'
import type { AgentRow, AgentState, Store } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, object, words } from './schemas.ts'

type ByName = { Params: { name: string } }

const agent = { $ref: 'Agent#' }
const byName = object({ name: agentName }, ['name'])
const STATES = ['active', 'paused', 'stopped']

export function agentRoutes(app: FastifyInstance, { flow, store, policies, supervision }: ApiContext): void {
  const answerOf = (row: AgentRow): JsonObject => agentAnswer(row, supervision?.process(row.name))
  app.get(
    '/v1/agents',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'The agents that Belay has met and those that the policy names',
        tag: 'agents',
        answers: {
          200: {
            description: 'All of them',
            schema: object({ items: { type: 'array', items: agent } }, ['items']),
          },
        },
      }),
    },
    async (request) => {
      const principal = principalOf(request)
      if (principal.kind === 'agent')
        return { items: [answerOf((await store.agent(principal.agent)) ?? unmet(principal.agent))] }
      return { items: (await knownAgents(store, policies.current())).map(answerOf) }
    },
  )

  app.patch<ByName & { Body: { state: AgentState; reason: string } }>(
    '/v1/agents/:name',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Pause, resume or stop an agent; it reaches actions in flight',
        tag: 'agents',
        params: byName,
        body: object(
          { state: { type: 'string', enum: STATES }, reason: { ...words(2_000, 'why'), minLength: 1 } },
          ['state', 'reason'],
        ),
        answers: { 200: { description: 'The agent as it is now', schema: agent } },
      }),
    },
    async (request) => {
      const { state, reason } = request.body
      return answerOf(await flow.setAgentState(request.params.name, state, reason, principalOf(request).by))
    },
  )
}

/** The agents that Belay has met and those that the policy names, by name. */
export async function knownAgents(store: Store, policy: Policy): Promise<readonly AgentRow[]> {
  const rows = new Map((await store.agents()).map((row) => [row.name, row]))
  for (const { pattern } of policy.agentRules) {
    if (!/[*?[{]/.test(pattern) && !rows.has(pattern)) rows.set(pattern, unmet(pattern))
  }
  return [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function unmet(name: string): AgentRow {
  return { name, version: 0, state: 'active', reason: null, changedBy: null, changedAt: 0 }
}

export function agentAnswer(row: AgentRow, process?: JsonObject): JsonObject {
  return {
    name: row.name,
    state: row.state,
    reason: row.reason,
    changed_by: row.changedBy,
    changed_at: row.changedAt === 0 ? null : isoTime(row.changedAt),
    version: row.version,
    ...(process === undefined ? {} : { process }),
  }
}
