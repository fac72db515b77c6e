import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BubblewrapProvider } from '../src/flow/contain/sandbox/bubblewrap/bubblewrap.ts'
import { closeInheritedDescriptors } from '../src/flow/contain/sandbox/bubblewrap/descriptors.ts'
import { descendants } from '../src/flow/contain/sandbox/bubblewrap/process-tree.ts'
import type { HandedSockets, Sandbox } from '../src/flow/contain/sandbox/provider.ts'

// Start to end of a contained /bin/true with the network wired; ten at once; what stays beside a running agent.
// Beside it, in the same run: @anthropic-ai/sandbox-runtime, when SANDBOX_RUNTIME names a folder it is installed in,
// and podman, when it is installed and PODMAN_IMAGE names an image.
const RUNS = Number(process.env['RUNS'] ?? 30)
const USER = 700_000_998

/** What is used of its library, 0.0.83. */
interface SandboxRuntime {
  initialize(settings: unknown): Promise<void>
  wrapWithSandbox(command: string): Promise<string>
  reset(): Promise<void>
}

closeInheritedDescriptors()
const folder = mkdtempSync(join(tmpdir(), 'belay-bench-'))
const provider = new BubblewrapProvider({ probe: () => Promise.reject(new Error('nothing is demanded')) })
const isRoot = process.getuid?.() === 0
let serial = 0

async function launch(command: string[], network: 'none' | 'wired'): Promise<Sandbox> {
  const workspace = join(folder, String(++serial))
  mkdirSync(workspace)
  if (isRoot) chownSync(workspace, USER, USER)
  const take = (sockets: HandedSockets): void => {
    for (const socket of Object.values(sockets) as { close(): void }[])
      setTimeout(() => socket.close(), 500).unref()
  }
  return provider.launch({
    agent: 'bench',
    command,
    workspace,
    env: {},
    network: network === 'none' ? 'none' : take,
    quotas: isRoot ? { memory: 256e6, processes: 64 } : {},
    require: [],
    profile: 'agent',
    stdio: 'ignore',
  })
}

async function repeat(name: string, work: () => Promise<unknown> | void): Promise<void> {
  const times: number[] = []
  await work()
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now()
    await work()
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): string => times[Math.floor((times.length - 1) * share)]!.toFixed(0)
  console.log(`${name.padEnd(46)} p50 ${at(0.5)} ms  p95 ${at(0.95)} ms`)
}

const whole = async (network: 'none' | 'wired'): Promise<void> => {
  await (
    await launch(['/bin/true'], network)
  ).exited
}

await repeat('belay, /bin/true, no network', () => whole('none'))
await repeat('belay, /bin/true, network wired', () => whole('wired'))
const began = performance.now()
await Promise.all(Array.from({ length: 10 }, () => whole('wired')))
console.log(`${'belay, ten at once, network wired'.padEnd(46)} ${(performance.now() - began).toFixed(0)} ms`)

const running = await launch(['/usr/bin/sleep', '60'], 'wired')
await new Promise((resolve) => setTimeout(resolve, 500))
const beside = [running.pid, ...descendants(running.pid)]
  .map((pid) => ({ name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), kB: privateOf(pid) }))
  .filter(({ name }) => name !== 'sleep')
console.log(
  `${'beside a running agent'.padEnd(46)} ${beside.map(({ name, kB }) => `${name} ${kB} kB`).join(', ')} (private)`,
)
await running.kill()

const runtime = process.env['SANDBOX_RUNTIME']
if (runtime !== undefined) {
  const cli = join(runtime, 'node_modules/.bin/srt')
  const settings = join(folder, 'srt.json')
  writeFileSync(
    settings,
    JSON.stringify({
      network: { allowedDomains: ['example.com'], deniedDomains: [] },
      filesystem: { denyRead: [], allowWrite: [folder], denyWrite: [] },
    }),
  )
  await repeat('@anthropic-ai/sandbox-runtime (its CLI)', () =>
    run(cli, ['--settings', settings, '/bin/true']),
  )
  const { SandboxManager } = (await import(
    join(runtime, 'node_modules/@anthropic-ai/sandbox-runtime/dist/index.js')
  )) as { readonly SandboxManager: SandboxRuntime }
  await SandboxManager.initialize(JSON.parse(readFileSync(settings, 'utf8')))
  const commandLine = (): Promise<string> => SandboxManager.wrapWithSandbox('/bin/true')
  await repeat('@anthropic-ai/sandbox-runtime (its library)', async () => ended(await commandLine()))
  const from = performance.now()
  await Promise.all(Array.from({ length: 10 }, async () => ended(await commandLine())))
  console.log(
    `${'@anthropic-ai/sandbox-runtime, ten at once'.padEnd(46)} ${(performance.now() - from).toFixed(0)} ms`,
  )
  await SandboxManager.reset()
} else console.log('@anthropic-ai/sandbox-runtime: not measured (SANDBOX_RUNTIME is not set)')
const image = process.env['PODMAN_IMAGE']
if (existsSync('/usr/bin/podman') && image !== undefined)
  await repeat('podman run --rm --network none', () =>
    run('/usr/bin/podman', [
      '--runtime',
      'runc',
      'run',
      '--rm',
      // Where this process itself is limited, podman's own defaults cannot be set.
      ...['nofile', 'nproc'].flatMap((name) => ['--ulimit', `${name}=1024:1024`]),
      '--network',
      'none',
      image,
      '/bin/true',
    ]),
  )
else console.log('podman: not measured (not installed, or PODMAN_IMAGE is not set)')
provider.close()
rmSync(folder, { recursive: true, force: true })

function ended(commandLine: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(commandLine, { shell: true, stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`sandbox-runtime ended with ${code}`)),
    )
  })
}

function run(program: string, args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
}

/** Kilobytes that only this process has. */
function privateOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce(
    (sum, [, kB]) => sum + Number(kB),
    0,
  )
}
