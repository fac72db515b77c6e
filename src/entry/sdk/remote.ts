import { randomUUID } from 'node:crypto'
import { STATES } from '../../action/action.ts'
import type { StateName } from '../../action/action.ts'
import { parseDecision } from '../../action/decision.ts'
import type { Reason } from '../../action/finding.ts'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { JudgedResult } from '../judged-report.ts'
import { pathOf } from './action-path.ts'
import { ApiClient } from './api-client.ts'
import type { RemoteOptions } from './belay.ts'
import { HarnessUnreachable } from './errors.ts'
import { textOf } from './text-of.ts'
import type { ProposalOptions, Standing, WholeDoor } from './harness-door.ts'
import { remotePrompts } from './remote-prompts.ts'
import { serveUndos } from './remote-undo.ts'
import type { UndoService } from './remote-undo.ts'

// While a person is waited for, the harness may be restarted: some 50 seconds without an answer are bridged.
const WAIT_RETRIES = 14
const SAFE_RETRIES = 5
const WAIT_SLACK_MS = 15_000
const MAX_WAIT_SECONDS = 30
/** The longest run of a snippet, and what is around it. */
const SNIPPET_ANSWER_MS = 660_000

/** Speaks with a running harness. Whatever cannot be heard from it counts as not allowed. */
export function openRemote(options: RemoteOptions): WholeDoor {
  const client = new ApiClient(options.url, options.key)
  let undos: UndoService | undefined

  const ask = async (
    method: string,
    path: string,
    request: Parameters<ApiClient['object']>[2] = {},
  ): Promise<Standing> => standingFrom(await client.object(method, path, request), client.url)

  return {
    // With its key, the repetition of a lost request is the same action. Taking the permission cannot be repeated,
    // so it is left to a call of its own.
    propose(name, input, proposal) {
      return ask('POST', '/v1/actions', { body: proposalBody(name, input, proposal), retries: SAFE_RETRIES })
    },
    get: (id) => ask('GET', pathOf(id), { retries: SAFE_RETRIES }),
    wait(known, ms, signal) {
      const seconds = Math.min(Math.max(Math.ceil(ms / 1000), 1), MAX_WAIT_SECONDS)
      const request = ask('GET', pathOf(known.id), {
        query: { wait: seconds },
        timeoutMs: seconds * 1000 + WAIT_SLACK_MS,
        retries: WAIT_RETRIES,
        ...(signal === undefined ? {} : { signal }),
      })
      // The caller looks at its signal next; an aborted wait is no fault of the harness.
      return request.catch((error: unknown) => {
        if (signal?.aborted === true) return known
        throw error
      })
    },
    start: (id) => ask('POST', pathOf(id, 'start'), { body: {} }),
    async report(id, _name, outcome) {
      const body = { ...outcome, judge: true }
      const { judged } = await client.object('POST', pathOf(id, 'outcome'), { body, retries: SAFE_RETRIES })
      return judged === undefined ? null : judgedFrom(judged, client.url)
    },
    async cancel(id) {
      await client.json('POST', pathOf(id, 'cancel'), { body: {} })
    },
    async result(id) {
      const answer = await client.object('GET', pathOf(id), { retries: SAFE_RETRIES })
      return answer['result'] ?? null
    },
    undo: (id) => ask('POST', pathOf(id, 'undo'), { body: {} }),
    register(action, { undo, current }) {
      if (undo === undefined) return
      undos ??= serveUndos(client)
      undos.register(action, { undo, ...(current !== undefined && { current }) })
    },
    prompts: remotePrompts(client),
    async snippet(snippet, proposal) {
      const { action: _action, input: _input, ...by } = proposalBody('', {}, proposal)
      // It answers when the code has run, which may be minutes; its key makes the repetition the same run.
      const request = { body: { ...by, ...snippet }, timeoutMs: SNIPPET_ANSWER_MS, retries: SAFE_RETRIES }
      const { action, result } = await client.object('POST', '/v1/snippets', request)
      return {
        standing: standingFrom(isJsonObject(action) ? action : {}, client.url),
        result: isJsonObject(result) ? result : null,
      }
    },
    browsers: async () => (await import('./remote-browser.ts')).remoteBrowsers(client),
    async close() {
      await undos?.close()
    },
  }
}

function proposalBody(action: string, input: JsonObject, options: ProposalOptions): JsonObject {
  return {
    action,
    input,
    agent: options.agent,
    idempotency_key: options.idempotencyKey ?? randomUUID(),
    ...(options.session === undefined ? {} : { session: options.session }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.confidence === undefined ? {} : { confidence: options.confidence }),
    ...(options.costUsd === undefined ? {} : { cost_usd: options.costUsd }),
    ...(options.provenance === undefined ? {} : { provenance: options.provenance }),
    ...(options.tags === undefined ? {} : { tags: options.tags }),
    ...(options.prompt === undefined ? {} : { prompt: options.prompt }),
  }
}

const KNOWN_STATES: ReadonlySet<string> = new Set(STATES)

function standingFrom(answer: JsonObject, url: string): Standing {
  const { id, state, approval, deadline } = answer
  const decision = parseDecision(answer['decision'])
  const effective = parseDecision(answer['effective'])
  const known = typeof id === 'string' && typeof state === 'string' && KNOWN_STATES.has(state)
  if (!known || decision === undefined || effective === undefined) {
    throw new HarnessUnreachable(url, { cause: new Error('the answer is not an action') })
  }
  return {
    id,
    decision,
    effective,
    reasons: reasonsFrom(answer['reasons']),
    state: state as StateName,
    input: isJsonObject(answer['input']) ? answer['input'] : {},
    approval: isJsonObject(approval)
      ? { id: textOf(approval['id']), expiresAt: timeOf(approval['expires_at']) }
      : null,
    limitMs: typeof deadline === 'string' ? limitOf(answer) : null,
  }
}

function judgedFrom(judged: JsonValue, url: string): JudgedResult {
  const effective = isJsonObject(judged) ? parseDecision(judged['effective']) : undefined
  if (!isJsonObject(judged) || effective === undefined) {
    throw new HarnessUnreachable(url, {
      cause: new Error('the answer does not tell how the result was judged'),
    })
  }
  return { effective, reasons: reasonsFrom(judged['reasons']), result: judged['result'] ?? null }
}

/** Both times are the harness's: the agent's clock may be another. */
function limitOf(answer: JsonObject): number | null {
  const limit = timeOf(answer['deadline']) - timeOf(answer['updated_at'])
  return Number.isFinite(limit) && limit > 0 ? limit : null
}

function timeOf(value: JsonValue | undefined): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN
}

function reasonsFrom(value: JsonValue | undefined): Reason[] {
  if (!Array.isArray(value)) return []
  return (value as readonly JsonValue[])
    .filter(isJsonObject)
    .map((reason) => ({ ...reason, code: textOf(reason['code']), message: textOf(reason['message']) }))
}
