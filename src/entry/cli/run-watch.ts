import { isJsonObject } from '../../action/json.ts'
import type { JsonObject } from '../../action/json.ts'
import type { ExitCause, Sandbox } from '../../flow/contain/sandbox/provider.ts'
import { ApiClient } from '../sdk/api-client.ts'

const EVERY_MS = 1000
/** So long may a harness be away, for example to be started anew, before the run has nobody to answer to. */
const AWAY_MS = 5000

/**
 * Does to a running sandbox what people and the breaker say about its agent: paused it is frozen, active it goes on,
 * stopped it ends; and it ends when the harness has not answered its key for five seconds. What cannot be carried out
 * ends it. Answers how to leave off.
 */
export function watchRun(
  { url, key, agent }: { readonly url: string; readonly key: string; readonly agent: string },
  sandbox: Pick<Sandbox, 'freeze' | 'thaw'> & { kill(cause: ExitCause): Promise<unknown> },
  { every = EVERY_MS, away = AWAY_MS }: { readonly every?: number; readonly away?: number } = {},
): () => void {
  const client = new ApiClient(url, key)
  let answered = performance.now()
  let frozen = false
  let over = false
  let timer: NodeJS.Timeout | undefined
  const end = (cause: ExitCause): void => {
    over = true
    void sandbox.kill(cause)
  }

  const look = async (): Promise<void> => {
    let state: string | undefined
    try {
      state = stateIn(await client.object('GET', '/v1/agents', { timeoutMs: away }), agent)
      if (state !== undefined) answered = performance.now()
    } catch {
      // Told from its silence.
    }
    if (over) return
    if (performance.now() - answered >= away) return end('harness')
    if (state === 'stopped') return end('stopped')
    if (state === undefined || (state === 'paused') === frozen) return
    try {
      await (frozen ? sandbox.thaw() : sandbox.freeze())
      frozen = !frozen
    } catch {
      end('stopped')
    }
  }
  const next = (): void => {
    timer = setTimeout(() => void look().finally(() => !over && next()), every)
  }
  next()
  return () => {
    over = true
    clearTimeout(timer)
  }
}

function stateIn({ items }: JsonObject, agent: string): string | undefined {
  const row = (Array.isArray(items) ? items : []).filter(isJsonObject).find(({ name }) => name === agent)
  const state = row?.['state']
  return typeof state === 'string' ? state : undefined
}
