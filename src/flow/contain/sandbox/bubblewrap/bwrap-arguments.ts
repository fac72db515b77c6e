import { existsSync, readlinkSync } from 'node:fs'
import type { SandboxSpec } from '../provider.ts'
import type { Binding } from './bound-paths.ts'
import { SECCOMP_FD, STATUS_FD } from './launch-script.ts'
import { HOME, INSIDE_ID, PUBLIC_ETC } from './system-files.ts'

const TMP_BYTES = 64 * 1024 * 1024
/** Chromium keeps shared memory there. */
const BROWSER_TMP_BYTES = 512 * 1024 * 1024
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface BoundPaths {
  /** As bwrap finds it. */
  readonly workspace: string
  readonly readOnly: readonly Binding[]
}

/** What bwrap reads from a descriptor, so that no environment stands in a list of processes. */
export function bwrapArguments(
  spec: SandboxSpec,
  paths: BoundPaths,
  files: ReadonlyMap<string, number>,
): Buffer {
  const { profile, network, env, cwd } = spec
  const isBrowser = profile === 'browser'
  const size = String(isBrowser ? BROWSER_TMP_BYTES : TMP_BYTES)
  const args = [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(isBrowser ? [] : ['--disable-userns']),
    // With a gateway it is in a network of its own already, in which it has no rights.
    ...(network === 'none' ? ['--unshare-net'] : []),
    '--uid',
    String(INSIDE_ID),
    '--gid',
    String(INSIDE_ID),
    '--hostname',
    'agent',
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--clearenv',
    ...environment(env),
    '--ro-bind',
    '/usr',
    '/usr',
    ...topLevel(),
    ...['/etc', '/etc/ssl', '/etc/ssl/certs'].flatMap((path) => ['--perms', '0755', '--dir', path]),
    ...PUBLIC_ETC.flatMap((path) => ['--ro-bind-try', path, path]),
    ...[...files].flatMap(([path, descriptor]) => ['--perms', '0444', '--file', String(descriptor), path]),
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    ...['/tmp', '/run', HOME].flatMap((path) => ['--size', size, '--tmpfs', path]),
    ...paths.readOnly.flatMap(({ source, destination }) => ['--ro-bind', source, destination]),
    // Last, and nothing below it: what the agent writes must not be followed when a mount is made (CVE-2026-87766).
    '--bind',
    paths.workspace,
    '/workspace',
    '--chdir',
    cwd === undefined ? '/workspace' : cwd.startsWith('/') ? cwd : `/workspace/${cwd}`,
    '--remount-ro',
    '/',
    '--json-status-fd',
    String(STATUS_FD),
    '--seccomp',
    String(SECCOMP_FD),
  ]
  return Buffer.from(args.map((one) => `${one}\0`).join(''))
}

function environment(env: SandboxSpec['env']): string[] {
  const all = { PATH, HOME, USER: 'agent', LOGNAME: 'agent', SHELL: '/bin/sh', LANG: 'C.UTF-8', ...env }
  return Object.entries(all).flatMap(([name, value]) => ['--setenv', name, value])
}

/** /bin and the like as on the host: links into /usr, or folders where /usr was never merged. */
function topLevel(): string[] {
  return ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'].flatMap((name) => {
    if (!existsSync(`/${name}`)) return []
    const target = linkAt(`/${name}`)
    return target === undefined ? ['--ro-bind', `/${name}`, `/${name}`] : ['--symlink', target, `/${name}`]
  })
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
