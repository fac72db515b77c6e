import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExitReport, SandboxSpec } from '../../src/flow/contain/sandbox/provider.ts'
import { requirePrograms } from '../../src/flow/contain/sandbox/bubblewrap/programs.ts'

const AGENT_UID = 700_000_999
const USER_UID = 61_000
const isRoot = process.getuid?.() === 0
const CONTAINED = join(import.meta.dirname, 'contained.ts')
const NUMBERS: Record<string, Record<string, number>> = {
  x64: {
    mount: 165,
    umount2: 166,
    chroot: 161,
    setns: 308,
    ptrace: 101,
    bpf: 321,
    keyctl: 250,
    userfaultfd: 323,
    perf_event_open: 298,
    personality: 135,
    ioctl: 16,
    setsid: 112,
    unshare: 272,
  },
  arm64: {
    mount: 40,
    umount2: 39,
    chroot: 51,
    setns: 268,
    ptrace: 117,
    bpf: 280,
    keyctl: 219,
    userfaultfd: 282,
    perf_event_open: 241,
    personality: 92,
    ioctl: 29,
    setsid: 157,
    unshare: 97,
  },
}
/** What a kernel answers that was built or set up without something. */
const LACKING: Readonly<Record<string, readonly string[]>> = {
  alg: ['EAFNOSUPPORT'],
  vsock: ['EAFNOSUPPORT'],
  io_uring_setup: ['ENOSYS', 'EPERM'],
  userfaultfd: ['ENOSYS'],
  bpf: ['ENOSYS'],
  keyctl: ['ENOSYS'],
  perf_event_open: ['ENOSYS', 'EACCES'],
  tiocsti: ['EIO'],
}
const numbers = Object.entries({ ...NUMBERS[process.arch], clone3: 435, io_uring_setup: 425 })
  .map((pair) => pair.join('='))
  .join(',')

interface Told {
  readonly pid?: number
  readonly report?: ExitReport
  readonly output?: string
  readonly error?: string
  readonly message?: string
}

let folder: string
let servers: Server[]
let attempts: string[]

beforeAll(async () => {
  // Debian's, where the machine of the tests has none yet.
  if (isRoot && !existsSync('/usr/bin/bwrap'))
    execFileSync('apt-get', ['install', '-y', '-qq', 'bubblewrap', 'iproute2'], { stdio: 'ignore' })
  folder = mkdtempSync('/var/tmp/belay-escapes-')
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'other'))
  writeFileSync(join(folder, 'other', 'private'), 'of another agent')
  const listen = (place: object): Promise<Server> =>
    new Promise((resolve) => {
      const server = createServer((socket) => socket.on('error', () => undefined).end('canary'))
      server.listen(place, () => resolve(server))
    })
  const abstract = `belay-escapes-${process.pid}`
  const path = join(folder, 'canary.sock')
  servers = await Promise.all([
    listen({ port: 0, host: '127.0.0.1' }),
    listen({ path: `\0${abstract}` }),
    listen({ path }),
  ])
  chmodSync(path, 0o777)
  const { port } = servers[0]!.address() as AddressInfo
  attempts = [numbers, join(folder, 'other', 'private'), String(port), abstract, path, String(process.pid)]
})

afterAll(() => {
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A fresh workspace with the program that tries, for whoever the agent is. */
function workspaceOf(uid: number): string {
  const workspace = mkdtempSync(join(folder, 'workspace-'))
  copyFileSync(join(import.meta.dirname, 'escape-attempts.pl'), join(workspace, 'escape-attempts.pl'))
  if (isRoot) chownSync(workspace, uid, uid)
  return workspace
}

function emptyWorkspace(uid: number): string {
  const workspace = mkdtempSync(join(folder, 'empty-'))
  if (isRoot) chownSync(workspace, uid, uid)
  return workspace
}

interface As {
  readonly name: string
  readonly uid: number
  /** Begins the command line of the harness. */
  readonly prefix: readonly string[]
}

const USERS: As[] = isRoot
  ? [
      { name: 'root', uid: AGENT_UID, prefix: [] },
      {
        name: 'an ordinary user',
        uid: USER_UID,
        prefix: ['setpriv', `--reuid=${USER_UID}`, `--regid=${USER_UID}`, '--clear-groups', '--'],
      },
    ]
  : [{ name: 'an ordinary user', uid: process.getuid?.() ?? 0, prefix: [] }]

function harness(
  as: As,
  spec: Partial<SandboxSpec> & Pick<SandboxSpec, 'command'>,
  more: object = {},
  stdio: (number | 'pipe' | 'ignore')[] = [],
) {
  const home = mkdtempSync(join(folder, 'home-'))
  if (isRoot) chownSync(home, as.uid === AGENT_UID ? 0 : as.uid, 0)
  const workspace = spec.workspace ?? workspaceOf(as.uid)
  const [program = '', ...args]: string[] = [
    ...as.prefix,
    process.execPath,
    CONTAINED,
    JSON.stringify({ data: join(home, 'data'), ...more, spec: { workspace, ...spec } }),
  ]
  const child = spawn(program, args, {
    env: { PATH: '/usr/bin:/bin', HOME: home, TMPDIR: home, HARNESS_SECRET: 'blk_secret' },
    stdio: ['ignore', 'pipe', 'inherit', ...stdio],
  })
  let text = ''
  const lines: Told[] = []
  const first = Promise.withResolvers<void>()
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    text += part
    const whole = text.split('\n')
    text = whole.pop()!
    for (const line of whole) lines.push(JSON.parse(line) as Told)
    if (lines.length > 0) first.resolve()
  })
  const ended = new Promise<Told>((resolve) => child.once('close', () => resolve(lines.at(-1) ?? {})))
  return { child, started: first.promise, ended, workspace }
}

