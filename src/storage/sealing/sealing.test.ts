import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { dropDatabase, freshDatabase } from '../../../test/setup/start-postgres.ts'
import { sampleAction } from '../contract.ts'
import { openPostgres } from '../postgres/open-postgres.ts'
import { openSqlite } from '../sqlite/open-sqlite.ts'
import type { Store, Transition } from '../store.ts'
import { masterKeyFrom, masterKeyOf } from './master-key.ts'

const MASTER = masterKeyFrom(Buffer.alloc(32, 7).toString('base64'), 'the test')
const OTHER = masterKeyFrom(Buffer.alloc(32, 8).toString('base64'), 'the test')

let folder: string
let url: string
let store: Store

function insertOf(id: string, subjects: readonly string[], secret = `secret of ${id}`): Transition {
  return {
    action: { value: sampleAction(id, { subjects }), replaces: null },
    records: [
      {
        kind: 'decision',
        at: 1,
        action: id,
        agent: 'clerk',
        body: {},
        payload: { kind: 'proposal', body: { input: secret }, subjects },
      },
    ],
  }
}

async function read(id: string): Promise<unknown> {
  const [payload] = await store.payloads(id)
  return payload?.text == null ? null : JSON.parse(payload.text)
}

for (const dialect of ['sqlite', 'postgres'] as const) {
  describe(`payloads of persons on ${dialect}`, () => {
    const open = (masterKey = MASTER): Promise<Store> =>
      dialect === 'sqlite' ? openSqlite({ folder, masterKey }) : openPostgres({ url, masterKey })
    const reopen = async (masterKey = MASTER): Promise<void> => {
      await store.close()
      store = await open(masterKey)
    }
    const run = async (
      text: string,
      values: (string | number)[] = [],
    ): Promise<Record<string, unknown>[]> => {
      if (dialect === 'sqlite') {
        const database = new Database(join(folder, 'belay.db'))
        const statement = database.prepare(text.replaceAll(/\$\d/g, '?'))
        const rows = statement.reader ? statement.all(...values) : [statement.run(...values)]
        database.close()
        return rows as Record<string, unknown>[]
      }
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const { rows } = await client.query<Record<string, unknown>>(text, values)
      await client.end()
      return rows
    }

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'belay-sealing-'))
      url = dialect === 'postgres' ? await freshDatabase(inject('postgresUrl')) : ''
      store = await open()
    })
    afterEach(async () => {
      await store.close()
      if (url !== '') await dropDatabase(url)
      rmSync(folder, { recursive: true })
    })

    test('lie sealed and under pseudonyms, and are read as they were, also after a restart', async () => {
      await store.commit(insertOf('a-1', ['ada@example.com', 'bob']))
      await store.commit(insertOf('a-2', []))
      for (const again of [false, true]) {
        if (again) await reopen()
        expect(await read('a-1')).toEqual({ input: 'secret of a-1' })
        expect(await read('a-2')).toEqual({ input: 'secret of a-2' })
      }
      const [sealed, plain] = await store.sealedPayloadsOf(['a-1', 'a-2'])
      expect(sealed?.text).toMatch(
        /^\{"belay_sealed":1,"keys":\["sub_[0-9a-f]{32}\.1","sub_[0-9a-f]{32}\.1"\]/,
      )
      expect(plain?.text).toBe('{"input":"secret of a-2"}')
      const rows = await run('SELECT text FROM payloads')
      const stored = JSON.stringify([...rows, ...(await run('SELECT * FROM actions'))])
      expect(stored).not.toMatch(/secret of a-1|ada|bob/)
      expect(JSON.stringify(await run('SELECT * FROM payload_subjects'))).not.toMatch(/ada|bob/)
      expect(await store.payloadsToErase({ subject: 'bob' })).toEqual([{ action: 'a-1', kind: 'proposal' }])
    })

    test('of several persons are gone with the key of any of them; others stay', async () => {
      await store.commit(insertOf('a-1', ['ada', 'bob']))
      await store.commit(insertOf('a-2', ['bob', 'ada', 'bob']))
      await store.commit(insertOf('b-1', ['bob']))
      expect(await store.destroySubjectKeys('ada')).toBe(1)
      expect(await store.destroySubjectKeys('ada')).toBe(0)
      expect(await store.destroySubjectKeys('nobody')).toBe(0)
      for (const again of [false, true]) {
        if (again) await reopen()
        expect([await read('a-1'), await read('a-2')]).toEqual([null, null])
        expect(await read('b-1')).toEqual({ input: 'secret of b-1' })
      }
    })

    test('that come after an erasure have a key of their own', async () => {
      await store.commit(insertOf('a-1', ['ada']))
      await store.destroySubjectKeys('ada')
      await store.commit(insertOf('a-2', ['ada']))
      expect([await read('a-1'), await read('a-2')]).toEqual([null, { input: 'secret of a-2' }])
      expect(await store.destroySubjectKeys('ada')).toBe(1)
      expect(await read('a-2')).toBeNull()
    })

    test('of a step that goes on with the stored action have the same persons', async () => {
      await store.commit(insertOf('a-1', ['ada']))
      await reopen()
      const value = (await store.action('a-1')) as NonNullable<Awaited<ReturnType<Store['action']>>>
      const payload = { kind: 'outcome', body: { result: 'more' }, subjects: value.subjects }
      await store.commit({
        action: { value: { ...value, version: 2 }, replaces: 1 },
        records: [{ kind: 'outcome', at: 2, action: 'a-1', agent: 'clerk', body: {}, payload }],
      })
      expect(await store.payloads('a-1')).toMatchObject([
        { kind: 'outcome', text: '{"result":"more"}' },
        { kind: 'proposal' },
      ])
      expect(await store.payloadsToErase({ subject: 'ada' })).toHaveLength(2)
      await store.destroySubjectKeys('ada')
      expect((await store.payloads('a-1')).map(({ text }) => text)).toEqual([null, null])
    })

    test('are an error, not erased, under another master key or when they were changed', async () => {
      await store.commit(insertOf('a-1', ['ada']))
      await store.commit(insertOf('a-2', ['ada']))
      const [one] = await run("SELECT text FROM payloads WHERE text LIKE '%belay_sealed%' ORDER BY seq")
      const [, two] = await run("SELECT text FROM payloads WHERE text LIKE '%belay_sealed%' ORDER BY seq")
      await run('UPDATE payloads SET text = $1 WHERE text = $2', [
        one?.['text'] as string,
        two?.['text'] as string,
      ])
      await expect(store.payloads('a-2')).rejects.toThrow('authenticate')
      expect(await read('a-1')).toEqual({ input: 'secret of a-1' })
      await reopen(OTHER)
      await expect(store.payloads('a-1')).rejects.toMatchObject({ code: 'store:unavailable' })
      await expect(store.commit(insertOf('a-3', ['ada']))).rejects.toMatchObject({
        code: 'store:unavailable',
      })
      expect(await store.action('a-3')).toBeUndefined()
    })

    test('many at once share the keys that they make', async () => {
      const ids = Array.from({ length: 60 }, (_, n) => `a-${String(n).padStart(2, '0')}`)
      await Promise.all(ids.map((id, n) => store.commit(insertOf(id, [`p-${n % 3}`, 'all']))))
      for (const id of ids) expect(await read(id)).toEqual({ input: `secret of ${id}` })
      expect(await store.destroySubjectKeys('all')).toBe(1)
      for (const id of ids) expect(await read(id)).toBeNull()
    })
  })
}

