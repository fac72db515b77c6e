import { STATES } from '../../action/action.ts'
import type { StateName } from '../../action/action.ts'
import type { Reason } from '../../action/finding.ts'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { pathOf } from './action-path.ts'
import type { ApiClient } from './api-client.ts'
import type { BrowserDoor, CallStanding } from './browser.ts'
import { withheldIn } from './browser.ts'
import { HarnessUnreachable } from './errors.ts'
import { textOf } from './text-of.ts'

const SAFE_RETRIES = 5
const SLACK_MS = 100_000

/** Browsers of a running harness. */
export function remoteBrowsers(client: ApiClient): BrowserDoor {
  const path = (session: string, rest = ''): string => `/v1/browsers/${encodeURIComponent(session)}${rest}`
  return {
    async open(account, { agent, session, wait = 0 }) {
      const body = { account, agent, wait, ...(session !== undefined && { session }) }
      const opened = await client.object('POST', '/v1/browsers', { body, timeoutMs: wait * 1_000 + SLACK_MS })
      return { id: textOf(opened['id']) }
    },
    async begin(session, call, seconds) {
      // Not tried again: the call may have been done.
      const answer = await client.object('POST', path(session, '/calls'), {
        body: { ...call, wait: seconds },
        timeoutMs: seconds * 1_000 + SLACK_MS,
      })
      return standingFrom(answer, client.url)
    },
    async wait(session, action, seconds) {
      const answer = await client.object('GET', path(session, `/calls/${encodeURIComponent(action)}`), {
        query: { wait: seconds },
        timeoutMs: seconds * 1_000 + SLACK_MS,
        retries: SAFE_RETRIES,
      })
      return standingFrom(answer, client.url)
    },
    async cancel(action) {
      await client.json('POST', pathOf(action, 'cancel'), { body: {} })
    },
    async close(session) {
      await client.json('DELETE', path(session))
    },
  }
}

function standingFrom(answer: JsonObject, url: string): CallStanding {
  const { action, done, result = null, content, error } = answer
  const state = isJsonObject(action) ? action['state'] : undefined
  if (!isJsonObject(action) || !(STATES as readonly unknown[]).includes(state))
    throw new HarnessUnreachable(url, { cause: new Error('the answer is not a call') })
  const approval = action['approval']
  return {
    id: textOf(action['id']),
    state: state as StateName,
    reasons: reasonsIn(action['reasons']),
    approval: isJsonObject(approval) ? { id: textOf(approval['id']) } : null,
    done: done === true,
    result,
    content: typeof content === 'string' ? Buffer.from(content, 'base64') : null,
    error: typeof error === 'string' ? error : null,
    withheld: withheldIn(action['judged']),
  }
}

function reasonsIn(value: JsonValue | undefined): readonly Reason[] {
  return Array.isArray(value) ? value : []
}
