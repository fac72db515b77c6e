import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { DockerProvider } from '../../src/flow/contain/sandbox/docker/docker.ts'
import { ContainerEngine } from '../../src/flow/contain/sandbox/docker/container-engine.ts'
import { probeSandbox } from '../../src/flow/contain/sandbox/probes/probe.ts'
import { readShellProbe, SHELL_PROBE } from '../../src/flow/contain/sandbox/probes/shell-probe.ts'
import type { ExitReport, Sandbox, SandboxSpec } from '../../src/flow/contain/sandbox/provider.ts'
import { podmanImage } from '../setup/podman.ts'
import { stateOf } from '../setup/plain-processes.ts'

let image: string
let runtime: string
let folder: string
let provider: DockerProvider

beforeAll(async () => {
  ;({ image, runtime } = await podmanImage())
}, 300_000)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-podman-'))
  chmodSync(folder, 0o711)
  provider = new DockerProvider({
    engine: 'podman',
    image,
    runtime,
    data: join(folder, 'data'),
    probe: () => Promise.reject(new Error('not asked')),
  })
})
afterEach(async () => {
  await provider.sweep()
  rmSync(folder, { recursive: true, force: true })
})

function workspaceOf(agent: string): string {
  const workspace = join(folder, 'data/agents', agent, 'workspace')
  mkdirSync(workspace, { recursive: true })
  chownSync(workspace, 61_234, 61_234)
  return workspace
}

function launch(command: readonly string[], more: Partial<SandboxSpec> = {}): Promise<Sandbox> {
  const agent = more.agent ?? 'one'
  return provider.launch({
    agent,
    command,
    workspace: workspaceOf(agent),
    env: {},
    network: 'none',
    quotas: {},
    require: [],
    profile: 'agent',
    stdio: 'pipe',
    ...more,
  })
}

async function run(
  script: string,
  more: Partial<SandboxSpec> = {},
  stdin = '',
): Promise<ExitReport & { out: string }> {
  const sandbox = await launch(['sh', '-c', script], more)
  sandbox.stdin!.end(stdin)
  const [stdout, stderr] = await Promise.all([text(sandbox.stdout!), text(sandbox.stderr!)])
  return { ...(await sandbox.exited), out: `${stderr}${stdout}` }
}

