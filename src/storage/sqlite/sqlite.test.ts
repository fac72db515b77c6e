import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sampleAction, storeContract } from '../contract.ts'
import type { Store } from '../store.ts'
import { openSqlite } from './open-sqlite.ts'

storeContract('sqlite', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'belay-'))
  const folder = join(parent, 'data')
  let current = await openSqlite({ folder })
  return {
    store: current,
    async reopen() {
      await current.close()
      current = await openSqlite({ folder })
      return current
    },
    async close() {
      await current.close()
      rmSync(parent, { recursive: true })
    },
  }
})

let parent: string
let folder: string
const opened: Store[] = []

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'belay-'))
  folder = join(parent, 'data')
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  rmSync(parent, { recursive: true })
})

async function open(): Promise<Store> {
  const store = await openSqlite({ folder })
  opened.push(store)
  return store
}

test('a second opener is refused and told who holds the folder', async () => {
  const first = await open()
  await expect(open()).rejects.toMatchObject({
    code: 'store:locked',
    details: { pid: String(process.pid), folder },
  })
  await first.close()
  await expect(open()).resolves.toBeDefined()
})

test('the folder and its files are closed to others', async () => {
  const store = await open()
  await store.heartbeat()
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  for (const file of readdirSync(folder)) {
    expect([file, statSync(join(folder, file)).mode & 0o077]).toEqual([file, 0])
  }
})

test('a store that could not write gives no sign of life until it can', async () => {
  const store = await open()
  const outside = new Database(join(folder, 'belay.db'))
  try {
    for (const table of ['records', 'chains']) {
      const event = table === 'records' ? 'INSERT' : 'UPDATE'
      outside.exec(
        `CREATE TRIGGER full_${table} BEFORE ${event} ON ${table} BEGIN SELECT RAISE(ABORT, 'disk is full'); END`,
      )
    }
    const record = { kind: 'policy', at: 1, action: null, agent: null, body: {} } as const
    await expect(store.commit({ records: [record] })).rejects.toMatchObject({ code: 'store:unavailable' })
    await expect(store.heartbeat()).rejects.toMatchObject({
      code: 'store:unavailable',
      details: { cause: 'disk is full' },
    })
    outside.exec('DROP TRIGGER full_chains')
    await store.heartbeat()
    await expect(store.commit({ records: [record] })).rejects.toMatchObject({ code: 'store:unavailable' })
    outside.exec('DROP TRIGGER full_records')
    await store.commit({ records: [record] })
    await store.heartbeat()
  } finally {
    outside.close()
  }
})

test('an erased payload is nowhere in the files', async () => {
  const store = await open()
  const secret = 'the-purple-elephant-dances'
  const found = (): string[] =>
    readdirSync(folder).filter((file) => readFileSync(join(folder, file)).includes(secret))
  const payload = { kind: 'proposal', body: { input: { text: secret.repeat(40) } }, subjects: ['ada'] }
  await store.commit({
    action: { value: sampleAction('a-1'), replaces: null },
    records: [{ kind: 'decision', at: 1, action: 'a-1', agent: 'clerk', body: {}, payload }],
  })
  expect(found()).not.toEqual([])
  await store.commit({ records: [], erase: await store.payloadsToErase({ subject: 'ada' }) })
  await store.scrub()
  expect(found()).toEqual([])
})

test('under load the log is copied beside the writer, taken up again from its beginning, and nothing of it is lost', async () => {
  const store = await open()
  const log = openSync(join(folder, 'belay.db-wal'), 'r')
  // The log's header counts how often it was begun anew.
  const begun = (): number => {
    const header = Buffer.alloc(32)
    readSync(log, header, 0, header.length, 0)
    return header.readUInt32BE(12)
  }
  const before = begun()
  const record = { kind: 'policy', at: 1, action: null, agent: null } as const
  const text = 'x'.repeat(2 ** 20)
  let commits = 0
  while (commits < 80 || begun() === before) {
    await store.commit({ records: [{ ...record, body: { commits, text: commits < 80 ? text : '' } }] })
    commits++
  }
  const kept = await store.records('main', 1, 100_000)
  expect(kept.map((one) => (JSON.parse(one.text) as { commits: number }).commits)).toEqual(
    Array.from({ length: commits }, (_, commit) => commit),
  )
  expect(JSON.parse(kept[0]?.text ?? '')).toMatchObject({ text })
  closeSync(log)
})

test('a folder that cannot be made is an error that names it', async () => {
  folder = '/dev/null/data'
  await expect(open()).rejects.toMatchObject({
    code: 'store:unavailable',
    message: expect.stringContaining('/dev/null/data'),
  })
})

test('a killed process leaves what it was told is on disk, and no lock', async () => {
  const code = `
    import { openSqlite } from ${JSON.stringify(new URL('./open-sqlite.ts', import.meta.url).href)}
    const store = await openSqlite({ folder: ${JSON.stringify(folder)} })
    const record = { kind: 'policy', at: 1, action: null, agent: null, body: {} }
    await Promise.all(Array.from({ length: 50 }, () => store.commit({ records: [record] })))
    process.kill(process.pid, 'SIGKILL')`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code])
  expect(child.signal).toBe('SIGKILL')
  const store = await open()
  expect((await store.chains())[0]?.seq).toBe(51)
  expect(await store.takeOverDeadReplicas()).toHaveLength(1)
})
