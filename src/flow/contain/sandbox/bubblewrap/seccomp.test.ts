import { describe, expect, test } from 'vitest'
import { seccompFilter } from './seccomp.ts'
import type { Architecture } from './seccomp.ts'

const ALLOW = 0x7fff0000
const EPERM = 0x00050001
const ENOSYS = 0x00050026
const EAFNOSUPPORT = 0x00050061
const AUDIT: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 }

/** Numbers of the kernel's own tables, written down a second time. */
const CALLS: Record<string, readonly [x64: number, arm64: number]> = {
  read: [0, 63],
  write: [1, 64],
  openat: [257, 56],
  execve: [59, 221],
  mmap: [9, 222],
  futex: [202, 98],
  exit_group: [231, 94],
  wait4: [61, 260],
  kill: [62, 129],
  statx: [332, 291],
  getrandom: [318, 278],
  socket: [41, 198],
  socketpair: [53, 199],
  connect: [42, 203],
  clone: [56, 220],
  clone3: [435, 435],
  ioctl: [16, 29],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  bpf: [321, 280],
  keyctl: [250, 219],
  add_key: [248, 217],
  userfaultfd: [323, 282],
  perf_event_open: [298, 241],
  personality: [135, 92],
  io_uring_setup: [425, 425],
  open_by_handle_at: [304, 265],
  init_module: [175, 105],
  kexec_load: [246, 104],
  reboot: [169, 142],
  fsopen: [430, 430],
  move_mount: [429, 429],
  pidfd_getfd: [438, 438],
}

/** What the kernel answers to a call: the program run by hand, as `kernel/seccomp.c` checks and runs it. */
function answer(
  program: Buffer,
  { audit, number, args = [] }: { audit: number; number: number; args?: readonly (number | bigint)[] },
): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number >>> 0, 0)
  data.writeUInt32LE(audit, 4)
  args.forEach((value, index) => data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + index * 8))
  let accumulator = 0
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(at * 8)
    const yes = program.readUInt8(at * 8 + 2)
    const no = program.readUInt8(at * 8 + 3)
    const value = program.readUInt32LE(at * 8 + 4)
    const jump = (holds: boolean): void => void (at += holds ? yes : no)
    switch (code) {
      case 0x20:
        if (value % 4 !== 0 || value > 60) throw new Error(`a load at ${value} that the kernel refuses`)
        accumulator = data.readUInt32LE(value)
        break
      case 0x15:
        jump(accumulator === value)
        break
      case 0x35:
        jump(accumulator >= value)
        break
      case 0x45:
        jump((accumulator & value) !== 0)
        break
      case 0x54:
        accumulator = (accumulator & value) >>> 0
        break
      case 0x06:
        return value
      default:
        throw new Error(`instruction ${code} at ${at}`)
    }
  }
  throw new Error('the program runs past its end')
}