describe('a container of podman', () => {
  it('gives the command its input, environment and workspace, and nothing else that can be written', async () => {
    const { out, code, cause } = await run(
      'cat; echo; echo "$GIVEN"; pwd; echo kept > note; touch /etc/x; touch /usr/x; touch /bin/x; id -u; exit 3',
      { env: { GIVEN: 'a = "b" $c' } },
      'from stdin',
    )
    expect(out).toContain('from stdin\na = "b" $c\n/workspace\n')
    expect(out.match(/Read-only file system|No such file/g)).toHaveLength(3)
    expect(out).toContain('61234')
    expect([code, cause]).toEqual([3, 'exited'])
    expect(readFileSync(join(workspaceOf('one'), 'note'), 'utf8')).toBe('kept\n')
  })

  it('has no capabilities, no new privileges, our filter, and neither network nor the environment of the harness', async () => {
    const { out } = await run(
      'grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status; ls /sys/class/net; env; unshare -U true; unshare -n true; mount -t tmpfs x /tmp; ping -c1 -W1 1.1.1.1; ls /proc | grep -c "^[0-9]"',
    )
    expect(out).toMatch(/CapEff:\s+0{16}/)
    expect(out).toMatch(/CapBnd:\s+0{16}/)
    expect(out).toMatch(/NoNewPrivs:\s+1/)
    expect(out).toMatch(/Seccomp:\s+2/)
    expect(out.match(/^(eth|ens|enp|wlan)\w*$/m)).toBeNull()
    expect(out).not.toContain('NODE_')
    expect(out.match(/not permitted|permission denied/gi)!.length).toBeGreaterThanOrEqual(4)
    expect(Number(out.trim().split('\n').at(-1))).toBeLessThan(10)
  })

  it('says which limit was hit', async () => {
    // A shell outlives the one that is killed, and stays until the kernel's counter was read.
    const hog = 'sh -c "a=x; while :; do a=\\$a\\$a; done"; c=$?; sleep 2; exit $c'
    const memory = await run(hog, { quotas: { memory: 32 * 1024 * 1024 } })
    expect(memory).toMatchObject({ cause: 'memory', code: null, signal: 'SIGKILL' })
    expect(memory.usage.memoryPeak).toBeGreaterThan(16 * 1024 * 1024)
    const forks = await run(
      'sh -c "i=0; while [ \\$i -lt 60 ]; do sleep 2 & i=\\$((i+1)); done"; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exit 1',
      {
        quotas: { processes: 12 },
      },
    )
    expect(forks.cause).toBe('processes')
    const time = await run('sleep 600', { quotas: { wallTime: 500 } })
    expect(time).toMatchObject({ cause: 'wall_time', signal: 'SIGKILL' })
    const open = await run('ulimit -n', { quotas: { openFiles: 77 } })
    expect(open.out).toBe('77\n')
  })

  it('stands still when frozen, goes on when thawed, and ends with all its descendants, frozen or not', async () => {
    const sandbox = await launch(['sh', '-c', 'while :; do echo tick; sleep 0.1; done'])
    let ticks = 0
    sandbox.stdout!.on('data', () => ticks++)
    await vi.waitFor(() => expect(ticks).toBeGreaterThan(2), { timeout: 60_000 })
    await sandbox.freeze()
    const frozenAt = await settled(() => ticks)
    expect(ticks).toBe(frozenAt)
    await sandbox.thaw()
    await vi.waitFor(() => expect(ticks).toBeGreaterThan(frozenAt + 2), { timeout: 60_000 })
    await sandbox.freeze()
    expect(await sandbox.kill('stopped')).toMatchObject({ cause: 'stopped' })
    expect(stateOf(sandbox.pid)).toBeUndefined()
  })

  it('dies with the harness', async () => {
    const script = join(folder, 'harness.ts')
    const source = new URL('../../src/flow/contain/sandbox/docker/docker.ts', import.meta.url).pathname
    writeFileSync(
      script,
      `import { DockerProvider } from ${JSON.stringify(source)}
       const provider = new DockerProvider(${JSON.stringify({ engine: 'podman', image, runtime, data: join(folder, 'data') })} as never)
       const sandbox = await provider.launch(${JSON.stringify({ agent: 'one', command: ['sleep', '600'], workspace: workspaceOf('one'), env: {}, network: 'none', quotas: {}, require: [], profile: 'agent', stdio: 'ignore' })} as never)
       console.log(sandbox.pid)
       setInterval(() => undefined, 1000)`,
    )
    const harness = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const pid = await new Promise<number>((resolve) =>
      harness.stdout.once('data', (pid: Buffer) => resolve(Number(pid))),
    )
    expect(stateOf(pid)).toBeDefined()
    harness.kill('SIGKILL')
    await vi.waitFor(() => expect(stateOf(pid)).toBeUndefined(), { timeout: 60_000 })
  })
})

it('hands the sockets of every address over before the command begins', async () => {
  const names: string[] = []
  const report = await run(
    'for at in 203.0.113.9 127.0.0.1; do printf "GET /$at HTTP/1.0\\r\\n\\r\\n" | nc -w 5 $at 80; done; nc -w 2 203.0.113.9 22 </dev/null; echo rest $?; cat',
    {
      network: (sockets) => {
        names.push(...Object.keys(sockets))
        sockets.http.on('connection', (socket) => {
          socket.on('error', () => undefined)
          socket.once('data', (head: Buffer) => {
            const [, path] = head.toString().split(' ')
            socket.end(`HTTP/1.0 200 OK\r\n\r\ngot ${path}\n`)
          })
        })
      },
    },
    'input after the line\n',
  )
  expect(names.toSorted()).toEqual(['dns', 'http', 'https', 'proxy'])
  expect(report.out).toContain('got /203.0.113.9\n')
  expect(report.out).toContain('got /127.0.0.1\n')
  expect(report.out).toContain('rest 1')
  expect(report.out).toContain('input after the line')
})

