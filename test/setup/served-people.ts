import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Proposal } from '../../src/action/action.ts'
import { openHarness } from '../../src/entry/harness.ts'
import type { Harness } from '../../src/entry/harness.ts'
import { startHttpServer } from '../../src/entry/http-api/server.ts'
import type { HttpServer } from '../../src/entry/http-api/server.ts'
import { PeopleReach } from '../../src/entry/reach-people.ts'

export const ADMIN = 'test-admin-token-0123456789'

/** A policy whose `notify:` the test gives; lead and second decide, boss after them where it says chain. */
export const peoplePolicy = (notify: string, more = ''): string => `version: 1
mode: enforce
agents: { writer: { budget: [{ limit_usd: 10, per: day }] } }
actions:
  note.add: { effect: write }
  note.publish: { effect: write, undo: { within: 1h }, approve: [{ by: [editors], expires: 1h }] }
  note.both: { effect: write, approve: [{ by: [pair], expires: 1h }] }
  note.chain: { effect: write, approve: [{ by: [editors, bosses], expires: 1h }] }
  money.send: { effect: irreversible, approve: [{ by: [editors], expires: 1h }] }
approvers:
  editors: { members: [lead@example.com, second@example.com], quorum: 1 }
  pair: { members: [lead@example.com, second@example.com], quorum: 2 }
  bosses: { members: [boss@example.com], quorum: 1 }
notify:
${notify}
${more}`

export interface ServedPeople {
  harness: Harness
  people: PeopleReach
  server: HttpServer
  readonly folder: string
  readonly faults: string[]
  readonly notes: string[]
  propose(
    action: string,
    input?: Proposal['input'],
    more?: Partial<Proposal>,
  ): ReturnType<Harness['flow']['propose']>
  /** Ends everything and opens it again on the same data folder. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Belay as `belay up` serves it, as far as people are concerned. */
export async function servePeople(
  policy: string,
  options: {
    readonly env?: Record<string, string>
    readonly databaseUrl?: string
    readonly folder?: string
  } = {},
): Promise<ServedPeople> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'belay-people-')))
  const config = join(folder, 'belay.yaml')
  await writeFile(config, policy)
  const faults: string[] = []
  const notes: string[] = []
  const onFault = (fault: unknown): void => void faults.push(String(fault))
  const open = async (): Promise<Pick<ServedPeople, 'harness' | 'people' | 'server'>> => {
    const data = join(folder, 'data')
    const people = new PeopleReach({
      data,
      onFault,
      note: (text) => void notes.push(text),
      env: options.env ?? {},
    })
    const harness = await openHarness({
      config,
      data,
      watch: false,
      ...(options.databaseUrl !== undefined && { databaseUrl: options.databaseUrl }),
      onMoved: (action) => people.moved(action),
      channels: [people],
      onFault,
    })
    const server = await startHttpServer({
      flow: harness.flow,
      store: harness.store,
      policies: harness.policies,
      ledgerLog: harness.ledgerLog,
      port: 0,
      adminToken: ADMIN,
      version: '0.0.0-test',
      log: { level: 'silent' },
      doors: [(app) => people.doors(app)],
    })
    people.open(harness, server.url)
    return { harness, people, server }
  }
  const stop = async (): Promise<void> => {
    await served.server.close()
    await served.people.close()
    await served.harness.close()
  }
  const served: ServedPeople = {
    ...(await open()),
    folder,
    faults,
    notes,
    propose: (action, input = { text: 'hello' }, more = {}) =>
      served.harness.flow.propose(
        { agent: 'writer', action, input, ...more },
        { venue: 'agent', start: false },
      ),
    async restart() {
      await stop()
      Object.assign(served, await open())
    },
    async close() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return served
}
