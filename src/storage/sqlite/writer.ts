import { parentPort, workerData } from 'node:worker_threads'
import type { PreparedTransition } from '../prepared-transition.ts'
import { Checkpoints } from './checkpoints.ts'
import { openForWriting } from './connection.ts'
import { copyLogBeside } from './copy-log.ts'
import { unpack } from './packed.ts'
import { SubjectKeyFile } from './subject-key-file.ts'
import { BudgetWriter } from './write-budgets.ts'
import { StatementWriter, type StatementRun } from './write-statements.ts'
import { TileWriter } from './write-tiles.ts'
import { TransitionWriter } from './write-transitions.ts'
import type { Job, Request, Response, WriterSettings } from './writer-jobs.ts'

/**
 * The writer thread: the only connection that writes, so that writing never stops the event loop that
 * serves agents. It takes one job at a time and says when it is written; the other end waits for the disk,
 * so that this thread can go on with the next.
 */
const port = parentPort
if (port === null) throw new Error('writer.ts runs as a worker thread')

/** After this long without a job the log is copied into the database. */
const QUIET_MS = 500

/** How long truncating the log waits for a checkpoint by the other thread, and in what steps. */
const MAX_WAIT_MS = 10_000
const PAUSE_MS = 10
const never = new Int32Array(new SharedArrayBuffer(4))

const { file, replica } = workerData as WriterSettings
const connection = openForWriting(file)
const budgets = new BudgetWriter(connection, replica)
const transitions = new TransitionWriter(connection, budgets)
const tiles = new TileWriter(connection)
const statements = new StatementWriter(connection)
const subjectKeys = new SubjectKeyFile(file)

const checkpoints = new Checkpoints(connection, () => copyLogBeside(file))
const quiet = setTimeout(() => {
  checkpoints.quiet()
  if (checkpoints.copying) quiet.refresh()
}, QUIET_MS).unref()

port.on('message', ([id, job]: Request) => {
  quiet.refresh()
  let response: Response
  try {
    response = [id, null, run(job)]
  } catch (error) {
    budgets.reset()
    response = [id, error instanceof Error ? error.message : String(error), null]
  }
  port.postMessage(response)
  if (job.kind === 'close') port.close()
  else checkpoints.afterWrite()
})

function run(job: Job): unknown {
  switch (job.kind) {
    case 'commit':
      return transitions.write(unpack(job.transitions) as unknown as readonly PreparedTransition[], job.now)
    case 'lease':
      return budgets.lease(job.account)
    case 'give back':
      return budgets.giveBack(job.account, job.amount)
    case 'drop budgets':
      return budgets.drop(job.before)
    case 'drop logins':
      return transitions.dropLogins(job.before)
    case 'grow tree':
      return tiles.grow(job.growth)
    case 'keep checkpoint':
      return tiles.keepCheckpoint(job.checkpoint)
    case 'take over':
      return takeOver(job.now)
    case 'sign of life':
      return transitions.write([], job.now)
    case 'run':
      return statements.write(unpack(job.statements) as unknown as readonly StatementRun[])
    case 'subject keys':
      return subjectKeys.run(job.job)
    case 'scrub':
      return truncateLog()
    case 'close':
      subjectKeys.close()
      checkpoints.end()
      connection.close()
      return null
  }
}

/** secure_delete has overwritten the pages; old images of them may still lie in the log. */
function truncateLog(): null {
  for (let waited = 0; ; waited += PAUSE_MS) {
    const [result] = connection.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
    if (result?.busy === 0) return null
    // SQLite does not wait by itself for a checkpoint of another connection.
    if (!checkpoints.copying || waited >= MAX_WAIT_MS)
      throw new Error('a reader keeps the log from being truncated')
    Atomics.wait(never, 0, 0, PAUSE_MS)
  }
}

/** Whoever opened the folder before is dead, because this process holds its lock. */
function takeOver(now: number): string[] {
  return connection
    .transaction(() => {
      const dead = connection
        .prepare('SELECT id FROM replicas WHERE fenced_at IS NULL AND id <> ? ORDER BY id')
        .pluck()
        .all(replica) as string[]
      for (const id of dead) {
        connection.prepare('UPDATE replicas SET fenced_at = ? WHERE id = ?').run(now, id)
        budgets.returnUnused(id)
      }
      return dead
    })
    .immediate()
}
