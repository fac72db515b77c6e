import { realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, relative, sep } from 'node:path'
import { BelayError } from '../../../../errors/catalogue.ts'

/** Who speaks to one of these has the machine. */
const DAEMON_SOCKETS = [
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/dbus/system_bus_socket',
  '/run/systemd/private',
]

/** Of the kernel and of the running system. */
const SYSTEM = ['/proc', '/sys', '/dev', '/run']
/** What has a content of its own inside. */
const LAID_OVER = ['/workspace', '/home/agent']

/** Folders of the data folder in which workspaces lie, each below the name of who owns it. */
const KINDS: ReadonlySet<string> = new Set(['agents', 'browsers', 'snippets'])

export interface Binding {
  /** Without symlinks. */
  readonly source: string
  /** As it is called inside. */
  readonly destination: string
  readonly isFolder: boolean
}

/**
 * The workspace without symlinks, when an agent may have it: a folder that holds neither the system, a person's home,
 * the harness's own state nor the folder of somebody else. Throws `sandbox:refused`.
 */
export function boundWorkspace(
  agent: string,
  workspace: string,
  protects: readonly string[],
  data: string | undefined,
): string {
  const refuse = refuser(agent)
  const real = resolved(workspace, refuse)
  if (!statSync(real).isDirectory())
    throw refuse(`the workspace ${workspace} is no folder`, 'name a folder of its own')
  refuseHost(real, 'workspace', SYSTEM, refuse)
  const state = data === undefined ? undefined : realIfThere(data)
  if (state !== undefined && contains(state, real)) {
    const [kind = '', name = ''] = relative(state, real).split(sep)
    if (!KINDS.has(kind) || name === '')
      throw refuse(
        `the workspace ${real} lies in Belay's own state`,
        'leave workspace out, or name a folder elsewhere',
      )
  }
  refuseState(real, [...protects, ...(data === undefined ? [] : [data])], refuse)
  return real
}

/** What is bound read-only. Throws `sandbox:refused` for what would be a way out or hold secrets of the harness. */
export function boundReadOnly(
  agent: string,
  paths: readonly string[],
  workspace: string,
  protects: readonly string[],
): Binding[] {
  const refuse = refuser(agent)
  return paths.map((path) => {
    const source = resolved(path, refuse)
    const stats = statSync(source)
    if (!stats.isDirectory() && !stats.isFile())
      throw refuse(`${path} is neither a file nor a folder`, 'take it out of read_only')
    for (const one of new Set([source, path])) {
      refuseHost(one, 'read_only path', [...SYSTEM, ...LAID_OVER], refuse)
      if (one === '/etc' || one === '/usr')
        throw refuse(`${one} is given as far as it is public`, 'name the files in it that are needed')
    }
    // The agent could lay a symlink in its place, and the next start would follow it.
    if (contains(workspace, source) || contains(source, workspace))
      throw refuse(`${path} and the workspace lie one in the other`, 'name a path outside of the workspace')
    refuseState(source, protects, refuse)
    for (const place of protects.map(realIfThere))
      if (place !== undefined && contains(place, source))
        throw refuse(`${path} lies in Belay's own state`, 'take it out of read_only')
    return { source, destination: path, isFolder: stats.isDirectory() }
  })
}

/** Whether a path is a folder itself or lies below it. */
export function contains(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way))
}

type Refuse = (cause: string, fix: string) => BelayError

function refuser(agent: string): Refuse {
  return (cause, fix) => new BelayError('sandbox:refused', { agent, cause, fix })
}

function refuseHost(path: string, what: string, special: readonly string[], refuse: Refuse): void {
  const home = realIfThere(homedir()) ?? homedir()
  if (contains(path, home))
    throw refuse(`the ${what} ${path} holds the home folder ${home}`, 'name a folder of its own below it')
  const met = special.find((one) => contains(one, path) || contains(path, one))
  if (met !== undefined)
    throw refuse(`the ${what} ${path} and ${met} lie one in the other`, 'name another folder')
  const socket = DAEMON_SOCKETS.map(realIfThere).find((one) => one !== undefined && contains(path, one))
  if (socket !== undefined)
    throw refuse(`the ${what} ${path} holds ${socket}, which commands this machine`, 'name another folder')
}

function refuseState(path: string, protects: readonly string[], refuse: Refuse): void {
  const held = protects.map(realIfThere).find((one) => one !== undefined && contains(path, one))
  if (held !== undefined)
    throw refuse(`${path} holds ${held}, which is Belay's own`, 'name a folder that does not hold it')
}

function resolved(path: string, refuse: Refuse): string {
  if (!isAbsolute(path) || path.includes('\0'))
    throw refuse(`${path} is not an absolute path`, 'write it from / on')
  const real = realIfThere(path)
  if (real === undefined) throw refuse(`there is no ${path}`, `make it (mkdir -p ${path}), or name another`)
  return real
}

function realIfThere(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}
