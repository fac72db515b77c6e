import { writeFileSync } from 'node:fs'
import type { JsonObject } from '../../action/json.ts'
import { pathOf } from '../sdk/action-path.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { objectsOf, textOf } from './answer.ts'
import { CommandFailure } from './failure.ts'
import { reportPage, type ReportedSession } from './report-page.ts'
import { VERSION } from './version.ts'

const PAGE = 200
const MOST_ACTIONS = 2_000
const AT_ONCE = 8

/** Writes the incident report of a session; answers how many actions it tells of. The file is for its owner alone. */
export async function writeSessionReport(
  client: ApiClient,
  {
    session,
    agent,
    file,
  }: { readonly session: string; readonly agent?: string | undefined; readonly file: string },
): Promise<number> {
  const reported = await gather(client, session, agent)
  writeFileSync(file, reportPage(reported), { mode: 0o600 })
  return reported.actions.length
}

async function gather(
  client: ApiClient,
  session: string,
  agent: string | undefined,
): Promise<ReportedSession> {
  const actions: JsonObject[] = []
  let before: string | undefined
  let cut = false
  for (;;) {
    const page = await client.object('GET', '/v1/actions', {
      query: { session, agent, before, limit: PAGE },
      retries: 3,
    })
    actions.push(...objectsOf(page['items']))
    if (typeof page['next'] !== 'string' || page['next'] === before) break
    if (actions.length >= MOST_ACTIONS) {
      cut = true
      break
    }
    before = page['next']
  }
  if (actions.length === 0) throw new CommandFailure(`There is no session ${session}.`, { exitCode: 1 })
  actions.reverse()
  const told: ReportedSession['actions'][number][] = []
  for (let at = 0; at < actions.length; at += AT_ONCE) {
    const some = actions.slice(at, at + AT_ONCE)
    const explained = await Promise.all(
      some.map((action) => client.object('GET', pathOf(textOf(action['id']), 'explain'), { retries: 3 })),
    )
    for (const [index, action] of some.entries())
      told.push({ action, explanation: explained[index] as JsonObject })
  }
  const checkpoint = await client.text('GET', '/v1/ledger/checkpoint')
  return {
    session,
    agents: [...new Set(actions.map((action) => textOf(action['agent'])))],
    actions: told,
    cut,
    checkpoint,
    madeAt: Date.now(),
    version: VERSION,
  }
}
