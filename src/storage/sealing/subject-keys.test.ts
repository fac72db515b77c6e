import { expect, test } from 'vitest'
import { masterKeyFrom, type MasterKey } from './master-key.ts'
import { SubjectKeys, type SubjectKeyRow, type SubjectKeyRows } from './subject-keys.ts'

const MASTER = masterKeyFrom(Buffer.alloc(32, 7).toString('base64'), 'the test')
const OPTIONS = { now: () => 1, believe: Number.POSITIVE_INFINITY }

/** Rows in memory. `beforeRead` and `beforeUnwrap` hold the next reading up. */
function memory() {
  const rows: SubjectKeyRow[] = []
  const held = { read: Promise.resolve(), unwrap: Promise.resolve() }
  const stored: SubjectKeyRows = {
    async read(subjects) {
      const found = rows.filter(({ subject }) => subjects.includes(subject))
      await held.read
      return found
    },
    insert(added) {
      rows.push(...added)
      return Promise.resolve()
    },
    destroy(subject) {
      let destroyed = 0
      for (const [index, row] of rows.entries()) {
        if (row.subject !== subject || row.wrapped === null) continue
        rows[index] = { ...row, wrapped: null }
        destroyed++
      }
      return Promise.resolve(destroyed)
    },
  }
  const master: MasterKey = {
    wrap: (key) => MASTER.wrap(key),
    async unwrap(wrapped) {
      await held.unwrap
      return MASTER.unwrap(wrapped)
    },
  }
  return { stored, held, open: () => new SubjectKeys(stored, master, OPTIONS) }
}

test('the erasure of one person does not make the keys of others look destroyed', async () => {
  const { held, open } = memory()
  const [ada, bob] = await open().keysFor(['ada', 'bob'])
  if (ada === undefined || bob === undefined) throw new Error('there are no keys')
  const keys = open()
  await keys.keysFor(['carol'])
  await keys.keysOf([ada.id])
  const gate = Promise.withResolvers<void>()
  held.read = gate.promise
  const both = keys.keysOf([ada.id, bob.id])
  await keys.destroy('carol')
  gate.resolve()
  expect([...(await both).values()]).toEqual([ada.key, bob.key])
})

test('a key that is destroyed while it is read is not used, and not kept', async () => {
  const { held, open } = memory()
  const [old] = await open().keysFor(['ada'])
  if (old === undefined) throw new Error('there is no key')
  const keys = open()
  await keys.pseudonym('ada')
  const gate = Promise.withResolvers<void>()
  held.unwrap = gate.promise
  const taken = keys.keysFor(['ada'])
  const read = keys.keysOf([old.id])
  // Both have read the row by then, and wait for the master key.
  await new Promise((resolve) => setImmediate(resolve))
  expect(await keys.destroy('ada')).toBe(1)
  gate.resolve()
  await read
  const [now] = await taken
  expect(now?.id).toBe(old.id.replace(/1$/, '2'))
  expect(await keys.keysOf([old.id])).toEqual(new Map([[old.id, null]]))
  expect(await keys.keysFor(['ada'])).toEqual([now])
})