test('a key that is destroyed is gone for a backup of the database', async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-backup-'))
  try {
    store = await openSqlite({ folder, masterKey: MASTER })
    await store.commit(insertOf('a-1', ['ada']))
    await store.commit(insertOf('b-1', ['bob']))
    await store.close()
    const backup = join(folder, 'backup')
    const database = new Database(join(folder, 'belay.db'))
    database.prepare('VACUUM INTO ?').run(backup)
    database.close()
    store = await openSqlite({ folder, masterKey: MASTER })
    const erase = await store.payloadsToErase({ subject: 'ada' })
    await store.commit({ records: [], erase })
    await store.destroySubjectKeys('ada')
    await store.scrub()
    await store.close()
    const keys = readFileSync(join(folder, 'subject-keys.db'))
    expect(keys.includes('ada')).toBe(false)
    expect(statSync(join(folder, 'subject-keys.db')).mode & 0o777).toBe(0o600)

    for (const file of ['belay.db-wal', 'belay.db-shm']) rmSync(join(folder, file), { force: true })
    copyFileSync(backup, join(folder, 'belay.db'))
    store = await openSqlite({ folder, masterKey: MASTER })
    expect((await store.sealedPayloadsOf(['a-1']))[0]?.text).toContain('belay_sealed')
    expect(await read('a-1')).toBeNull()
    expect(await read('b-1')).toEqual({ input: 'secret of b-1' })
    await store.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('the master key', () => {
  test('is made once, for its owner alone, or taken from the environment', async () => {
    folder = mkdtempSync(join(tmpdir(), 'belay-master-'))
    try {
      const wrapped = await masterKeyOf(folder, {}).wrap(Buffer.from('k'))
      expect((await masterKeyOf(folder, {}).unwrap(wrapped)).toString()).toBe('k')
      expect(readdirSync(folder)).toEqual(['subject-master.key'])
      expect(statSync(join(folder, 'subject-master.key')).mode & 0o777).toBe(0o600)
      const given = masterKeyOf(folder, { BELAY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') })
      await expect(given.unwrap(wrapped)).rejects.toMatchObject({ code: 'store:unavailable' })
      const own = await given.wrap(Buffer.from('x'))
      expect((await MASTER.unwrap(own)).toString()).toBe('x')
      await expect(MASTER.unwrap(`${own.slice(0, -2)}AA`)).rejects.toMatchObject({
        code: 'store:unavailable',
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('of another form is refused', () => {
    for (const bad of ['', 'short', Buffer.alloc(16).toString('base64'), `${'A'.repeat(43)}=\n#`])
      expect(() => masterKeyFrom(bad, 'x')).toThrow('32 bytes')
  })
})
