import { existsSync } from 'node:fs'
import { chown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxProvider } from '../sandbox/provider.ts'
import type { BrowserHome } from './browser-home.ts'
import { wayOut } from './way-out.ts'

const WORKSPACE = '/workspace'
/** Beside the system's programs: what starts Chromium, and its fonts. */
const READ = ['/etc/chromium', '/etc/chromium.d', '/etc/fonts', '/opt/google/chrome']
/** As root, browsers run as users of their own, who own nothing but their profile. */
const FIRST_UID = 1_950_000
const UIDS = 10_000

/**
 * A sandbox for each browser: it sees its profile and the system's programs, none of the machine's processes, and no
 * network but a proxy to the hosts of its account. Chromium makes its own sandbox inside for its pages.
 */
export function sandboxedHome(provider: SandboxProvider): BrowserHome {
  return {
    inside: () => WORKSPACE,
    flags: ['--proxy-server=http://127.0.0.1:3128', '--proxy-bypass-list=<-loopback>'],
    resolves: false,
    async launch(account, profile, command, rule) {
      if (process.getuid?.() === 0) await own(profile, uidOf(account))
      return provider.launch({
        agent: `browser-${account}`,
        command,
        workspace: profile,
        env: { LANG: 'C.UTF-8', TZ: 'UTC' },
        network: wayOut(rule),
        readOnly: READ.filter((path) => existsSync(path)),
        quotas: {},
        require: ['filesystem', 'pid_namespace', 'network', 'secrets', 'surviving_daemons'],
        profile: 'browser',
        stdio: 'pipe',
      })
    },
  }
}

/** The same for the same account, so that its files stay its own. */
function uidOf(account: string): number {
  let hash = 0
  for (const character of account) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % UIDS
  return FIRST_UID + hash
}

/** Gives the profile to its user; what lies in it already has come from that user, or from a browser without a sandbox. */
async function own(path: string, uid: number): Promise<void> {
  const stats = await lstat(path)
  if (stats.isSymbolicLink()) return
  if (stats.uid !== uid) await chown(path, uid, uid)
  else return
  if (stats.isDirectory()) for (const name of await readdir(path)) await own(join(path, name), uid)
}
