import { STATES, type OutcomeReport, type Proposal, type StateName } from '../../action/action.ts'
import { parseDecision } from '../../action/decision.ts'
import type { Reason } from '../../action/finding.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { pathOf } from '../sdk/action-path.ts'
import { textOf } from '../sdk/text-of.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import {
  PIN_ACTION,
  pinSession,
  type ActionDoor,
  type JudgedResult,
  type PinAction,
  type Standing,
} from './action-door.ts'

const DEFAULT_WAIT = 120_000
const RETRIES = 5
const MAX_WAIT_SECONDS = 30
const PAGE = 200
const MAX_PINS = 20_000
/** Whether exchanges are kept is asked again after this time. */
const ASK_AGAIN_MS = 10_000
const KNOWN: ReadonlySet<string> = new Set(STATES)

/** The pipeline of a running harness, by its HTTP API. Whatever cannot be heard from it counts as not allowed. */
export function apiDoor(client: ApiClient): ActionDoor {
  /** How long a held action is waited for is said when it is proposed. */
  const waits = new Map<string, number>()
  /** Until then nothing is kept: the policy did not want the last one. */
  let unwanted = 0
  const ask = async (
    method: string,
    path: string,
    request: Parameters<ApiClient['object']>[2] = {},
  ): Promise<Standing> => {
    const answer = await client.object(method, path, request)
    const standing = standingOf(answer)
    const { approval_wait_seconds: seconds } = answer
    if (typeof seconds === 'number') {
      if (waits.size > 1_000) waits.clear()
      waits.set(standing.id, seconds * 1_000)
    }
    return { ...standing, approvalWait: waits.get(standing.id) ?? DEFAULT_WAIT }
  }
  return {
    propose: (proposal, start) => ask('POST', '/v1/actions', { body: bodyOf(proposal, start) }),
    get: (id) => ask('GET', pathOf(id), { retries: RETRIES }),
    async wait(known, ms, signal) {
      const wait = Math.max(0.001, Math.min(ms / 1_000, MAX_WAIT_SECONDS))
      return ask('GET', pathOf(known.id), {
        query: { wait, version: known.version },
        timeoutMs: wait * 1_000 + 15_000,
        retries: RETRIES,
        signal,
      }).catch((error: unknown) => {
        // The caller looks at its signal next; a wait that was given up is no fault.
        if (signal.aborted) return known
        throw error
      })
    },
    start: (id) => ask('POST', pathOf(id, 'start'), { body: {} }),
    async cancel(id) {
      await client.json('POST', pathOf(id, 'cancel'), { body: {} })
    },
    async finish(id, report) {
      const answer = await client.object('POST', pathOf(id, 'outcome'), {
        body: { ...outcomeOf(report), result: report.result, judge: true },
        retries: RETRIES,
      })
      return judgedOf(answer['judged'])
    },
    async report(id, report) {
      try {
        await client.json('POST', pathOf(id, 'outcome'), { body: outcomeOf(report), retries: RETRIES })
      } catch (error) {
        if (!(error instanceof BelayError) || error.code !== 'action:wrong_state') throw error
      }
    },
    keeps: () => performance.now() >= unwanted,
    async keep(id, { server, request, answer, startedAt }) {
      const { kept } = await client.object('POST', pathOf(id, 'exchanges'), {
        body: { server, request, answer, started_at: startedAt },
      })
      if (kept === false) unwanted = performance.now() + ASK_AGAIN_MS
    },
    async vote(approvalId, by, outcome, reason) {
      await client.as(by).json('POST', `/v1/approvals/${encodeURIComponent(approvalId)}`, {
        body: { outcome, ...(reason !== undefined && { reason }) },
      })
    },
    async pins(agent, server) {
      const found: PinAction[] = []
      let before: string | undefined
      while (found.length < MAX_PINS) {
        const page = await client.object('GET', '/v1/actions', {
          query: { agent, action: PIN_ACTION, session: pinSession(server), limit: PAGE, before },
          retries: RETRIES,
        })
        const items = Array.isArray(page['items'])
          ? (page['items'] as readonly JsonValue[]).filter(isJsonObject)
          : []
        for (const { id, target, tool_schema_version: digest, state } of items)
          if (
            typeof id === 'string' &&
            typeof target === 'string' &&
            typeof digest === 'string' &&
            isState(state)
          )
            found.push({ id, tool: target, digest, state })
        const { next } = page
        if (typeof next !== 'string') break
        before = next
      }
      return found
    },
  }
}

function bodyOf(proposal: Proposal, start: boolean): JsonObject {
  const { agent, action, input, session, target, toolSchemaVersion, idempotencyKey, provenance } = proposal
  const tags = proposal.facts?.['tags']
  return {
    agent,
    action,
    input,
    start,
    ...(session !== undefined && { session }),
    ...(target !== undefined && { target }),
    ...(toolSchemaVersion !== undefined && { tool_schema_version: toolSchemaVersion }),
    ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }),
    ...(provenance !== undefined && { provenance }),
    ...(tags !== undefined && { tags }),
  }
}

function outcomeOf({ outcome, result, error, cost }: OutcomeReport): JsonObject {
  return {
    outcome,
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
    ...(cost === 0 && { cost_usd: 0 }),
  }
}

function standingOf(answer: JsonObject): Standing {
  const { id, state, version, approval, deadline, updated_at: updatedAt } = answer
  const effective = parseDecision(answer['effective'])
  if (typeof id !== 'string' || typeof version !== 'number' || !isState(state) || effective === undefined)
    throw new BelayError('server:fault', { id: 'the answer of the harness is not an action' })
  const limit = Date.parse(textOf(deadline)) - Date.parse(textOf(updatedAt))
  return {
    id,
    version,
    state,
    effective,
    reasons: reasonsOf(answer['reasons']),
    input: isJsonObject(answer['input']) ? answer['input'] : {},
    approval:
      isJsonObject(approval) && typeof approval['id'] === 'string'
        ? { id: approval['id'], groups: groupsOf(approval['steps']) }
        : null,
    approvalWait: DEFAULT_WAIT,
    limit: state === 'executing' && Number.isFinite(limit) && limit > 0 ? limit : null,
  }
}

function isState(state: unknown): state is StateName {
  return typeof state === 'string' && KNOWN.has(state)
}

function groupsOf(steps: JsonValue | undefined): readonly string[] {
  return Array.isArray(steps)
    ? (steps as readonly JsonValue[]).flatMap((step) => (isJsonObject(step) ? [textOf(step['group'])] : []))
    : []
}

function reasonsOf(value: JsonValue | undefined): Reason[] {
  if (!Array.isArray(value)) return []
  return (value as readonly JsonValue[])
    .filter(isJsonObject)
    .map(({ code, message }) => ({ code: textOf(code), message: textOf(message) }))
}

/** A verdict that cannot be read is none: the result is withheld. */
function judgedOf(judged: JsonValue | undefined): JudgedResult | null {
  if (judged === undefined) return null
  if (!isJsonObject(judged))
    throw new BelayError('server:fault', { id: 'the harness did not judge the result' })
  const { result } = judged
  return {
    effective: parseDecision(judged['effective']) ?? 'deny',
    reasons: reasonsOf(judged['reasons']),
    result: isJsonObject(result) ? result : {},
  }
}
