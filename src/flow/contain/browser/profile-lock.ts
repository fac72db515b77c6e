import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../../../errors/catalogue.ts'

/** `lock` for the harness that uses the profile, `chromium` for the browser that it started there. */
type Role = 'lock' | 'chromium'

interface Mark {
  readonly file: string
  readonly role: Role
  readonly pid: number
}

const MARK = /^(lock|chromium)\.(\d{1,10})\.(\d{1,20})\.([0-9a-f]{8})\.[0-9a-f]{12}$/
const TRIES = 5
const PATIENCE_MS = 5_000

export interface ProfileLock {
  /** Says which browser runs in the profile, so that the next owner can end it if this one cannot. */
  holds(pid: number): Promise<void>
  release(): Promise<void>
}

/**
 * Takes the lock of a profile. It belongs to this process until released or until the process ends: marks of
 * processes that no longer run count for nothing, and a browser that outlived its owner is ended first. Throws
 * `browser:in_use`.
 *
 * A mark names its process by pid, start time and boot, so that a pid used again is not taken for the owner. Whoever
 * makes a mark looks for others afterwards and gives way to them: of two at the same moment both may, never neither.
 */
export async function takeProfile(folder: string, account: string): Promise<ProfileLock> {
  for (let tries = 1; ; tries++) {
    const own = markFor('lock', process.pid)
    await writeFile(join(folder, own), '', { flag: 'wx', mode: 0o600 })
    const others = (await marksIn(folder)).filter(({ file }) => file !== own)
    const owner = others.find((mark) => mark.role === 'lock' && isAlive(mark.file))
    if (owner === undefined) {
      await endOrphans(others)
      for (const { file } of others) await rm(join(folder, file), { force: true })
      return lockOf(folder, own)
    }
    await rm(join(folder, own), { force: true })
    if (tries === TRIES) throw new BelayError('browser:in_use', { account, holder: `process ${owner.pid}` })
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 40))
  }
}

function lockOf(folder: string, own: string): ProfileLock {
  const marks = new Set([own])
  return {
    async holds(pid) {
      const mark = markFor('chromium', pid)
      marks.add(mark)
      await writeFile(join(folder, mark), '', { flag: 'wx', mode: 0o600 })
    },
    async release() {
      // The lock last: whoever sees it gone must find nothing else of ours.
      for (const mark of [...marks].toReversed()) await rm(join(folder, mark), { force: true })
      marks.clear()
    },
  }
}

async function marksIn(folder: string): Promise<readonly Mark[]> {
  return (await readdir(folder)).flatMap((file) => {
    const [, role, pid] = MARK.exec(file) ?? []
    return role === undefined ? [] : [{ file, role: role as Role, pid: Number(pid) }]
  })
}

function markFor(role: Role, pid: number): string {
  return `${role}.${pid}.${startOf(pid) ?? 0}.${BOOT}.${randomBytes(6).toString('hex')}`
}

function isAlive(mark: string): boolean {
  const [, , pid, start, boot] = MARK.exec(mark) ?? []
  return boot === BOOT && startOf(Number(pid)) === Number(start)
}

/** Browsers end by themselves when their pipe breaks; one that hangs is ended here. */
async function endOrphans(marks: readonly Mark[]): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  for (const { role, file, pid } of marks) {
    if (role !== 'chromium') continue
    while (isAlive(file)) {
      if (performance.now() > until)
        throw new BelayError('browser:in_use', { account: file, holder: `process ${pid}` })
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Gone in the meantime.
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** When a process began, in the kernel's ticks since the boot; `undefined` when there is none (a zombie is none). */
function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name of the program stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    if (process.platform === 'linux') return undefined
    try {
      process.kill(pid, 0)
      return 0
    } catch {
      return undefined
    }
  }
}

const BOOT = bootOf()

function bootOf(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)
  } catch {
    return '00000000'
  }
}
