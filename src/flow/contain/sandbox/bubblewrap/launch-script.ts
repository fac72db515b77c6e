import type { Quotas } from '../provider.ts'

/** Descriptors of the launching shell beside its standard streams; one digit each, dash knows no more. */
const CHANNEL_FD = 3
export const LOG_FD = 4
export const STATUS_FD = 5
export const SECCOMP_FD = 6
const ARGUMENTS_FD = 7
/** Standard error, while what the launcher says goes to its log. */
const KEPT_FD = 8
/** By which the harness says that the command may begin, and is told that there is none. */
export const GO_FD = 9
export const FIRST_FILE_FD = 10

/** Where a mount that only this sandbox sees is put together: nothing of the host's /run is needed by then. */
const STAGE = '/run'

/** Exit codes of the shell, none of which bwrap gives itself before the command runs. */
export const STEPS: Readonly<Record<number, string>> = {
  91: 'its process could not enter the control group',
  92: 'its folders could not be mounted',
  93: 'its network could not be set up',
  94: 'its sockets could not be handed over',
  95: 'the limit of open files could not be set (open_files above the hard limit?)',
  96: 'the harness ended while the sandbox was launched',
}

export interface LaunchPlan {
  /** `null`: an ordinary user, who gets root's rights in a user namespace alone. */
  readonly uid: number | null
  readonly gateway: boolean
  readonly joins: readonly string[]
  readonly openFiles: Quotas['openFiles']
  /** What begins the shell's command line. */
  readonly shell: readonly [string, ...string[]]
  /** Descriptors that this process would leave open in all that it starts, and that nobody gave to the sandbox. */
  readonly leaks: readonly number[]
  readonly programs: Readonly<Record<'ip' | 'setpriv' | 'mount' | 'unshare' | 'bwrap', string>>
  /** Command that hands over the sockets. */
  readonly passer: readonly string[]
  /** What root binds where its agent's uid can reach it: sources on the host, in order. */
  readonly staged: readonly { readonly source: string; readonly isFolder: boolean }[]
  readonly command: readonly string[]
}

/** The path at which a staged source is found by bwrap. */
export function stagedAt(index: number): string {
  return `${STAGE}/${index}`
}

/** For `setpriv`; a change of user takes it back, so that it is said again there. */
const DIES = '--pdeathsig=KILL'

/** The parent may have died before its death was listened to. */
const HAS_PARENT = `read -r _ _ _ parent _ </proc/$$/stat; [ "$parent" = ${process.pid} ] || exit 96`

/**
 * What runs in the sandbox until the harness has seen that the sandbox ends with it. bwrap's first process listens to
 * the death of its parent only once all is mounted: a harness that died before that would leave an agent behind.
 */
const WAITS = `read -r _ <&${GO_FD} || exit 96
case $1 in
*/*) [ -x "$1" ] && [ ! -d "$1" ] ;;
*) command -v -- "$1" >/dev/null ;;
esac || { echo "$1: no such program, or not executable" >&2; echo >&${GO_FD}; exit 127; }
exec ${GO_FD}<&-
exec "$@"`

/**
 * The command line that ends in bwrap: every program replaces the one before, so that the process that was started is
 * the one that ends with the sandbox. The namespaces of network and mounts belong to root outside (or to the user's
 * outer namespace), never to one in which the agent could have rights.
 */
export function launchCommand(plan: LaunchPlan): readonly [string, ...string[]] {
  const { programs, uid, gateway } = plan
  const shell = [...plan.shell, '-c', launchScript(plan), 'sh'] as const
  const user = uid === null ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all']
  const bwrap = [
    programs.setpriv,
    ...user,
    DIES,
    '--',
    // A harness that died while nothing listened to its death, as during the change of user, is noticed here.
    ...plan.shell,
    '-c',
    `${HAS_PARENT}; exec "$@"`,
    'sh',
    programs.bwrap,
    '--args',
    String(ARGUMENTS_FD),
    '--',
    ...plan.shell,
    '-c',
    WAITS,
    'sh',
    ...plan.command,
  ]
  const namespaces =
    uid === null
      ? gateway
        ? ['--user', '--map-root-user', '--net']
        : []
      : ['--mount', '--propagation=private', ...(gateway ? ['--net'] : [])]
  // A harness that is killed in the middle of a launch takes it along, until bwrap sees to that itself.
  const tied = uid === null ? [] : [programs.setpriv, DIES, '--']
  const unshared = namespaces.length === 0 ? [] : [programs.unshare, ...namespaces, '--']
  const [first, ...rest] = [...tied, ...unshared, ...shell, ...bwrap]
  return [first!, ...rest]
}

function launchScript({ programs, gateway, joins, openFiles, leaks, passer, staged }: LaunchPlan): string {
  const log = `2>&${LOG_FD}`
  const lines = [`exec ${KEPT_FD}>&2 ${log}`, HAS_PARENT]
  if (leaks.length > 0) lines.push(`exec ${leaks.map((descriptor) => `${descriptor}>&-`).join(' ')}`)
  for (const file of joins) lines.push(`echo 0 >${quoted(file)} || exit 91`)
  // Whatever the machine runs out of, agents go before the harness.
  lines.push('echo 500 >/proc/self/oom_score_adj', 'umask 022')
  if (staged.length > 0) lines.push(...stageLines(programs.mount, staged))
  if (gateway) {
    lines.push(
      `${programs.ip} -batch - <<'END' || exit 93`,
      'link set lo up',
      'addr add 198.18.0.0/15 dev lo',
      'route add local 0.0.0.0/0 dev lo',
      'END',
      `${passer.map(quoted).join(' ')} </dev/null >&${LOG_FD} || exit 94`,
    )
  }
  if (gateway) lines.push(HAS_PARENT)
  // After Node, which needs many descriptors for itself.
  if (openFiles !== undefined) lines.push(`ulimit -n ${openFiles} || exit 95`)
  lines.push('ulimit -c 0', 'unset NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE')
  lines.push(`exec 2>&${KEPT_FD} ${KEPT_FD}>&- ${CHANNEL_FD}>&- ${LOG_FD}>&-`, 'exec "$@"')
  return lines.join('\n')
}

function stageLines(mount: string, staged: LaunchPlan['staged']): string[] {
  const folders = staged.flatMap(({ isFolder }, index) => (isFolder ? [stagedAt(index)] : []))
  return [
    `${mount} -n -t tmpfs -o size=256k,mode=755,nosuid,nodev belay ${STAGE} || exit 92`,
    ...(folders.length > 0 ? [`mkdir ${folders.join(' ')} || exit 92`] : []),
    ...staged.flatMap(({ source, isFolder }, index) => [
      ...(isFolder ? [] : [`: >${stagedAt(index)} || exit 92`]),
      `${mount} -n --bind ${quoted(source)} ${stagedAt(index)} || exit 92`,
    ]),
  ]
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
