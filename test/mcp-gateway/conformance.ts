import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as send, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openWorld, removeFolder } from './gateway-world.ts'

const SUITE = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js')

/** What the suite said of each scenario: its checks with their status. */
export type Verdicts = Readonly<Record<string, readonly string[]>>

/** Runs the official conformance suite against a server; `behind`: the same server behind the gateway. */
export async function runConformance(): Promise<{ readonly bare: Verdicts; readonly behind: Verdicts }> {
  const server = spawn(process.execPath, [join(import.meta.dirname, 'servers/reference.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve) =>
    createInterface({ input: server.stdout }).once('line', (line) => resolve(Number(line))),
  )
  const address = `http://127.0.0.1:${port}/mcp`
  const world = await openWorld(
    `version: 1\nactions: { '*': {} }\nmcp: { servers: { reference: { url: '${address}' } } }\n`,
  )
  const door = await withKey(`${world.url}/mcp/reference`, await world.key('conformance'))
  try {
    const bare = await suite(address)
    const behind = await suite(`http://127.0.0.1:${(door.address() as { port: number }).port}/mcp/reference`)
    return { bare, behind }
  } finally {
    door.closeAllConnections()
    door.close()
    server.kill('SIGKILL')
    await world.close()
    removeFolder(world)
  }
}

/** The suite knows of no keys: this adds one, and changes nothing else. */
async function withKey(target: string, key: string): Promise<Server> {
  const { hostname, port, pathname } = new URL(target)
  const door = createServer((request, response) => {
    const headers = { ...request.headers, authorization: `Bearer ${key}` }
    // The suite's own address stands in Host where it names this machine.
    if (headers.host?.startsWith('127.0.0.1') === true) headers.host = `${hostname}:${port}`
    const onward = send({ hostname, port, path: pathname, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  return door
}

async function suite(url: string): Promise<Verdicts> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-conformance-'))
  try {
    const run = spawn(
      process.execPath,
      [SUITE, 'server', '--url', url, '--suite', 'all', '--output-dir', folder],
      { cwd: folder, stdio: 'ignore' },
    )
    await once(run, 'exit')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('checks.json'),
    )
    return Object.fromEntries(
      files
        .map((file) => {
          const checks = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
            id: string
            status: string
          }[]
          const scenario = /server-(.+)-\d{4}-\d\d-\d\dT/.exec(file)?.[1] ?? file
          return [scenario, checks.map(({ id, status }) => `${id}: ${status}`)] as const
        })
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
