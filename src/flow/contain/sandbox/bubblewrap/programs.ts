import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../../../errors/catalogue.ts'

// Not PATH: these programs run outside of the sandbox, some of them as root.
const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/usr/local/sbin']

/** The package that holds each program, as Debian, Fedora and Alpine name it. */
const PACKAGES = {
  bwrap: ['bubblewrap', 'bubblewrap', 'bubblewrap'],
  ip: ['iproute2', 'iproute', 'iproute2'],
  unshare: ['util-linux', 'util-linux', 'util-linux'],
  setpriv: ['util-linux', 'util-linux', 'setpriv'],
  mount: ['mount', 'util-linux-core', 'mount'],
  losetup: ['mount', 'util-linux', 'losetup'],
  umount: ['mount', 'util-linux-core', 'mount'],
  sh: ['dash', 'bash', 'busybox'],
  bash: ['bash', 'bash', 'bash'],
  'mkfs.ext4': ['e2fsprogs', 'e2fsprogs', 'e2fsprogs'],
  resize2fs: ['e2fsprogs', 'e2fsprogs', 'e2fsprogs'],
  'systemd-run': ['systemd', 'systemd', 'systemd'],
} as const

const MANAGERS = [
  ['apt-get', 'apt install'],
  ['dnf', 'dnf install'],
  ['apk', 'apk add'],
] as const

export type Program = keyof typeof PACKAGES

const found = new Map<Program, string>()

/** Absolute path of a program of the operating system, or `undefined`. */
export function findProgram(program: Program): string | undefined {
  const known = found.get(program)
  if (known !== undefined) return known
  const path = search(program)
  // One that is missing is looked for again: it may be installed meanwhile.
  if (path !== undefined) found.set(program, path)
  return path
}

/** Absolute paths of all of them. Throws `sandbox:unavailable` with the command that installs what is missing. */
export function requirePrograms<P extends Program>(...programs: readonly P[]): Readonly<Record<P, string>> {
  const paths = programs.map((program) => [program, findProgram(program)] as const)
  const missing = paths.filter(([, path]) => path === undefined).map(([program]) => program)
  if (missing.length > 0)
    throw new BelayError('sandbox:unavailable', {
      what: 'A sandbox by bubblewrap',
      cause: `${missing.join(', ')} cannot be found in ${FOLDERS.slice(0, 4).join(', ')}`,
      fix: installCommand(missing),
    })
  return Object.fromEntries(paths) as Record<P, string>
}

/** The line that a person types to have them, for the package manager that is there. */
function installCommand(programs: readonly Program[]): string {
  const manager = MANAGERS.findIndex(([name]) => search(name) !== undefined)
  const column = Math.max(0, manager)
  const packages = new Set(programs.map((program) => PACKAGES[program][column]!))
  return `${MANAGERS[column]![1]} ${[...packages].join(' ')}`
}

function search(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
