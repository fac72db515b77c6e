import { randomUUID } from 'node:crypto'

/**
 * All that an agent needs to be under the harness, without any package: three HTTP calls. Where `BELAY_URL` is
 * not set, the effect simply happens, as it did before.
 */
export interface Wish {
  readonly action: string
  readonly input: Record<string, unknown>
  readonly reason: string
  readonly confidence?: number
  readonly costUsd?: number
  readonly provenance?: Record<string, string>
}

export interface Effect {
  readonly ok: boolean
  readonly result: unknown
  readonly costUsd?: number
}

export interface Attempt {
  /** What Belay decided; `none` without a harness. */
  readonly decision: string
  readonly state: string
  readonly reasons: readonly string[]
  readonly id: string | null
  readonly effect: Effect | null
}

type Perform = (input: Record<string, unknown>) => Promise<Effect>

const url = process.env['BELAY_URL']
/** What one run of the agent does belongs together. */
const session = `run-${randomUUID()}`
const key = process.env['BELAY_KEY'] ?? ''

export async function attempt(agent: string, wish: Wish, perform: Perform): Promise<Attempt> {
  if (url === undefined) {
    const effect = await perform(wish.input)
    return { decision: 'none', state: effect.ok ? 'succeeded' : 'failed', reasons: [], id: null, effect }
  }

  const proposed = await belay('/v1/actions', {
    agent,
    session,
    action: wish.action,
    input: wish.input,
    reason: wish.reason,
    ...(wish.confidence === undefined ? {} : { confidence: wish.confidence }),
    ...(wish.costUsd === undefined ? {} : { cost_usd: wish.costUsd }),
    ...(wish.provenance === undefined ? {} : { provenance: wish.provenance }),
  })
  const id = String(proposed['id'])
  const decision = String(proposed['decision'])
  const reasons = codes(proposed['reasons'])
  if (proposed['state'] !== 'ready')
    return { decision, state: String(proposed['state']), reasons, id, effect: null }

  const started = await belay(`/v1/actions/${id}/start`, {})
  if (started['state'] !== 'executing') return { decision, state: 'refused', reasons, id, effect: null }
  const effect = await perform(proposed['input'] as Record<string, unknown>)
  const reported = await belay(`/v1/actions/${id}/outcome`, {
    outcome: effect.ok ? 'succeeded' : 'failed',
    result: effect.result,
    ...(effect.costUsd === undefined ? {} : { cost_usd: effect.costUsd }),
  })
  return { decision, state: String(reported['state']), reasons, id, effect }
}

/** An answer that is no permission is none: the caller acts only on `ready` and `executing`. */
async function belay(path: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (response.status >= 500 || response.status === 401) {
    throw new Error(`Belay answered ${response.status}: ${JSON.stringify(answer)}`)
  }
  return response.ok
    ? answer
    : { ...answer, state: 'denied', decision: 'deny', reasons: [{ code: answer['code'] }] }
}

function codes(reasons: unknown): string[] {
  return Array.isArray(reasons) ? reasons.map((reason: { code?: unknown }) => String(reason.code)) : []
}

/** A call to the world. */
export async function call(
  method: string,
  address: string,
  body?: unknown,
  token?: string,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(address, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

/** One line of the agent's log, which the demo reads. */
export function log(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
