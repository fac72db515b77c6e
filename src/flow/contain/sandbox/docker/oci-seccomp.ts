const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97

/** Refused whatever their arguments. */
const REFUSED = [
  '_sysctl',
  'acct',
  'add_key',
  'bpf',
  'chroot',
  'clock_settime',
  'delete_module',
  'fanotify_init',
  'finit_module',
  'fsconfig',
  'fsmount',
  'fsopen',
  'fspick',
  'init_module',
  'ioperm',
  'iopl',
  'kcmp',
  'kexec_file_load',
  'kexec_load',
  'keyctl',
  'lookup_dcookie',
  'lsm_set_self_attr',
  'modify_ldt',
  'mount',
  'mount_setattr',
  'move_mount',
  'nfsservctl',
  'open_by_handle_at',
  'open_tree',
  'open_tree_attr',
  'perf_event_open',
  'personality',
  'pidfd_getfd',
  'pivot_root',
  'process_vm_readv',
  'process_vm_writev',
  'ptrace',
  'quotactl',
  'quotactl_fd',
  'reboot',
  'request_key',
  'setns',
  'settimeofday',
  'swapoff',
  'swapon',
  'syslog',
  'umount2',
  'uselib',
  'userfaultfd',
  'vhangup',
]

/** As if the kernel did not have them: programs know how to live with that. */
const ABSENT = ['clone3', 'io_uring_enter', 'io_uring_register', 'io_uring_setup']

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h. */
const NEW_NAMESPACES = [
  0x80, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
]
/** In `clone` that bit is of the signal to the parent. */
const CLONE_NEWTIME = 0x80

const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
/** Of the families up to AF_NETLINK all but UNIX, INET, INET6 and NETLINK. */
const OTHER_FAMILIES = [0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]
const SOCK_TYPE_MASK = 0xf
const SOCK_RAW = 3
const SOCK_PACKET = 10
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c

interface Argument {
  readonly index: number
  /** A mask for `SCMP_CMP_MASKED_EQ`. */
  readonly value: number
  readonly valueTwo: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ'
}

interface Rule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ERRNO'
  readonly errnoRet: number
  readonly args?: readonly Argument[]
}

/**
 * The filter of our own sandboxes as a seccomp profile of the OCI runtime specification, in the place of the engine's
 * default. Arguments are compared with 64 bits, of which the kernel takes 32: a family with bits above them is greater
 * than every family.
 */
export function ociSeccomp(): string {
  const sockets = ['socket', 'socketpair']
  const raw = [AF_INET, AF_INET6].flatMap((family) =>
    [SOCK_RAW, SOCK_PACKET].map((type) =>
      refuse(sockets, EPERM, [equal(0, family), masked(1, SOCK_TYPE_MASK, type)]),
    ),
  )
  const syscalls: readonly Rule[] = [
    refuse(REFUSED, EPERM),
    refuse(ABSENT, ENOSYS),
    ...NEW_NAMESPACES.map((bit) => refuse(['unshare'], EPERM, [masked(0, bit, bit)])),
    ...NEW_NAMESPACES.filter((bit) => bit !== CLONE_NEWTIME).map((bit) =>
      refuse(['clone'], EPERM, [masked(0, bit, bit)]),
    ),
    ...[TIOCSTI, TIOCLINUX].map((request) => refuse(['ioctl'], EPERM, [masked(1, 0xffffffff, request)])),
    ...OTHER_FAMILIES.map((family) => refuse(sockets, EAFNOSUPPORT, [equal(0, family)])),
    refuse(sockets, EAFNOSUPPORT, [{ index: 0, value: AF_NETLINK, valueTwo: 0, op: 'SCMP_CMP_GT' }]),
    refuse(sockets, EPERM, [equal(0, AF_NETLINK), { index: 2, value: 0, valueTwo: 0, op: 'SCMP_CMP_NE' }]),
    ...raw,
  ]
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    // Only the machine's own: a process of another architecture (32 bits, x32) is ended by its first call.
    architectures: [],
    syscalls,
  })
}

function refuse(names: readonly string[], errnoRet: number, args?: readonly Argument[]): Rule {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, ...(args && { args }) }
}

function equal(index: number, value: number): Argument {
  return { index, value, valueTwo: 0, op: 'SCMP_CMP_EQ' }
}

function masked(index: number, mask: number, value: number): Argument {
  return { index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }
}