function triesOf(output: string): Record<string, string> {
  return Object.fromEntries(
    output
      .trim()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  )
}

function isRunning(mark: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').includes(mark)
    } catch {
      return false
    }
  })
}

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 60_000, interval: 20 }).toBe(true)
}

const BUSY = 'timeout 1 sh -c "while :; do :; done"; exit 0'
const FILL = 'head -c 40000000 /dev/zero > full'
let serial = 0
const mark = (): string => `86${process.pid}.${++serial}`

describe.each(USERS)('an agent of $name', (as) => {
  let tries: Record<string, string>
  let free: Record<string, string>

  beforeAll(async () => {
    const { ended } = harness(as, {
      command: ['perl', '/workspace/escape-attempts.pl', ...attempts],
      env: { GIVEN: '1' },
    })
    const { report, output = '', message } = await ended
    expect({ message, ...report }).toMatchObject({ code: 0, cause: 'exited' })
    tries = triesOf(output)
    // Everything of the machine and none of the layers: a user of its own namespaces, as an attacker would begin.
    const { bwrap } = requirePrograms('bwrap')
    const [program = '', ...args] = [
      ...as.prefix,
      bwrap,
      '--dev-bind',
      '/',
      '/',
      '--cap-add',
      'ALL',
      ...(as.prefix.length > 0 || !isRoot ? ['--unshare-user', '--uid', '0'] : []),
      '--',
      'perl',
      join(import.meta.dirname, 'escape-attempts.pl'),
      ...attempts,
    ]
    free = triesOf(
      execFileSync(program, args, {
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin', HARNESS_SECRET: 'blk_secret' },
      }),
    )
  }, 60_000)

  // What it is told inside, and whether the same try succeeds where no layer stops it.
  test.for([
    ['read_file', 'ENOENT', true],
    ['read_shadow', 'ENOENT', as.uid === AGENT_UID],
    ['write_usr', 'EROFS', as.uid === AGENT_UID],
    ['write_etc', 'EROFS', as.uid === AGENT_UID],
    ['cgroups', 'ENOENT', true],
    ['environ', 'ENOENT', as.uid === AGENT_UID],
    ['kill', 'ESRCH', as.uid === AGENT_UID],
    ['loopback', 'ECONNREFUSED', true],
    ['abstract', 'ECONNREFUSED', true],
    ['unix_path', 'ENOENT', true],
    ['raw', 'EPERM', as.uid === AGENT_UID],
    ['packet', 'EAFNOSUPPORT', as.uid === AGENT_UID],
    ['netlink_audit', 'EAFNOSUPPORT', true],
    ['mount', 'EPERM', as.uid === AGENT_UID],
    ['chroot', 'EPERM', true],
    ['keyctl', 'EPERM', true],
    ['io_uring_setup', 'ENOSYS', true],
    ['clone3', 'ENOSYS', true],
    ['setns', 'EPERM', as.uid === AGENT_UID],
    ['ptrace', 'EPERM', true],
    ['bpf', 'EPERM', as.uid === AGENT_UID],
    ['userfaultfd', 'EPERM', true],
    ['perf_event_open', 'EPERM', true],
    ['personality', 'EPERM', true],
    ['tiocsti', 'EPERM', true],
    ['vsock', 'EAFNOSUPPORT', true],
    ['alg', 'EAFNOSUPPORT', true],
    ['unshare_10000000', 'EPERM', true],
    ['unshare_20000', 'EPERM', true],
    ['unshare_20000000', 'EPERM', true],
    ['unshare_40000000', 'EPERM', true],
  ] as const)('%s: %s', async ([what, expected, control], { annotate }) => {
    expect(tries[what]).toBe(expected)
    // What an ordinary user is refused anywhere has its control in root.
    if (!control) return
    if (LACKING[what]?.includes(free[what]!) === true)
      await annotate(`this kernel offers nobody ${what}: without any layer it is ${free[what]}`)
    else expect(free[what]).toBe('ok')
  })

  test('sees interfaces by the one socket that it may have, no descriptor and no variable of the harness', () => {
    expect(tries['netlink_route']).toBe('ok')
    expect(tries['descriptors']).toBe('none')
    expect(tries['environment']).toBe('GIVEN+HOME+LANG+LOGNAME+PATH+PWD+SHELL+USER')
    expect(free['environment']).toContain('HARNESS_SECRET')
  })

  test('has no descriptor that somebody left open in the harness', async () => {
    const leaking = openSync(join(folder, 'other', 'private'), 'r')
    // Two, because a shell that takes single digits alone would close the wrong one.
    const at = [...Array.from({ length: 17 }, () => 'ignore' as const), leaking, leaking]
    const list = { command: ['ls', '/proc/self/fd'] }
    const { output, message } = await harness(as, list, { leak: true }, at).ended
    expect({ output, message }).toEqual({ output: '0\n1\n2\n3\n', message: undefined })
    expect((await harness(as, list, {}, at).ended).output).toBe('0\n1\n2\n3\n')
    const outside = [process.execPath, '-e', 'console.log(require("fs").readdirSync("/proc/self/fd").join())']
    const free = spawn(outside[0]!, outside.slice(1), { stdio: ['ignore', 'pipe', 'inherit', ...at] })
    expect((await text(free.stdout!)).split(',')).toEqual(expect.arrayContaining(['20', '21']))
  })

  test('leaves no daemon behind', async () => {
    const [inside, outside] = [mark(), mark()]
    const daemon = (name: string): string =>
      `(setsid sh -c 'trap "" HUP TERM; sleep ${name}; true' &) ; sleep 0.2; exit 0`
    expect((await harness(as, { command: ['sh', '-c', daemon(inside)] }).ended).report).toMatchObject({
      code: 0,
    })
    expect(isRunning(inside)).toBe(false)
    execFileSync('sh', ['-c', daemon(outside)], { stdio: 'ignore' })
    expect(isRunning(outside)).toBe(true)
    execFileSync('sh', ['-c', `kill -9 $(pgrep -f "^sleep ${outside}$")`], { stdio: 'ignore' })
  })

  test('ends with the harness, however that ends', async () => {
    const name = mark()
    const { child, started, ended } = harness(as, {
      command: ['sh', '-c', `setsid sleep ${name} & sleep ${name}`],
    })
    await started
    await until(() => isRunning(name))
    child.kill('SIGKILL')
    await ended
    await until(() => !isRunning(name))
    expect(isRunning(name)).toBe(false)
  })

  test('gets no workspace that holds more than its own', async () => {
    const { ended } = harness(as, { command: ['true'], workspace: '/' })
    expect(await ended).toMatchObject({ error: 'sandbox:refused' })
    const socket = join(folder, 'canary.sock')
    expect(await harness(as, { command: ['true'], readOnly: [socket] }).ended).toMatchObject({
      error: 'sandbox:refused',
    })
  })

  test('runs under limits that hold, or not at all', async () => {
    const limited = (command: string, quotas: SandboxSpec['quotas'], workspace?: string): Promise<Told> =>
      harness(as, { command: ['sh', '-c', command], quotas, ...(workspace !== undefined && { workspace }) })
        .ended
    const results = await Promise.all([
      limited('perl -e \'$x = "a" x 4_000_000_000\'', { memory: 64_000_000 }),
      limited("perl -e 'for (1..3000) { defined fork or die; }'", { processes: 40 }),
      limited(BUSY, { cpu: 0.05 }),
      limited(FILL, { disk: 16_000_000 }, emptyWorkspace(as.uid)),
    ])
    if (as.uid !== AGENT_UID) {
      // Here no control group is delegated to a user, and only root mounts a file system.
      for (const { error, message } of results) {
        expect(error).toBe('sandbox:unavailable')
        expect(message).toMatch(/To have it: (start (Belay|it) )/)
      }
      return
    }
    const [memory, processes, cpu, disk] = results
    expect(memory.report).toMatchObject({ cause: 'memory', signal: 'SIGKILL' })
    expect(processes.report).toMatchObject({ cause: 'processes' })
    expect(cpu.report).toMatchObject({ code: 0 })
    expect(cpu.report!.usage.cpuMs).toBeLessThan(cpu.report!.usage.wallMs * 0.05 + 150)
    expect(cpu.report!.usage.throttledMs).toBeGreaterThan(0)
    expect(disk.report).toMatchObject({ cause: 'disk' })
    expect(disk.output).toContain('No space left')
  })

  test('is held back by those limits and by nothing else', async () => {
    // More than each of the limits above, and little enough for this machine.
    const results = await Promise.all(
      [
        'perl -e \'$x = "a" x 200_000_000\'',
        "perl -e 'for (1..60) { defined(my $p = fork) or die; if (!$p) { sleep 1; exit } } 1 while wait > 0'",
        BUSY,
        FILL,
      ].map((command) => harness(as, { command: ['sh', '-c', command] }).ended),
    )
    for (const { report } of results) expect(report).toMatchObject({ code: 0, cause: 'exited' })
    if (as.uid === AGENT_UID) expect(results[2]!.report!.usage.throttledMs).toBe(0)
  })

  test('is told of the wall time that ended it', async () => {
    const { report } = await harness(as, { command: ['sleep', '60'], quotas: { wallTime: 300 } }).ended
    expect(report).toMatchObject({ cause: 'wall_time', signal: 'SIGKILL' })
    expect(report!.usage.wallMs).toBeLessThan(20_000)
  })
})
