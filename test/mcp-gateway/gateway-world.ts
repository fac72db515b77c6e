import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { serve } from '../../src/entry/cli/serve.ts'
import type { JsonObject } from '../../src/action/json.ts'

const ADMIN = 'an-admin-token-for-tests'

/** A running harness with a policy, and its API. */
export interface World {
  readonly url: string
  readonly folder: string
  readonly admin: ApiClient
  /** Makes a key for an agent. */
  key(agent: string): Promise<string>
  /** Actions of a name, newest first. */
  actions(name: string): Promise<readonly JsonObject[]>
  close(): Promise<void>
}

export async function openWorld(
  policy: string,
  folder = mkdtempSync(join(tmpdir(), 'belay-mcp-')),
): Promise<World> {
  const config = join(folder, 'belay.yaml')
  writeFileSync(config, policy)
  const server = await serve({
    config,
    data: join(folder, 'data'),
    host: '127.0.0.1',
    port: 0,
    adminToken: ADMIN,
    watch: false,
  })
  const admin = new ApiClient(server.url, ADMIN)
  return {
    url: server.url,
    folder,
    admin,
    async key(agent) {
      const { key } = await admin.object('POST', '/v1/keys', { body: { agent } })
      return key as string
    },
    async actions(name) {
      const page = await admin.object('GET', '/v1/actions', { query: { action: name, limit: 200 } })
      return page['items'] as readonly JsonObject[]
    },
    close: () => server.close(),
  }
}

export function removeFolder({ folder }: World): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Where a package of the MCP project lies, for starting it as a program. */
export const EVERYTHING = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
)
export const FILESYSTEM = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js',
)
