import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
} from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../../../errors/catalogue.ts'
import { requirePrograms } from './programs.ts'

/** Less than this left: writes have failed. ext4 gives up its last blocks in pieces of 4 KiB. */
const FULL_BYTES = 64 * 1024
const MIN_BYTES = 16 * 1024 * 1024

const mounted = new Set<string>()
let watching = false

/** The file that holds a workspace whose size is limited, beside the folder where it is mounted. */
function imageOf(workspace: string): string {
  return `${workspace}.ext4`
}

/**
 * Mounts a file system of at most so many bytes at the workspace, whose owner it keeps. One that is there is used again, and grows when
 * more is allowed; with `bytes` undefined it is mounted as it is. Only root can. It stays mounted while this process
 * runs, so that what was written can be read. Throws `sandbox:unavailable`, or `sandbox:refused` when it would have to
 * shrink or would hide files.
 */
export async function mountLimited(
  agent: string,
  workspace: string,
  bytes: number | undefined,
): Promise<void> {
  const image = imageOf(workspace)
  if (bytes === undefined && !existsSync(image)) return
  const programs = requirePrograms('mount', 'umount', 'losetup', 'mkfs.ext4', 'resize2fs')
  if (process.getuid?.() !== 0)
    throw new BelayError('sandbox:unavailable', {
      what: 'A limit of disk',
      cause: 'only root can mount a file system of a fixed size',
      fix: 'start Belay as root, or leave disk out',
    })
  const limit = bytes === undefined ? undefined : Math.max(MIN_BYTES, Math.ceil(bytes / 4096) * 4096)
  if (!existsSync(image)) {
    if (limit === undefined) return
    if (readdirSync(workspace).length > 0)
      throw new BelayError('sandbox:refused', {
        agent,
        cause: `the workspace ${workspace} holds files that a limited one would hide`,
        fix: 'move them away, start the agent, and copy them in, or leave disk out',
      })
    await make(agent, image, workspace, limit, programs['mkfs.ext4'])
  }
  const before = statSync(image).size
  if (limit !== undefined && before > limit)
    throw new BelayError('sandbox:refused', {
      agent,
      cause: `its workspace was made with ${before} bytes and cannot shrink to ${limit}`,
      fix: `allow disk: ${before}, or move ${image} away`,
    })
  if (limit !== undefined && before < limit) resize(image, limit)
  if (!isMounted(workspace)) {
    await run(agent, programs.mount, ['-t', 'ext4', '-o', 'loop,nosuid,nodev,noatime', image, workspace])
    rmSync(join(workspace, 'lost+found'), { recursive: true, force: true })
  }
  if (limit !== undefined && before < limit) {
    const loop = sourceOf(workspace)
    await run(agent, programs.losetup, ['-c', loop])
    await run(agent, programs.resize2fs, [loop])
  }
  mounted.add(workspace)
  watchExit(programs.umount)
}

/** Takes it off again, before the folder is removed; nothing where there is none. */
export function unmountLimited(workspace: string): void {
  if (!mounted.delete(workspace)) return
  spawnSync(requirePrograms('umount').umount, [workspace], { stdio: 'ignore' })
}

/** Whether no room is left in a limited workspace. */
export function isFull(workspace: string): boolean {
  if (!mounted.has(workspace)) return false
  try {
    const { bavail, bsize, ffree } = statfsSync(workspace)
    return bavail * bsize < FULL_BYTES || ffree === 0
  } catch {
    return false
  }
}

async function make(
  agent: string,
  image: string,
  workspace: string,
  bytes: number,
  mkfs: string,
): Promise<void> {
  const draft = `${image}.${process.pid}`
  const { uid, gid } = statSync(workspace)
  resize(draft, bytes)
  try {
    await run(agent, mkfs, [
      '-q',
      '-F',
      '-m',
      '0',
      '-E',
      `root_owner=${uid}:${gid},lazy_itable_init=1,nodiscard`,
      draft,
    ])
    // Whole or not at all: a half one would be mounted by the next start.
    renameSync(draft, image)
  } finally {
    rmSync(draft, { force: true })
  }
}

function resize(file: string, bytes: number): void {
  const descriptor = openSync(file, 'a', 0o600)
  try {
    ftruncateSync(descriptor, bytes)
  } finally {
    closeSync(descriptor)
  }
}

function mounts(): string[][] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ').map(unescaped))
}

function isMounted(workspace: string): boolean {
  return mounts().some(([, place]) => place === workspace)
}

function sourceOf(workspace: string): string {
  return mounts().findLast(([, place]) => place === workspace)?.[0] ?? ''
}

/** Spaces and the like stand as octal numbers there. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

function watchExit(umount: string): void {
  if (watching) return
  watching = true
  process.once('exit', () => {
    for (const workspace of mounted) spawnSync(umount, [workspace], { stdio: 'ignore' })
  })
}

async function run(agent: string, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 500) said += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0)
    throw new BelayError('sandbox:failed', { agent, cause: `${program} ended with ${code}: ${said.trim()}` })
}
