import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { ManyRows } from './many-rows.ts'

function table() {
  const connection = new Database(':memory:')
  connection.exec('CREATE TABLE t (kind text NOT NULL, n integer PRIMARY KEY, text text)')
  const rows = new ManyRows(connection, 'INSERT INTO t (kind, n, text)', "('k', ?, ?)")
  const kept = (): unknown[] => connection.prepare('SELECT kind, n, text FROM t ORDER BY rowid').raw().all()
  return { connection, rows, kept }
}

it.each([0, 1, 3, 4, 15, 16, 17, 37, 100])('writes %i rows, each once and in their order', (count) => {
  const { rows, kept } = table()
  for (let n = 0; n < count; n++) rows.add(n, n % 3 === 0 ? null : `text ${n}`)
  rows.flush()
  rows.flush()
  expect(kept()).toEqual(Array.from({ length: count }, (_, n) => ['k', n, n % 3 === 0 ? null : `text ${n}`]))
})

it('writes long rows one by one', () => {
  const { rows, kept } = table()
  const long = 'x'.repeat(100_000)
  for (let n = 0; n < 20; n++) rows.add(n, n === 7 ? long : 'short')
  rows.flush()
  rows.add(20, 'short')
  rows.flush()
  expect(kept()).toEqual(Array.from({ length: 21 }, (_, n) => ['k', n, n === 7 ? long : 'short']))
})

it('keeps nothing of what it was told to forget, nor of what could not be written', () => {
  const { connection, rows, kept } = table()
  rows.add(1, 'forgotten')
  rows.clear()
  rows.add(2, 'kept')
  rows.flush()
  rows.add(3, 'lost with the next')
  rows.add(2, 'twice')
  connection.exec('BEGIN')
  expect(() => rows.flush()).toThrow(/UNIQUE/)
  connection.exec('ROLLBACK')
  rows.flush()
  expect(kept()).toEqual([['k', 2, 'kept']])
})
