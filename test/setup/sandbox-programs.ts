import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PROGRAMS = { '/usr/bin/bwrap': 'bubblewrap', '/usr/sbin/ip': 'iproute2' }

/** What sandboxes are made with; Debian's packages are installed when they are missing. */
export async function findSandboxPrograms(): Promise<void> {
  const missing = Object.entries(PROGRAMS).flatMap(([path, name]) =>
    existsSync(path) || existsSync(path.replace('/sbin/', '/bin/')) ? [] : [name],
  )
  if (missing.length === 0) return
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    await run('apt-get', ['update'], { env })
    await run('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], { env })
  } catch (error) {
    throw new Error(`The tests of sandboxes need them: apt-get install ${missing.join(' ')}`, {
      cause: error,
    })
  }
}
