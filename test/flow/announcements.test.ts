import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { ApprovalChannel } from '../../src/flow/approve/announcer.ts'
import { openFlow } from '../../src/flow/open-flow.ts'
import type { OpenFlow } from '../../src/flow/open-flow.ts'
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts'
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts'
import type { Store } from '../../src/storage/store.ts'
import { policyOf } from '../setup/flow-on.ts'
import { freshDatabase } from '../setup/start-postgres.ts'

const POLICY = `version: 1
agents: { writer: {} }
actions: { x: { effect: write, approve: [{ by: [first, then] }] } }
approvers: { first: { members: [a@example.com] }, then: { members: [b@example.com] } }
`

/** A process of Belay that writes down what it tells people. */
class Process {
  readonly told: string[] = []
  store!: Store
  flow!: OpenFlow
  #watchers: (() => void)[] = []

  static async open(openStore: () => Promise<Store>): Promise<Process> {
    const process = new Process()
    process.store = await openStore()
    const policy = policyOf(POLICY)
    const tell = (line: string): Promise<void> => {
      process.told.push(line)
      for (const watcher of process.#watchers) watcher()
      return Promise.resolve()
    }
    const channel: ApprovalChannel = {
      name: 'paper',
      waiting: ({ id, state }) => tell(`${id} waits for step ${state.approval.step}`),
      settled: ({ id, state }) => tell(`${id} ${state.name}`),
    }
    process.flow = await openFlow({
      store: process.store,
      policies: { current: () => policy, onChange: () => () => undefined },
      tick: 20,
      channels: [channel],
    })
    return process
  }

  async hold(): Promise<{ readonly id: string; readonly approval: string }> {
    const { action } = await this.flow.propose(
      { agent: 'writer', action: 'x', input: {} },
      { venue: 'agent', start: false },
    )
    const { approval } = action.state as Extract<Action['state'], { name: 'held' }>
    return { id: action.id, approval: approval.id }
  }

  /** Resolves when so many lines have been told. */
  toldSoMany(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.told.length >= count) resolve()
      }
      this.#watchers.push(look)
      look()
    })
  }

  async close(): Promise<void> {
    await this.flow.close()
    await this.store.close()
  }
}

describe('on SQLite', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'belay-announce-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('a process tells once what waits, also what waited before it began, and what became of it', async () => {
    const before = await Process.open(() => openSqlite({ folder }))
    const { id, approval } = await before.hold()
    await before.close()
    expect(before.told).toEqual([`${id} waits for step 0`])
    const after = await Process.open(() => openSqlite({ folder }))
    await after.toldSoMany(1)
    await after.flow.vote(approval, { by: 'a@example.com', outcome: 'approve' })
    await after.flow.vote(approval, { by: 'b@example.com', outcome: 'reject' })
    await after.close()
    expect(after.told).toEqual([`${id} waits for step 0`, `${id} waits for step 1`, `${id} denied`])
  })

  test('what is decided before the first look is told as decided', async () => {
    const before = await Process.open(() => openSqlite({ folder }))
    const { id } = await before.hold()
    await before.close()
    const after = await Process.open(() => openSqlite({ folder }))
    await after.flow.cancel(id, 'admin')
    await after.close()
    expect(after.told.filter((line) => line !== `${id} waits for step 0`)).toEqual([`${id} cancelled`])
    expect(after.told.at(-1)).toBe(`${id} cancelled`)
  })
})

test('of two replicas only the one that admitted it tells, also of what the other did; the other takes over when it dies', async () => {
  const url = await freshDatabase(inject('postgresUrl'))
  const open = (): Promise<Process> => Process.open(() => openPostgres({ url, replicaLeaseMs: 4_000 }))
  const [one, two] = await Promise.all([open(), open()])
  const { id, approval } = await one.hold()
  await two.flow.vote(approval, { by: 'a@example.com', outcome: 'approve' })
  await one.toldSoMany(2)
  expect(one.told).toEqual([`${id} waits for step 0`, `${id} waits for step 1`])
  const { id: left } = await one.hold()
  await one.toldSoMany(3)
  expect(two.told).toEqual([])
  await one.close()
  // What the dead one admitted is for the living one to tell now.
  await two.toldSoMany(2)
  expect(two.told.toSorted()).toEqual([`${id} waits for step 1`, `${left} waits for step 0`])
  await two.flow.vote(approval, { by: 'b@example.com', outcome: 'approve' })
  await two.toldSoMany(3)
  expect(two.told.at(-1)).toBe(`${id} ready`)
  await two.close()
}, 60_000)
