import { endianness } from 'node:os'
import { BelayError } from '../../../../errors/catalogue.ts'

/**
 * Syscall numbers by architecture: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
 * `null`: the architecture has no such call. From 424 on the numbers are the same everywhere.
 */
const NUMBERS = {
  ioctl: [16, 29],
  socket: [41, 198],
  socketpair: [53, 199],
  clone: [56, 220],
  ptrace: [101, 117],
  syslog: [103, 116],
  uselib: [134, null],
  personality: [135, 92],
  vhangup: [153, 58],
  modify_ldt: [154, null],
  pivot_root: [155, 41],
  _sysctl: [156, null],
  chroot: [161, 51],
  acct: [163, 89],
  settimeofday: [164, 170],
  mount: [165, 40],
  umount2: [166, 39],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  iopl: [172, null],
  ioperm: [173, null],
  init_module: [175, 105],
  delete_module: [176, 106],
  quotactl: [179, 60],
  nfsservctl: [180, 42],
  lookup_dcookie: [212, 18],
  clock_settime: [227, 112],
  kexec_load: [246, 104],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  unshare: [272, 97],
  perf_event_open: [298, 241],
  fanotify_init: [300, 262],
  open_by_handle_at: [304, 265],
  setns: [308, 268],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  finit_module: [313, 273],
  kexec_file_load: [320, 294],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  clone3: [435, 435],
  pidfd_getfd: [438, 438],
  mount_setattr: [442, 442],
  quotactl_fd: [443, 443],
  lsm_set_self_attr: [460, 460],
  open_tree_attr: [467, 467],
} as const satisfies Record<string, readonly [x64: number, arm64: number | null]>

type Call = keyof typeof NUMBERS

/** AUDIT_ARCH_* of linux/audit.h. */
const ARCHITECTURES = {
  x64: { audit: 0xc000003e, column: 0 },
  arm64: { audit: 0xc00000b7, column: 1 },
} as const

export type Architecture = keyof typeof ARCHITECTURES

const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97

/** Calls whose absence programs know how to live with; the kernel's answer for one it does not have. */
const ABSENT: ReadonlySet<Call> = new Set(['clone3', 'io_uring_setup', 'io_uring_enter', 'io_uring_register'])

/** Calls that are looked at by argument instead of refused altogether; instructions that end in a return on every way. */
const BY_ARGUMENT: Partial<Record<Call, (browser: boolean) => Instruction[]>> = {
  // Its lowest byte is the signal to the parent.
  clone: (browser) => [load(argument(0)), ...refuseIfSet(ALL_NEW & ~(browser ? BY_CHROMIUM : 0))],
  unshare: (browser) => [
    load(argument(0)),
    ...refuseIfSet((ALL_NEW | CLONE_NEWTIME) & ~(browser ? BY_CHROMIUM : 0)),
  ],
  ioctl: () => [
    load(argument(1)),
    { code: JUMP_EQUAL, yes: 1, no: 0, value: TIOCSTI },
    { code: JUMP_EQUAL, yes: 0, no: 1, value: TIOCLINUX },
    give(errno(EPERM)),
    give(ALLOW),
  ],
  personality: () => [load(argument(0)), ...oneOf(PERSONALITIES), give(errno(EPERM)), give(ALLOW)],
  socket: socketRules,
  socketpair: socketRules,
}

const CLONE_NEWTIME = 0x80
const CLONE_NEWNS = 0x00020000
const CLONE_NEWCGROUP = 0x02000000
const CLONE_NEWUTS = 0x04000000
const CLONE_NEWIPC = 0x08000000
const CLONE_NEWUSER = 0x10000000
const CLONE_NEWPID = 0x20000000
const CLONE_NEWNET = 0x40000000
const BY_CHROMIUM = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
const ALL_NEW =
  CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const NETLINK_ROUTE = 0
const SOCK_TYPE_MASK = 0xf
const SOCK_RAW = 3
const SOCK_PACKET = 10
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c
/** PER_LINUX and PER_LINUX32, each with and without UNAME26, and the question which holds. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff]

const LD_WORD = 0x20
const JUMP_EQUAL = 0x15
const JUMP_SET = 0x45
const JUMP_AT_LEAST = 0x35
const AND = 0x54
const RETURN = 0x06
const ALLOW = 0x7fff0000
const errno = (code: number): number => 0x00050000 | code

/** Offsets in struct seccomp_data of linux/seccomp.h; of the arguments the lower halves, little-endian. */
const NUMBER_AT = 0
const ARCH_AT = 4
const argument = (index: number): number => 16 + index * 8

