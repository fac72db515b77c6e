import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian's package → where its program is. */
const PROGRAMS = {
  bubblewrap: '/usr/bin/bwrap',
  'busybox-static': '/bin/busybox',
  chromium: '/usr/bin/chromium',
  'chromium-headless-shell': '/usr/bin/chromium-headless-shell',
  iproute2: '/bin/ip',
  podman: '/usr/bin/podman',
  prometheus: '/usr/bin/prometheus',
  runc: '/usr/sbin/runc',
} as const

export type SystemProgram = keyof typeof PROGRAMS

/** Installs what is missing of these, with Debian's package manager. Throws when that cannot be done. */
export async function installPrograms(...names: readonly SystemProgram[]): Promise<void> {
  const missing = names.filter((name) => !existsSync(PROGRAMS[name]))
  if (missing.length === 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env })
  await run('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], { env })
}

/** Installs all that any test uses, once, before the first of them asks. */
export async function installAllPrograms(): Promise<void> {
  await installPrograms(...(Object.keys(PROGRAMS) as SystemProgram[]))
}
