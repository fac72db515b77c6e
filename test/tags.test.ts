import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, test, inject } from 'vitest'
import { Belay } from '../src/index.ts'
import { CommandLine } from './command-line.ts'

const LAUNCHER = inject('launcher')
const MODERN = join(import.meta.dirname, 'mcp-gateway/servers/modern.ts')
const POLICY = `
version: 1
agents: { writer: {} }
actions: { note.add: { effect: write }, mcp.modern.add: {} }
mcp: { servers: { modern: { command: ['${process.execPath}', '${MODERN}'] } } }
`

let cli: CommandLine
let url: string
let key: string
beforeAll(async () => {
  cli = new CommandLine(POLICY)
  url = (await cli.up()).url
  key = cli.json<{ key: string }>('keys', 'create', '--agent', 'writer').key
})
afterAll(() => cli.clean())

const call = async (transport: StdioClientTransport | StreamableHTTPClientTransport): Promise<unknown> => {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(transport)
  try {
    return await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
  } finally {
    await client.close()
  }
}

/** By the value of a tag, how many actions have it. */
function counted(name: string, ...more: readonly string[]): Record<string, number> {
  const { rows } = cli.json<{ rows: readonly Record<string, unknown>[] }>(
    'stats',
    '--by',
    `tag:${name}`,
    ...more,
  )
  return Object.fromEntries(
    rows.map((row) => [String(row['key'] ?? row[`tag:${name}`]), Number(row['actions'])]),
  )
}

const overHttp = async (tags: string): Promise<Response> =>
  fetch(`${url}/mcp/modern`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'belay-tags': tags,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  })

test('what an action is for comes in by every door, and is summed up', async () => {
  const own = ['propose', 'note.add', '--agent', 'writer', '--input', '{"text":"hello"}']
  expect(cli.run([...own, '--tag', 'campaign=command line', 'customer=acme']).code).toBe(0)
  expect(cli.run([...own, '--tag', 'Campaign=x'])).toMatchObject({ code: 2 })

  const belay = await Belay.open({ url, key })
  const add = belay.guard('note.add', { run: (input: { text: string }) => input.text })
  await add({ text: 'hello' }, { agent: 'writer', tags: { campaign: 'sdk', customer: 'acme' } })
  await expect(add({ text: 'hello' }, { agent: 'writer', tags: { campaign: '' } })).rejects.toThrow(
    /tag|campaign/,
  )
  await belay.close()

  const post = async (path: string, body: object): Promise<number> =>
    (
      await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    ).status
  // Its action is denied by this policy; what is denied is counted too.
  const snippet = { agent: 'writer', language: 'javascript', code: '1' }
  expect(await post('/v1/snippets', { ...snippet, tags: { campaign: 'snippet' } })).toBe(200)
  expect(await post('/v1/snippets', { ...snippet, tags: { campaign: 1 } })).toBe(400)

  const headers = { authorization: `Bearer ${key}`, 'belay-tags': 'campaign=mcp%20header,customer=acme' }
  await call(new StreamableHTTPClientTransport(new URL(`${url}/mcp/modern`), { requestInit: { headers } }))
  expect((await overHttp('campaign')).status).toBe(400)
  expect((await overHttp('campaign=a,campaign=b')).status).toBe(400)

  const { BELAY_URL: _, BELAY_TOKEN: __, ...env } = process.env
  const stdio = (args: readonly string[], more: Record<string, string> = {}) =>
    call(
      new StdioClientTransport({
        command: process.execPath,
        args: [
          LAUNCHER,
          'mcp',
          '--agent',
          'writer',
          '--server',
          'modern',
          ...args,
          '--',
          process.execPath,
          MODERN,
        ],
        cwd: cli.folder,
        env: { ...env, ...more } as Record<string, string>,
        stderr: 'ignore',
      }),
    )
  await stdio(['--tag', 'campaign=mcp option'], { BELAY_TAGS: 'campaign=not this one' })
  await stdio([], { BELAY_TAGS: 'campaign=mcp environment' })

  const campaigns = {
    'command line': 1,
    sdk: 1,
    snippet: 1,
    'mcp header': 1,
    'mcp option': 1,
    'mcp environment': 1,
  }
  expect(counted('campaign')).toEqual(campaigns)
  expect(counted('customer')).toEqual({ acme: 3 })

  // The same from an archive, without a harness.
  expect(cli.run(['ledger', 'export', '--parquet', 'archive', '--today']).code).toBe(0)
  expect(counted('campaign', '--parquet', 'archive')).toEqual(campaigns)
  expect(counted('campaign', '--parquet', 'archive', '--tag', 'customer=acme')).toEqual({
    'command line': 1,
    sdk: 1,
    'mcp header': 1,
  })
  expect(counted('nothing', '--parquet', 'archive')).toEqual({})
  expect(cli.run(['stats', '--parquet', 'archive', '--by', "tag:a'b"]).code).toBe(2)
  expect(cli.run(['stats', '--parquet', 'archive', '--tag', "x'=1"]).code).toBe(2)
}, 60_000)

test('an embedded harness keeps them as well', async () => {
  const folder = join(cli.folder, 'embedded')
  mkdirSync(folder)
  writeFileSync(join(folder, 'belay.yaml'), 'version: 1\nactions: { note.add: {} }\n')
  const belay = await Belay.open({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })
  try {
    const add = belay.guard('note.add', { run: (input: { text: string }) => input.text })
    await add({ text: 'hello' }, { agent: 'writer', tags: { campaign: 'embedded' } })
  } finally {
    await belay.close()
  }
  expect(counted('campaign', '--data', join(folder, 'data'))).toEqual({ embedded: 1 })
}, 60_000)