interface Instruction {
  readonly code: number
  readonly yes: number
  readonly no: number
  readonly value: number
}

export interface FilterOptions {
  /** Chromium's own sandbox makes user, process and network namespaces and changes its root. */
  readonly browser?: boolean
  /** For tests that show what the filter stops. */
  readonly architecture?: string
}

/**
 * The seccomp program of a sandbox, as `struct sock_filter[]`: what would change mounts, namespaces, other processes or
 * the kernel is refused, sockets are of four families, and everything of another architecture is refused.
 * Throws `sandbox:unavailable` on an architecture without a table.
 */
export function seccompFilter({ browser = false, architecture = process.arch }: FilterOptions = {}): Buffer {
  if (!Object.hasOwn(ARCHITECTURES, architecture) || endianness() !== 'LE')
    throw new BelayError('sandbox:unavailable', {
      what: 'A seccomp filter',
      cause: `there is no table of system calls for ${architecture}`,
      fix: 'use a machine with x64 or arm64, or a container provider',
    })
  const { audit, column } = ARCHITECTURES[architecture as Architecture]
  const program: Instruction[] = [
    load(ARCH_AT),
    { code: JUMP_EQUAL, yes: 1, no: 0, value: audit },
    give(errno(EPERM)),
    load(NUMBER_AT),
  ]
  // The x32 ABI has numbers of its own, from this bit on, which no table here names.
  if (architecture === 'x64')
    program.push({ code: JUMP_AT_LEAST, yes: 0, no: 1, value: 0x40000000 }, give(errno(ENOSYS)))
  for (const [call, numbers] of Object.entries(NUMBERS) as [Call, readonly (number | null)[]][]) {
    const number = numbers[column] ?? null
    if (number === null || (browser && call === 'chroot')) continue
    const body = BY_ARGUMENT[call]?.(browser) ?? [give(errno(ABSENT.has(call) ? ENOSYS : EPERM))]
    program.push({ code: JUMP_EQUAL, yes: 0, no: body.length, value: number }, ...body)
  }
  program.push(give(ALLOW))
  return assemble(program)
}

function refuseIfSet(bits: number): Instruction[] {
  return [{ code: JUMP_SET, yes: 0, no: 1, value: bits >>> 0 }, give(errno(EPERM)), give(ALLOW)]
}

/** Falls through when none is equal, past the next instruction when one is. */
function oneOf(values: readonly number[]): Instruction[] {
  return values.map((value, index) => ({ code: JUMP_EQUAL, yes: values.length - index, no: 0, value }))
}

function socketRules(): Instruction[] {
  const netlink = [load(argument(2)), { code: JUMP_EQUAL, yes: 0, no: 1, value: NETLINK_ROUTE }, give(ALLOW)]
  const internet = [
    load(argument(1)),
    { code: AND, yes: 0, no: 0, value: SOCK_TYPE_MASK },
    { code: JUMP_EQUAL, yes: 2, no: 0, value: SOCK_RAW },
    { code: JUMP_EQUAL, yes: 1, no: 0, value: SOCK_PACKET },
    give(ALLOW),
    give(errno(EPERM)),
  ]
  return [
    load(argument(0)),
    { code: JUMP_EQUAL, yes: 0, no: 1, value: AF_UNIX },
    give(ALLOW),
    { code: JUMP_EQUAL, yes: 2, no: 0, value: AF_INET },
    { code: JUMP_EQUAL, yes: 1, no: 0, value: AF_INET6 },
    { code: JUMP_EQUAL, yes: internet.length, no: internet.length + netlink.length, value: AF_NETLINK },
    ...internet,
    ...netlink,
    give(errno(EAFNOSUPPORT)),
  ]
}

function load(offset: number): Instruction {
  return { code: LD_WORD, yes: 0, no: 0, value: offset }
}

function give(action: number): Instruction {
  return { code: RETURN, yes: 0, no: 0, value: action }
}

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(({ code, yes, no, value }, index) => {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(yes, index * 8 + 2)
    bytes.writeUInt8(no, index * 8 + 3)
    bytes.writeUInt32LE(value, index * 8 + 4)
  })
  return bytes
}