describe.each(['x64', 'arm64'] as const)('the filter of %s', (architecture) => {
  const column = architecture === 'x64' ? 0 : 1
  const audit = AUDIT[architecture]
  const strict = seccompFilter({ architecture })
  const browser = seccompFilter({ architecture, browser: true })
  const asked = (name: string, args: readonly (number | bigint)[] = [], program = strict): number =>
    answer(program, { audit, number: CALLS[name]![column], args })

  test('every way through it ends in an answer, within what the kernel loads', () => {
    expect(strict.length % 8).toBe(0)
    expect(strict.length / 8).toBeLessThan(4096)
    for (let number = 0; number < 600; number++)
      for (const value of [0, 1, 3, 0x10000000, 0x7fffffff, 0xffffffff])
        expect([ALLOW, EPERM, ENOSYS, EAFNOSUPPORT]).toContain(
          answer(strict, { audit, number, args: [value, value, value] }),
        )
  })

  test.each([
    'read',
    'write',
    'openat',
    'execve',
    'mmap',
    'futex',
    'exit_group',
    'wait4',
    'kill',
    'statx',
    'getrandom',
    'connect',
  ])('%s is allowed', (name) => expect(asked(name)).toBe(ALLOW))

  test.each([
    'setns',
    'mount',
    'umount2',
    'pivot_root',
    'chroot',
    'ptrace',
    'process_vm_readv',
    'bpf',
    'keyctl',
    'add_key',
    'userfaultfd',
    'perf_event_open',
    'open_by_handle_at',
    'init_module',
    'kexec_load',
    'reboot',
    'fsopen',
    'move_mount',
    'pidfd_getfd',
  ])('%s is refused', (name) => expect(asked(name)).toBe(EPERM))

  test.each(['clone3', 'io_uring_setup'])('%s does not exist', (name) => expect(asked(name)).toBe(ENOSYS))

  test.each([
    ['mounts', 0x00020000, EPERM],
    ['control groups', 0x02000000, EPERM],
    ['host name', 0x04000000, EPERM],
    ['IPC', 0x08000000, EPERM],
    ['users', 0x10000000, ALLOW],
    ['processes', 0x20000000, ALLOW],
    ['network', 0x40000000, ALLOW],
  ])('a namespace of %s is refused by clone and unshare; Chromium has three', (_, flag, inBrowser) => {
    for (const call of ['clone', 'unshare']) {
      expect(asked(call, [flag])).toBe(EPERM)
      // The signal to the parent, and bits that the kernel does not look at.
      expect(asked(call, [BigInt(flag) | (1n << 40n) | 17n])).toBe(EPERM)
      expect(asked(call, [flag], browser)).toBe(inBrowser)
    }
  })

  test('threads and forks are none, a namespace of time is one to unshare', () => {
    expect(asked('clone', [0x003d0f00])).toBe(ALLOW)
    expect(asked('clone', [0x01200011])).toBe(ALLOW)
    expect(asked('unshare', [0x80])).toBe(EPERM)
    expect(asked('unshare', [0])).toBe(ALLOW)
  })

  test.each([
    ['Unix', [1, 1, 0], ALLOW],
    ['TCP', [2, 1, 0], ALLOW],
    ['TCP, not blocking, closed at exec', [2, 0o2004001, 6], ALLOW],
    ['UDP of IPv6', [10, 2, 0], ALLOW],
    ['raw', [2, 3, 1], EPERM],
    ['raw, closed at exec', [2, 0o2000003, 255], EPERM],
    ['raw of IPv6', [10, 3, 58], EPERM],
    ['packets the old way', [2, 10, 0x300], EPERM],
    ['netlink of routes', [16, 3, 0], ALLOW],
    ['netlink of netfilter', [16, 3, 12], EAFNOSUPPORT],
    ['netlink of audits', [16, 3, 9], EAFNOSUPPORT],
    ['packets', [17, 3, 0], EAFNOSUPPORT],
    ['algorithms', [38, 5, 0], EAFNOSUPPORT],
    ['virtual machines', [40, 1, 0], EAFNOSUPPORT],
    ['none', [0, 1, 0], EAFNOSUPPORT],
    ['Bluetooth', [31, 3, 1], EAFNOSUPPORT],
    ['XDP', [44, 3, 0], EAFNOSUPPORT],
    ['a family that is Unix only in 64 bits', [0x1_0000_0001, 1, 0], ALLOW],
  ] as const)('a socket: %s', (_, args, expected) => {
    // The kernel takes an int: of a longer number it too sees the lower half alone.
    expect(asked('socket', args)).toBe(expected)
    expect(asked('socketpair', args)).toBe(expected)
    expect(asked('socket', args, browser)).toBe(expected)
  })

  test.each([
    [0x5401, ALLOW],
    [0x5413, ALLOW],
    [0x5412, EPERM],
    [0x541c, EPERM],
    [0x1_0000_5412, EPERM],
  ])('ioctl %i', (request, expected) => expect(asked('ioctl', [0, request])).toBe(expected))

  test.each([
    [0, ALLOW],
    [8, ALLOW],
    [0xffffffff, ALLOW],
    [0x0400000, EPERM],
    [0x0040000, EPERM],
  ])('personality %i', (persona, expected) => expect(asked('personality', [persona])).toBe(expected))

  test('a browser may change its root, and nothing else that agents may not', () => {
    expect(asked('chroot', [], browser)).toBe(ALLOW)
    for (const name of ['mount', 'ptrace', 'bpf', 'setns', 'keyctl', 'userfaultfd', 'pivot_root'])
      expect(asked(name, [], browser)).toBe(EPERM)
  })

  test('calls of another architecture are refused, whatever their number', () => {
    for (const other of [0x40000003, 0x40000028, 0, AUDIT[architecture === 'x64' ? 'arm64' : 'x64']])
      for (const number of [0, 1, 59, 165, 435]) expect(answer(strict, { audit: other, number })).toBe(EPERM)
  })
})

test('the x32 calls of x64 do not exist', () => {
  for (const number of [0x40000000, 0x40000000 + 41, 0x40000000 + 520, 0xffffffff])
    expect(answer(seccompFilter({ architecture: 'x64' }), { audit: AUDIT.x64, number })).toBe(ENOSYS)
})

test.each(['riscv64', 'ia32', 'constructor', ''])('there is no filter for %j', (architecture) => {
  expect(() => seccompFilter({ architecture })).toThrow(
    expect.objectContaining({ code: 'sandbox:unavailable' }),
  )
})
