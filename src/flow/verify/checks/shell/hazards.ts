import type { Analysis, Invocation } from './analysis.ts'
import type { HazardKind } from './facts.ts'
import { gitHazard } from './git-hazards.ts'
import { HOME, isKnown, SPLIT, UNKNOWN } from './marks.ts'
import { has, readOptions } from './options.ts'

type Rule = (
  args: readonly string[],
  how: Invocation,
  analysis: Analysis,
) => HazardKind | 'options' | undefined

const DEVICE = /^\/dev\/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|rdisk|mapper|md|dm-|loop|mem|kmem|port|sg)/

const always =
  (kind: HazardKind): Rule =>
  (args) =>
    args.length === 1 && /^--?(?:help|version|h|V)$/.test(args[0]!) ? undefined : kind

/** What is dangerous about programs whose arguments say so. Paths are judged by `path-hazards.ts`. */
const RULES: Readonly<Record<string, Rule>> = {
  dd: (args) =>
    args.some((arg) => arg.startsWith('of=') && DEVICE.test(arg.slice(3))) ? 'overwrites_device' : undefined,
  wipefs: always('overwrites_device'),
  blkdiscard: always('overwrites_device'),
  sfdisk: always('overwrites_device'),
  sgdisk: always('overwrites_device'),
  parted: (args) =>
    args.some((arg) => /^-\w*l|^--list|^print$/.test(arg)) ? undefined : 'overwrites_device',
  fdisk: (args) => (args.some((arg) => /^(?:-\w*l|--list)/.test(arg)) ? undefined : 'overwrites_device'),
  diskutil: (args) =>
    /^(?:erase|partition|zero|secureErase|reformat)/i.test(args[0] ?? '') ? 'overwrites_device' : undefined,
  mkswap: always('overwrites_device'),
  cryptsetup: (args) =>
    /luksFormat|erase|luksErase/i.test(args.join(' ')) ? 'overwrites_device' : undefined,
  lvremove: always('overwrites_device'),
  vgremove: always('overwrites_device'),
  zpool: (args) => (/^(?:destroy|labelclear)$/.test(args[0] ?? '') ? 'overwrites_device' : undefined),
  zfs: (args) => (args[0] === 'destroy' ? 'overwrites_device' : undefined),
  format: (args) => (args.some((arg) => /^[a-z]:/i.test(arg)) ? 'overwrites_device' : undefined),
  hdparm: (args) =>
    args.some((arg) => /security-erase|trim-sector/.test(arg)) ? 'overwrites_device' : undefined,
  git: gitHazard,
  chmod: (args) => mode(args),
  chown: (args) => owner(args),
  chgrp: (args) => owner(args),
  setfacl: (args) =>
    has(readOptions(args, ['m', 'x']), '-R', '--recursive') && args.some((arg) => /^\/[^/]*$|^~$/.test(arg))
      ? 'opens_permissions'
      : undefined,
  setcap: always('opens_permissions'),
  visudo: always('opens_permissions'),
  shutdown: (args) => (args.includes('-c') ? undefined : 'stops_machine'),
  reboot: always('stops_machine'),
  halt: always('stops_machine'),
  poweroff: always('stops_machine'),
  init: (args) => (/^[06]$/.test(args[0] ?? '') ? 'stops_machine' : undefined),
  telinit: (args) => (/^[06]$/.test(args[0] ?? '') ? 'stops_machine' : undefined),
  systemctl: (args) => {
    const text = args.join(' ')
    if (/\b(?:poweroff|reboot|halt|kexec|suspend|hibernate|emergency|rescue)\b/.test(text))
      return 'stops_machine'
    if (/\b(?:stop|disable|mask|kill|isolate)\b/.test(text))
      return /\b(?:firewalld|ufw|apparmor|auditd|fail2ban|iptables|nftables)\b/.test(text)
        ? 'weakens_guard'
        : 'stops_machine'
    return /\benable\b/.test(text) ? 'schedules' : undefined
  },
  service: (args) => (args[1] === 'stop' ? 'stops_machine' : undefined),
  launchctl: (args) =>
    /^(?:load|bootstrap|submit|enable)$/.test(args[0] ?? '')
      ? 'schedules'
      : /^(?:unload|bootout|remove)$/.test(args[0] ?? '')
        ? 'stops_machine'
        : undefined,
  kill,
  killall: (args) =>
    args.some((arg) => /^(?:-u|--user|-r|--regexp|-v)/.test(arg)) ||
    args.some((arg) => /^(?:sshd|systemd|init|dockerd|login)$/.test(arg))
      ? 'kills_widely'
      : undefined,
  killall5: always('kills_widely'),
  pkill: (args) =>
    args.some((arg) => /^-[uUvG]|^--(?:inverse|uid|euid)/.test(arg)) ||
    args.some((arg) => /^(?:-f)?\s*[.*]+$/.test(arg))
      ? 'kills_widely'
      : undefined,
  crontab: (args) => (args.length > 0 && args.every((arg) => arg === '-l') ? undefined : 'schedules'),
  at: (args) => (args.some((arg) => /^-[lV]/.test(arg)) ? undefined : 'schedules'),
  batch: always('schedules'),
  'systemd-run': (args) => (args.some((arg) => arg.startsWith('--on-')) ? 'schedules' : undefined),
  schtasks: (args) => (args.some((arg) => /^\/create$/i.test(arg)) ? 'schedules' : undefined),
  passwd: (args) => (args.some((arg) => /^(?:-S|--status)$/.test(arg)) ? undefined : 'touches_keys'),
  chpasswd: always('touches_keys'),
  useradd: always('touches_keys'),
  adduser: always('touches_keys'),
  userdel: always('touches_keys'),
  deluser: always('touches_keys'),
  usermod: always('touches_keys'),
  groupadd: always('touches_keys'),
  'ssh-copy-id': always('touches_keys'),
  security: (args) =>
    /^(?:find-|dump-|export|delete-|unlock-|add-)/.test(args[0] ?? '') ? 'touches_keys' : undefined,
  gpg: (args) =>
    args.some((arg) => /^--(?:export-secret|delete-(?:secret|key))/.test(arg)) ? 'touches_keys' : undefined,
  'secret-tool': always('touches_keys'),
  gh: (args) => {
    const text = args.join(' ')
    if (/^auth token|^auth status.*(?:-t\b|--show-token)/.test(text)) return 'touches_keys'
    return /^(?:repo|release|secret|variable|issue|ssh-key|gpg-key) delete|^repo (?:archive|edit .*--visibility)/.test(
      text,
    )
      ? 'destroys_cloud'
      : undefined
  },
  psql: sql,
  mysql: sql,
  mariadb: sql,
  sqlite3: sql,
  sqlcmd: sql,
  mongosh: sql,
  mongo: sql,
  clickhouse: sql,
  'clickhouse-client': sql,
  duckdb: sql,
  cqlsh: sql,
  dropdb: always('drops_data'),
  dropuser: always('drops_data'),
  mysqladmin: (args) => (args.includes('drop') ? 'drops_data' : undefined),
  'redis-cli': (args, how) =>
    /\b(?:flushall|flushdb|shutdown|debug|config\s+set)\b/i.test(`${args.join(' ')} ${how.stdin ?? ''}`)
      ? 'drops_data'
      : undefined,
  rails: (args) => (args.some((arg) => /^db:(?:drop|reset|purge)/.test(arg)) ? 'drops_data' : undefined),
  rake: (args) => (args.some((arg) => /^db:(?:drop|reset|purge)/.test(arg)) ? 'drops_data' : undefined),
  prisma: (args) =>
    /migrate reset|--force-reset|--accept-data-loss/.test(args.join(' ')) ? 'drops_data' : undefined,
  'manage.py': (args) => (/^(?:flush|reset_db|sqlflush)/.test(args[0] ?? '') ? 'drops_data' : undefined),
  terraform: (args) =>
    args.includes('destroy') ||
    args.includes('-destroy') ||
    (args.includes('apply') && args.some((arg) => /^--?auto-approve/.test(arg))) ||
    /^state (?:rm|push)/.test(args.join(' '))
      ? 'destroys_cloud'
      : undefined,
  tofu: (args) => (args.includes('destroy') || args.includes('-destroy') ? 'destroys_cloud' : undefined),
  pulumi: (args) => (/^(?:destroy|stack rm)/.test(args.join(' ')) ? 'destroys_cloud' : undefined),
  cdk: (args) => (args[0] === 'destroy' ? 'destroys_cloud' : undefined),
  serverless: (args) => (args[0] === 'remove' ? 'destroys_cloud' : undefined),
  kubectl: (args) =>
    /^(?:delete|drain|cordon)\b/.test(args.filter((arg) => !arg.startsWith('-')).join(' ')) ||
    args.some((arg) => arg === '--replicas=0') ||
    args.includes('delete')
      ? 'destroys_cloud'
      : undefined,
  helm: (args) => (/^(?:uninstall|delete|rollback)$/.test(args[0] ?? '') ? 'destroys_cloud' : undefined),
  aws: (args) =>
    /\b(?:delete-|terminate-|remove-|deregister-|purge-|s3 rb\b|s3 rm\b[^]*--recursive|s3 sync\b[^]*--delete)/.test(
      args.join(' '),
    )
      ? 'destroys_cloud'
      : undefined,
  gcloud: (args) =>
    args.some((arg) => /^(?:delete|remove|destroy)$/.test(arg)) ? 'destroys_cloud' : undefined,
  gsutil: (args) => (args.some((arg) => arg === 'rm' || arg === 'rb') ? 'destroys_cloud' : undefined),
  az: (args) => (args.some((arg) => /^(?:delete|purge|remove)$/.test(arg)) ? 'destroys_cloud' : undefined),
  doctl: (args) => (args.some((arg) => /^(?:delete|destroy|rm)$/.test(arg)) ? 'destroys_cloud' : undefined),
  heroku: (args) => (/:(?:destroy|delete|reset)$/.test(args[0] ?? '') ? 'destroys_cloud' : undefined),
  fly: (args) => (args.includes('destroy') ? 'destroys_cloud' : undefined),
  flyctl: (args) => (args.includes('destroy') ? 'destroys_cloud' : undefined),
  vercel: (args) => (/^(?:rm|remove)$/.test(args[0] ?? '') ? 'destroys_cloud' : undefined),
  docker: container,
  podman: container,
  npm: (args) =>
    /^(?:unpublish|deprecate|owner|access|token)$/.test(args[0] ?? '') ? 'destroys_cloud' : undefined,
  iptables: (args) =>
    args.some((arg) => /^(?:-\w*[FXDZ]|--flush|--delete|-P|--policy)/.test(arg))
      ? 'weakens_guard'
      : undefined,
  ip6tables: (args) =>
    args.some((arg) => /^(?:-\w*[FXDZ]|--flush|--delete|-P|--policy)/.test(arg))
      ? 'weakens_guard'
      : undefined,
  nft: (args) => (/\b(?:flush|delete)\b/.test(args.join(' ')) ? 'weakens_guard' : undefined),
  ufw: (args) =>
    /^(?:disable|reset)$/.test(args.find((arg) => !arg.startsWith('-')) ?? '') ? 'weakens_guard' : undefined,
  setenforce: always('weakens_guard'),
  'aa-disable': always('weakens_guard'),
  'aa-teardown': always('weakens_guard'),
  csrutil: (args) => (args[0] === 'disable' ? 'weakens_guard' : undefined),
  spctl: (args) => (args.some((arg) => /disable/.test(arg)) ? 'weakens_guard' : undefined),
  auditctl: (args) => (args.some((arg) => /^-[De]/.test(arg)) ? 'weakens_guard' : undefined),
  swapoff: always('stops_machine'),
  umount: (args) => (args.some((arg) => /^-\w*a|^\/$/.test(arg)) ? 'stops_machine' : undefined),
  mount: (args) =>
    args.length > 0 && !args.every((arg) => /^-l$|^-t$|^\w+$/.test(arg)) ? 'overwrites_system' : undefined,
  insmod: always('overwrites_system'),
  modprobe: (args) =>
    args.some((arg) => /^-\w*[nD]|^--(?:dry-run|show)/.test(arg)) ? undefined : 'overwrites_system',
  rmmod: always('overwrites_system'),
  sysctl: (args) => (args.some((arg) => /^-\w*[wp]|=/.test(arg)) ? 'overwrites_system' : undefined),
  'update-rc.d': always('schedules'),
  chsh: always('touches_keys'),
  nc: (args) =>
    args.some((arg) => /^-\w*[ec]\b|^--(?:exec|sh-exec)/.test(arg) && !/^-\w*[zv]+$/.test(arg))
      ? 'opens_shell'
      : undefined,
  ncat: (args) =>
    args.some((arg) => /^-\w*[ec]\b|^--(?:exec|sh-exec|lua-exec)/.test(arg)) ? 'opens_shell' : undefined,
  netcat: (args) => (args.some((arg) => /^-\w*[ec]\b/.test(arg)) ? 'opens_shell' : undefined),
  socat: (args) => (args.some((arg) => /\b(?:exec|system|shell):/i.test(arg)) ? 'opens_shell' : undefined),
  journalctl: (args) =>
    args.some((arg) => /^--(?:vacuum|rotate|flush)/.test(arg)) ? 'wipes_history' : undefined,
  auditd: always('weakens_guard'),
  wevtutil: (args) => (/^(?:cl|clear-log)$/.test(args[0] ?? '') ? 'wipes_history' : undefined),
  vssadmin: (args) => (args[0] === 'delete' ? 'destroys_cloud' : undefined),
  tmutil: (args) => ((args[0] ?? '').startsWith('delete') ? 'destroys_cloud' : undefined),
  del: (args) => (args.some((arg) => /^\/s$/i.test(arg)) ? 'deletes_wide' : undefined),
  apt: packages,
  'apt-get': packages,
  yum: packages,
  dnf: packages,
  pacman: (args) => (args.some((arg) => arg.startsWith('-R')) ? 'overwrites_system' : undefined),
}

