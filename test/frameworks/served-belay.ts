import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openHarness } from '../../src/entry/harness.ts'
import { startHttpServer } from '../../src/entry/http-api/server.ts'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { Belay } from '../../src/entry/sdk/belay.ts'

/** What the tests of the framework doors run under. */
export const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
agents:
  helper: { rate: [{ limit: 100000, per: hour }] }
actions:
  tool.lookup:
    effect: read
    result: { verify: [{ pii: { then: redact } }, { banned_phrases: { phrases: [top secret] } }] }
  tool.post:
    effect: write
    verify:
      - max_length: { field: text, max: 40, message: A post has at most 40 characters. }
      - pii: { field: text, then: redact }
  payments.refund:
    effect: irreversible
    approve: [{ when: 'input.amount > 100', by: [finance], expires: 1h }]
approvers:
  finance: { members: [finance@example.com], quorum: 1 }
`

const ADMIN = 'an-admin-token-for-tests'

export interface ServedBelay {
  readonly belay: Belay
  /** Decides what waits, as soon as something does. */
  decide(outcome: 'approve' | 'reject'): Promise<void>
  /** The recorded actions, newest first. */
  actions(): Promise<readonly { readonly action: string; readonly state: string }[]>
  close(): Promise<void>
}

/** A harness on the data of `folder`, served over HTTP, and an agent's connection to it. */
export async function serveBelay(folder: string): Promise<ServedBelay> {
  const config = join(folder, 'belay.yaml')
  writeFileSync(config, POLICY)
  const harness = await openHarness({ config, data: join(folder, 'data') })
  const server = await startHttpServer({
    flow: harness.flow,
    store: harness.store,
    policies: harness.policies,
    ledgerLog: harness.ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log: { level: 'silent' },
  })
  const admin = new ApiClient(server.url, ADMIN, 'finance@example.com')
  const { key } = await admin.object('POST', '/v1/keys', { body: { agent: 'helper' } })
  const belay = await Belay.open({ url: server.url, key: key as string })
  return {
    belay,
    async decide(outcome) {
      for (;;) {
        const { items } = (await admin.object('GET', '/v1/approvals')) as { items: { id: string }[] }
        const [waiting] = items
        if (waiting === undefined) continue
        await admin.json('POST', `/v1/approvals/${waiting.id}`, { body: { outcome, reason: 'looked at' } })
        return
      }
    },
    async actions() {
      const { items } = await admin.object('GET', '/v1/actions')
      return items as never
    },
    async close() {
      await belay.close()
      await server.close()
      await harness.close()
    },
  }
}
