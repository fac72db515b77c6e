import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { takeProfile } from './profile-lock.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const marks = (): readonly string[] => readdirSync(folder).filter((name) => /^(lock|chromium)\./.test(name))

/** The mark that a process with this pid would have made, began it when that one did. */
function markOf(role: string, pid: number, start?: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const began = start ?? stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)
  return `${role}.${pid}.${began}.${boot}.0123456789ab`
}

it('is one at a time, and free again when it was released', async () => {
  const first = await takeProfile(folder, 'shop')
  await expect(takeProfile(folder, 'shop')).rejects.toMatchObject({ code: 'browser:in_use' })
  await first.release()
  const second = await takeProfile(folder, 'shop')
  await second.release()
  expect(marks()).toEqual([])
})

it('goes to one of many that want it at the same moment, or to none, and is not stuck after', async () => {
  const wanted = await Promise.allSettled(Array.from({ length: 8 }, () => takeProfile(folder, 'shop')))
  const got = wanted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(got.length).toBeLessThanOrEqual(1)
  for (const lock of got) await lock.release()
  await (await takeProfile(folder, 'shop')).release()
})

it('belongs to a living process, and to nobody when that process or its boot is gone', async () => {
  const owner = spawn('sleep', ['60'])
  writeFileSync(join(folder, markOf('lock', owner.pid!)), '')
  await expect(takeProfile(folder, 'shop')).rejects.toMatchObject({
    code: 'browser:in_use',
    details: { holder: `process ${owner.pid}` },
  })
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  // A pid that is used again, and one of another boot.
  writeFileSync(join(folder, markOf('lock', process.pid, '1')), '')
  writeFileSync(join(folder, `lock.${process.pid}.1.00000000.0123456789ab`), '')
  const lock = await takeProfile(folder, 'shop')
  expect(marks()).toHaveLength(1)
  await lock.release()
})

it('ends the browser that its owner left behind', async () => {
  const orphan = spawn('sleep', ['60'])
  const ended = once(orphan, 'exit')
  writeFileSync(join(folder, markOf('chromium', orphan.pid!)), '')
  const lock = await takeProfile(folder, 'shop')
  expect((await ended)[1]).toBe('SIGKILL')
  await lock.holds(process.pid)
  expect(marks()).toHaveLength(2)
  await lock.release()
  expect(marks()).toEqual([])
})
