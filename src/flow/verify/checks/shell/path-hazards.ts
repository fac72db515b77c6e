import type { Hazard, HazardKind, PathUse } from './facts.ts'
import { ANY, STAR, UNKNOWN } from './marks.ts'
import { compilePathPattern, isWide, mayHold, mayLieIn } from './paths.ts'

const DEVICE = /^\/dev\/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|rdisk|mapper|md\d|dm-|mem|kmem|port)/
const SYSTEM_FILES =
  /^\/(?:(?:etc|bin|sbin|lib|lib64|boot|sys|System|root)(?:\/|$)|usr(?:$|\/(?!(?:local\/(?:share|src)|src)(?:\/|$)))|proc\/(?:sys|sysrq)|$)/
const STARTS_LATER =
  /(?:^|\/)(?:\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zshenv|zprofile|zlogin|xprofile|xinitrc|kshrc|cshrc|login|inputrc|bash_logout|npmrc|pypirc|gitconfig)|\.config\/(?:autostart|systemd|fish\/config\.fish|git\/config)|LaunchAgents|LaunchDaemons|cron(?:tabs?|\.\w+)?|\.git\/(?:hooks|config))(?:\/|$)/
const HISTORY_FILES =
  /(?:^|\/)\.?(?:bash_history|zsh_history|sh_history|python_history|node_repl_history|lesshst|mysql_history|psql_history|fish_history|history)$|^\/var\/log(?:\/|$)/
const SECRETS = [
  '~/.ssh/id_*',
  '~/.ssh/*.pem',
  '~/.ssh/*_key',
  '~/.aws/credentials',
  '~/.gnupg/private-keys*',
  '~/.gnupg/secring*',
  '~/.kube/config',
  '~/.docker/config.json',
  '~/.netrc',
  '~/.git-credentials',
  '~/.config/gh/hosts.yml',
  '~/.config/gcloud/*credentials*',
  '~/.azure/accessTokens*',
  '~/.password-store',
  '~/.pgpass',
  '~/.my.cnf',
  '~/.vault-token',
  '/etc/shadow',
  '/etc/gshadow',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/ssh/ssh_host_*',
  '/root/.ssh',
  '/home/*/.ssh/id_*',
  '/home/*/.aws/credentials',
  '/home/*/.ssh/authorized_keys',
  '/Users/*/.ssh/id_*',
  '/proc/*/environ',
  '/proc/*/mem',
  '/var/run/secrets',
  '/run/secrets',
  '/etc/kubernetes',
].map(compilePathPattern)
const LOGINS = [
  '~/.ssh',
  '/home/*/.ssh',
  '/root/.ssh',
  '/Users/*/.ssh',
  '/etc/passwd',
  '/etc/group',
  '/etc/shadow',
  '/etc/sudoers',
  '/etc/pam.d',
  '/etc/ssh',
].map(compilePathPattern)
/** Programs that are given a key to use it, not to show it. */
const KEY_USERS = new Set([
  'ssh',
  'sftp',
  'ssh-add',
  'ssh-keygen',
  'git',
  'mosh',
  'chmod',
  'ls',
  'stat',
  'test',
  '[',
  'mkdir',
  'kubectl',
  'helm',
  'k9s',
  'du',
  'file',
])

/** What is dangerous about a path, whatever the program. `cwd` is where the line starts, where that is known. */
export function pathHazard(
  { role, path, program, recursive }: PathUse,
  cwd: string | null,
): Hazard | undefined {
  const kind = kindOf(role, path, program, recursive, cwd)
  return kind === undefined ? undefined : { kind, program }
}

function kindOf(
  role: PathUse['role'],
  path: string,
  program: string,
  recursive: boolean,
  cwd: string | null,
): HazardKind | undefined {
  if (path.startsWith(UNKNOWN) && !path.startsWith(`${UNKNOWN}/`)) return undefined
  if (role === 'delete') {
    // Everything below something unknown: with an empty variable that is the root.
    const rest = path.startsWith(`${UNKNOWN}/`) ? path.slice(1) : path
    if (
      !path.startsWith(UNKNOWN) &&
      isWide(rest, cwd) &&
      (recursive || rest.includes(STAR) || program === 'mv')
    )
      return 'deletes_wide'
    if (SYSTEM_FILES.test(rest)) return 'overwrites_system'
    if (HISTORY_FILES.test(rest)) return 'wipes_history'
    if (LOGINS.some((pattern) => mayLieIn(rest, pattern)) && !rest.includes(UNKNOWN)) return 'touches_keys'
    return rest.endsWith('/.git') || rest === './.git' ? 'deletes_wide' : undefined
  }
  if (path.includes(UNKNOWN)) return undefined
  if (role === 'write') {
    if (DEVICE.test(path)) return 'overwrites_device'
    if (HISTORY_FILES.test(path)) return 'wipes_history'
    if (
      /^(?:\/etc\/cron|\/var\/spool\/cron|\/etc\/systemd|\/etc\/init|\/etc\/rc|\/etc\/profile)/.test(path) ||
      STARTS_LATER.test(path)
    )
      return 'schedules'
    if (
      program !== 'ssh-keygen' &&
      program !== 'chmod' &&
      !/\/known_hosts$|\/\.ssh$|\/\.ssh\/config$/.test(path) &&
      LOGINS.some((pattern) => mayLieIn(path, pattern))
    )
      return 'touches_keys'
    if (path === '/proc/sysrq-trigger') return 'stops_machine'
    if (SYSTEM_FILES.test(path)) return 'overwrites_system'
    if (program === 'chmod' || program === 'chown') return undefined
  }
  if (KEY_USERS.has(program) || path.endsWith('.pub')) return undefined
  // A pattern that could be anything is not taken for a key.
  if (
    path
      .split('/')
      .some(
        (part) =>
          part !== '' && Array.from(part).every((character) => character === STAR || character === ANY),
      ) &&
    !/\.ssh|\.aws|\.gnupg/.test(path)
  )
    return undefined
  return SECRETS.some((pattern) => mayLieIn(path, pattern) || (recursive && mayHold(path, pattern)))
    ? 'touches_keys'
    : undefined
}