describe('what is tried to get out of a container', () => {
  it('gets nowhere, and the limits hold; a limit of disk there is none', async () => {
    const { proofs } = await probeSandbox(provider, { inside: 'shell' })
    const wanting = Object.entries(proofs).filter(([, { proven }]) => !proven)
    expect(wanting).toEqual([
      ['disk', expect.objectContaining({ detail: 'podman has none for a folder of the host' })],
    ])
  }, 60_000)

  it('gets through where there is no container', async () => {
    const socket = join(folder, 'canary.sock')
    const server = createServer((connection) => connection.end('secret-of-the-harness'))
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    const canaries = [join(folder, 'harness.ts'), socket, '1', String(process.pid), 'secret-of-the-harness']
    writeFileSync(canaries[0]!, '')
    // All of the machine to be seen, and root: but the mounts that it makes are nobody else's, and what it writes is
    // written nowhere.
    const free = ['--ro-bind', '/', '/', '--dev', '/dev', '--tmpfs', '/etc', '--cap-add', 'ALL', '--']
    const told = [...canaries, readlinkSync('/proc/self/ns/net')]
    const said = execFileSync('bwrap', [...free, 'sh', '-c', SHELL_PROBE, 'sh', ...told], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', GIVEN: 'secret-of-the-harness' },
    })
    server.close()
    const found = readShellProbe(said)
    expect(found.filesystem).toEqual(
      expect.arrayContaining([
        'read a file of the host',
        'write /etc',
        'mount a file system',
        'run without a filter of system calls',
        'have capabilities',
      ]),
    )
    expect(found.pid_namespace).toContain('signal the harness')
    expect(found.secrets).toContain('have the environment of the harness')
    expect(found.network).toEqual(
      expect.arrayContaining(['be in the network of the host', 'reach a Unix socket of the host by path']),
    )
  })

  it.each(['', 'filesystem|read a file of the host', 'nonsense|x\ndone|done', 'done|done\nmore'])(
    'is not proven by a probe that ends with %j',
    (output) => expect(() => readShellProbe(output)).toThrow(/the probe/),
  )
})

describe('podman refuses', () => {
  it.each<[string, Partial<SandboxSpec>, string]>([
    ['a quota of disk', { quotas: { disk: 1 } }, 'sandbox:unavailable'],
    ['a browser', { profile: 'browser' }, 'sandbox:unavailable'],
    ['an empty command', { command: [] }, 'sandbox:refused'],
    ['a zero byte', { command: ['a\0b'] }, 'sandbox:refused'],
    ['an environment of two lines', { env: { A: 'b\nLD_PRELOAD=x' } }, 'sandbox:refused'],
    ['a name that is none', { env: { 'A B': 'c' } }, 'sandbox:refused'],
    ['the root folder', { workspace: '/' }, 'sandbox:refused'],
    ['a workspace of the system', { workspace: '/run' }, 'sandbox:refused'],
    ['the data folder read-only', { readOnly: ['DATA'] }, 'sandbox:refused'],
  ])('%s', async (_, more, code) => {
    workspaceOf('other')
    const spec = more.readOnly ? { ...more, readOnly: [join(folder, 'data')] } : more
    await expect(launch(spec.command ?? ['true'], spec)).rejects.toMatchObject({ code })
  })

  it('a workspace of root', async () => {
    const workspace = join(folder, 'of-root')
    mkdirSync(workspace)
    await expect(launch(['true'], { workspace })).rejects.toMatchObject({ code: 'sandbox:refused' })
  })

  it('an image that is not here, before anything runs', async () => {
    const other = new DockerProvider({
      engine: 'podman',
      image: 'nobody/has-this:1',
      probe: () => Promise.reject(new Error('no')),
    })
    const spec = {
      agent: 'one',
      command: ['true'],
      workspace: workspaceOf('one'),
      env: {},
      network: 'none',
      quotas: {},
      require: [],
      profile: 'agent',
      stdio: 'ignore',
    } as const
    await expect(other.launch(spec)).rejects.toMatchObject({ code: 'sandbox:unavailable' })
  })

  it('what its probe has not proven', async () => {
    await expect(launch(['true'], { require: ['memory'] })).rejects.toThrow('not asked')
  })

  it('an engine that is rootless on control groups of version 1', async () => {
    const facts = vi.spyOn(ContainerEngine.prototype, 'facts')
    facts.mockResolvedValue({ rootless: true, cgroupVersion: 1, version: '4.3.1' })
    try {
      await expect(launch(['true'])).rejects.toMatchObject({
        code: 'sandbox:unavailable',
        details: { cause: expect.stringContaining('ignores every limit') as string },
      })
    } finally {
      facts.mockRestore()
    }
  })
})

it('leaves no container behind', () => {
  const left = execFileSync('podman', ['ps', '--all', '--format', '{{.Names}}'], { encoding: 'utf8' })
  expect(left.split('\n').filter((name) => name.startsWith('belay-'))).toEqual([])
})

/** The value once it has been the same for a while. */
async function settled(read: () => number): Promise<number> {
  for (let last = read(); ; last = read()) {
    await new Promise((resolve) => setTimeout(resolve, 400))
    if (read() === last) return last
  }
}
