import type Database from 'better-sqlite3'
import { recordHash, recordLeaf } from '../../src/flow/audit/transparency/commitment.ts'
import { TreeBuilder } from '../../src/flow/audit/transparency/tree-builder.ts'
import type { Random } from './tamper-with-files.ts'

/** Changes the tables; answers `false` when there was nothing to change. */
type Tampering = (db: Database.Database, random: Random) => boolean

interface Row {
  readonly seq: number
  readonly text: string
  readonly hash: string
}

const count = (db: Database.Database): number =>
  (db.prepare('SELECT count(*) AS n FROM records').get() as { n: number }).n
const rowAt = (db: Database.Database, seq: number): Row =>
  db.prepare('SELECT seq, text, hash FROM records WHERE seq = ?').get(seq) as Row
const did = ({ changes }: Database.RunResult): boolean => changes > 0

/** Another character of the same kind, so that the text stays one. */
function flipped(text: string, random: Random): string {
  const letters = [...text.matchAll(/[a-zA-Z0-9]/g)]
  const at = letters[random(letters.length)]?.index ?? 0
  const code = text.charCodeAt(at)
  const other = code === 0x39 ? 0x30 : code === 0x7a || code === 0x5a ? code - 1 : code + 1
  return text.slice(0, at) + String.fromCharCode(other) + text.slice(at + 1)
}

/** What somebody does who writes the database. */
export const IN_PLACE: Readonly<Record<string, Tampering>> = {
  'change a record': (db, random) => {
    const { seq, text } = rowAt(db, 1 + random(count(db)))
    return did(db.prepare('UPDATE records SET text = ? WHERE seq = ?').run(flipped(text, random), seq))
  },
  'change a hash': (db, random) => {
    const { seq, hash } = rowAt(db, 1 + random(count(db)))
    return did(db.prepare('UPDATE records SET hash = ? WHERE seq = ?').run(flipped(hash, random), seq))
  },
  'change a column': (db, random) => {
    const column = ['kind', 'agent', 'at', 'action'][random(4)] as string
    const value = column === 'at' ? 7 : 'eve'
    return did(db.prepare(`UPDATE records SET ${column} = ? WHERE seq = ?`).run(value, 1 + random(count(db))))
  },
  'delete a record': (db, random) =>
    did(db.prepare('DELETE FROM records WHERE seq = ?').run(1 + random(count(db)))),
  'swap two records': (db, random) => {
    const records = count(db)
    const from = 1 + random(records)
    const to = 1 + ((from + random(records - 1)) % records)
    const move = db.prepare('UPDATE records SET seq = ? WHERE seq = ?')
    for (const [seq, was] of [
      [-1, from],
      [from, to],
      [to, -1],
    ])
      move.run(seq, was)
    return true
  },
  'cut off the end': (db, random) => {
    const left = random(count(db))
    db.prepare('DELETE FROM records WHERE seq > ?').run(left)
    if (random(2) === 0 || left === 0) return true
    const { seq, hash } = rowAt(db, left)
    return did(db.prepare('UPDATE chains SET seq = ?, hash = ?').run(seq, hash))
  },
  'change a payload': (db, random) => {
    const rows = db.prepare('SELECT seq, text FROM payloads WHERE text IS NOT NULL').all() as Row[]
    const row = rows[random(rows.length)] as Row
    return did(
      db.prepare('UPDATE payloads SET text = ? WHERE seq = ?').run(flipped(row.text, random), row.seq),
    )
  },
  'delete a payload': (db, random) => {
    const rows = db.prepare('SELECT seq FROM payloads WHERE text IS NOT NULL').all() as Row[]
    return did(db.prepare('DELETE FROM payloads WHERE seq = ?').run((rows[random(rows.length)] as Row).seq))
  },
  'change the state of an action': (db, random) => {
    const rows = db.prepare('SELECT id FROM actions').all() as { id: string }[]
    const { id } = rows[random(rows.length)] as { id: string }
    const change = `UPDATE actions SET progress = replace(replace(progress, '"succeeded"', '"failed"'), '"denied"', '"expired"')
      WHERE id = ? AND progress LIKE '%"succeeded"%' OR id = ? AND progress LIKE '%"denied"%'`
    return did(
      random(2) === 0
        ? db.prepare(change).run(id, id)
        : db.prepare('DELETE FROM actions WHERE id = ?').run(id),
    )
  },
  'break an action': (db, random) => {
    const rows = db.prepare('SELECT id, progress FROM actions').all() as { id: string; progress: string }[]
    const { id, progress } = rows[random(rows.length)] as (typeof rows)[number]
    const put = db.prepare('UPDATE actions SET progress = ? WHERE id = ?')
    return did(put.run(progress.slice(0, random(progress.length)), id))
  },
  'change a tile': (db, random) => {
    const rows = db.prepare('SELECT level, number, hashes FROM tree_tiles').all() as {
      level: number
      number: number
      hashes: Buffer
    }[]
    const { level, number, hashes } = rows[random(rows.length)] as (typeof rows)[number]
    const at = random(hashes.length)
    hashes[at] = (hashes[at] as number) ^ (1 << random(8))
    const put = db.prepare('UPDATE tree_tiles SET hashes = ? WHERE level = ? AND number = ?')
    return did(put.run(hashes, level, number))
  },
  'change the head': (db, random) =>
    did(db.prepare('UPDATE chains SET hash = ?').run(flipped(rowAt(db, count(db)).hash, random))),
}

/** What the owner does, who can make the chain and the tree again: from a record that the witness has seen on. */
export const REWRITTEN: Readonly<
  Record<string, (db: Database.Database, random: Random, seen: number) => boolean>
> = {
  'rewrite from a record on': (db, random, seen) => rewriteFrom(db, 1 + random(seen)),
  'rewrite everything': (db) => rewriteFrom(db, 1),
}

function rewriteFrom(db: Database.Database, first: number): boolean {
  const rows = db.prepare('SELECT seq, text, hash FROM records ORDER BY seq').all() as Row[]
  const put = db.prepare('UPDATE records SET text = ?, hash = ?, at = at + ? WHERE seq = ?')
  const tree = new TreeBuilder()
  let previous = '0'.repeat(64)
  for (const { seq, text } of rows) {
    const isNew = seq >= first
    const written = isNew ? text.replace(/"at":(\d+)/, (_, at: string) => `"at":${Number(at) + 1}`) : text
    previous = recordHash(previous, written)
    put.run(written, previous, isNew ? 1 : 0, seq)
    tree.append(recordLeaf('"main"', seq, previous))
  }
  db.prepare('UPDATE chains SET hash = ?').run(previous)
  const tile = db.prepare('UPDATE tree_tiles SET hashes = ? WHERE level = ? AND number = ?')
  for (const { level, index, hashes } of tree.takeTiles()) tile.run(hashes, level, index)
  return true
}
