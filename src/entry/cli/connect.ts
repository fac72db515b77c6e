import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { ApiClient } from '../sdk/api-client.ts'
import { createDataFolder, readAdminToken, readServerFile } from './data-folder.ts'
import { CommandFailure } from './failure.ts'
import { requireConfig } from './harness-config.ts'
import type { HarnessOptions } from './options.ts'
import { note } from './print.ts'

/** A harness to talk to, as administrator. */
export interface Connection {
  readonly client: ApiClient
  /** `folder`: no harness runs, and this process holds the data folder for the length of the command. */
  readonly kind: 'running' | 'folder'
  close(): Promise<void>
}

/**
 * What a command needs when no harness runs: `running` cannot do without one, `folder` can work on a data folder
 * that is there, `create` also makes one.
 */
export type Need = 'running' | 'folder' | 'create'

export async function withConnection(
  options: HarnessOptions,
  need: Need,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const connection = await connect(options, need)
  try {
    await work(connection)
  } finally {
    await connection.close()
  }
}

async function connect(options: HarnessOptions, need: Need): Promise<Connection> {
  const client = runningHarness(options)
  if (client !== undefined) return { client, kind: 'running', close: () => Promise.resolve() }
  if (need === 'running') {
    throw new CommandFailure(`No harness is running on ${options.data}.`, {
      advice: 'Start one with `belay up`, or set BELAY_URL and BELAY_TOKEN.',
    })
  }
  if (need === 'folder' && !existsSync(options.data) && options.databaseUrl === undefined) {
    throw new CommandFailure(`There is no data folder ${options.data}, and no harness is running.`, {
      advice: 'Start one with `belay up`, name the folder with --data, or set BELAY_URL and BELAY_TOKEN.',
    })
  }
  return openFolder(options, need)
}

/** The harness that BELAY_URL names, else the one that holds the data folder. */
export function runningHarness({ data, as }: Pick<HarnessOptions, 'data' | 'as'>): ApiClient | undefined {
  const url = process.env['BELAY_URL']
  const token = process.env['BELAY_TOKEN']
  if (url !== undefined && url !== '') {
    if (token === undefined || token === '') {
      throw new CommandFailure('BELAY_URL is set and BELAY_TOKEN is not.', {
        advice: 'Set BELAY_TOKEN to the admin token of that harness (admin.token in its data folder).',
      })
    }
    return new ApiClient(url, token, as)
  }
  const server = readServerFile(data)
  const admin = readAdminToken(data)
  return server === undefined || admin === undefined ? undefined : new ApiClient(server.url, admin, as)
}

/** Runs a harness in this process while the command works, so that there is one way in and not two. */
async function openFolder(options: HarnessOptions, need: Need): Promise<Connection> {
  // What is stored can be looked at without a policy; deciding anything takes one.
  const config = need === 'folder' && !existsSync(options.config) ? null : options.config
  if (config !== null) requireConfig(config)
  note(`belay: no harness is running; working on the data folder ${options.data}`)
  createDataFolder(options.data)
  const { serve } = await import('./serve.ts')
  const adminToken = randomBytes(32).toString('base64url')
  const server = await serve({ ...options, config, host: '127.0.0.1', port: 0, adminToken, watch: false })
  return {
    client: new ApiClient(server.url, adminToken, options.as),
    kind: 'folder',
    close: () => server.close(),
  }
}