/** Adds what is dangerous about one command. */
export function findHazards(
  analysis: Analysis,
  program: string,
  args: readonly string[],
  how: Invocation,
): void {
  if (/^mkfs(?:\.\w+)?$|^mke2fs$|^newfs/.test(program)) analysis.hazard('overwrites_device', program)
  const rule = Object.hasOwn(RULES, program) ? RULES[program] : undefined
  const found = rule?.(
    args.map((arg) => arg.replaceAll(HOME, '~')),
    how,
    analysis,
  )
  if (found === 'options') analysis.opaque('options', program)
  else if (found !== undefined) analysis.hazard(found, program)
}

function mode(args: readonly string[]): ReturnType<Rule> {
  const recursive = args.some((arg) => /^-\w*R|^--recursive$/.test(arg))
  const [bits = '', ...paths] = args.filter((arg) => !/^-(?:-|[a-zA-Z]*[Rcfv]+$)/.test(arg))
  if (!isKnown(bits)) return 'options'
  if (/^[0-7]?[2467][0-7]{3}$/.test(bits) && bits.length >= 4 && /^0*[2467][0-7]{3}$/.test(bits))
    return 'opens_permissions'
  if (/[ugo+=,]\w*s/.test(bits)) return 'opens_permissions'
  const open = /^0?[0-7]{0,2}[2367]$/.test(bits) || /(?:^|,)(?:[ugo]*[oa][ugo]*)?[+=][rxXt]*w/.test(bits)
  const system = paths.some((path) =>
    /^(?:\/|\/(?:etc|usr|bin|sbin|lib|var|root|home|boot|opt)(?:\/.*)?|~(?:\/\.ssh.*)?)$/.test(path),
  )
  if (open && (recursive || system)) return 'opens_permissions'
  return recursive && system ? 'opens_permissions' : undefined
}

function owner(args: readonly string[]): ReturnType<Rule> {
  const recursive = args.some((arg) => /^-\w*R|^--recursive$/.test(arg))
  const paths = args.filter((arg) => !arg.startsWith('-')).slice(1)
  return paths.some((path) =>
    (recursive
      ? /^(?:\/|\/[\w.-]+|\/(?:etc|usr|bin|var|home|lib)\/.*|~|\.\.(?:\/.*)?)$/
      : /^\/(?:etc|usr|bin|sbin|lib|boot)\b/
    ).test(path),
  )
    ? 'opens_permissions'
    : undefined
}

function kill(args: readonly string[]): ReturnType<Rule> {
  const { operands } = readOptions(args, ['s', 'n'])
  const dash = args.indexOf('--')
  const numbers = args.filter((arg) => /^-?\d+$/.test(arg))
  if (operands.includes('1') || (dash !== -1 && args.slice(dash + 1).includes('-1'))) return 'kills_widely'
  return numbers.at(-1) === '-1' && numbers.length > 1
    ? 'kills_widely'
    : args.length > 1 && args.at(-1) === '-1'
      ? 'kills_widely'
      : undefined
}

/** Statements that remove more than rows somebody named. */
const SQL_LOSS =
  /\b(?:drop\s+(?:table|database|schema|user|role|index|view|keyspace|collection)|truncate\b|dropDatabase|\.drop\s*\(|deleteMany\s*\(\s*\{\s*\}|delete\s+from\s+[\w."`]{1,100}\s*(?:;|$|["'])|alter\s+table\s+[\w."`]{1,100}\s+drop\b|grant\s+all)/i

function sql(args: readonly string[], { stdin }: Invocation): ReturnType<Rule> {
  const text = [...args, stdin ?? '']
    .map((part) => part.replaceAll(/\/\*[^*]{0,500}\*\//g, ' ').replaceAll(/--[^\n]{0,500}\n/g, ' '))
    .join('\n')
  if (SQL_LOSS.test(text)) return 'drops_data'
  if (/\bupdate\s+[\w."`]{1,100}\s+set\b(?![^;]{0,2000}\bwhere\b)/i.test(text)) return 'drops_data'
  return text.includes(UNKNOWN) && args.some((arg) => /^-\w*[ce]$|^--(?:command|execute|eval)/.test(arg))
    ? 'options'
    : undefined
}

function container(args: readonly string[]): ReturnType<Rule> {
  const text = args.join(' ')
  if (
    /\b(?:system|volume|image|container|network|builder) prune\b|\bvolume rm\b|\bcompose\b[^]*\bdown\b[^]*(?:-v\b|--volumes)|\bswarm leave\b/.test(
      text,
    )
  )
    return 'destroys_cloud'
  if (
    /\bkill\b|\brm\b/.test(args[0] ?? '') &&
    args.some((arg) => arg.includes(UNKNOWN) || arg.includes(SPLIT))
  )
    return 'destroys_cloud'
  const mounts = args.some((arg, index) => {
    const value = /^(?:-v|--volume)=/.test(arg)
      ? arg.slice(arg.indexOf('=') + 1)
      : /^(?:-v|--volume)$/.test(args[index - 1] ?? '')
        ? arg
        : ''
    return /^(?:\/|\/(?:etc|root|home|var|usr|boot|dev|proc|sys|var\/run\/docker\.sock|run\/docker\.sock)|~):/.test(
      value,
    )
  })
  if (
    mounts ||
    args.some((arg) =>
      /^--privileged(?:=true)?$|^--(?:pid|ipc|userns|net|network)=host$|^--cap-add=(?:ALL|SYS_ADMIN)|type=bind,(?:src|source)=\/,/i.test(
        arg,
      ),
    )
  )
    return 'opens_permissions'
  return undefined
}

function packages(args: readonly string[]): ReturnType<Rule> {
  return args.some((arg) => /^(?:remove|purge|autoremove|erase|dist-upgrade|full-upgrade)$/.test(arg))
    ? 'overwrites_system'
    : undefined
}
