import type { SandboxSpec } from '../provider.ts'

/** As every sandbox has it, so that the same policy fits every provider. */
export const WORKSPACE = '/workspace'
const TMP = 'rw,nosuid,nodev,size=64m,mode=1777'
const HOME = '/home/agent'

export interface ContainerPlan {
  readonly name: string
  readonly image: string
  /** Marks what belongs to this installation. */
  readonly label: string
  /** Path of the seccomp profile. */
  readonly seccomp: string
  /** Where the environment lies, so that it is in no list of processes. */
  readonly envFile: string
  /** Path of the authorities that programs inside trust; `null`: the image's own. */
  readonly caBundle: string | null
  readonly owner: { readonly uid: number; readonly gid: number }
  readonly runtimeOptions: readonly string[]
  /** The command waits for a line on its input before it begins. */
  readonly waits: boolean
}

/** The options of `create`: everything that is not needed is taken away, and nothing of it by a default. */
export function createArguments(
  spec: SandboxSpec,
  workspace: string,
  plan: ContainerPlan,
): readonly string[] {
  const { quotas, cwd, readOnly = [], stdio } = spec
  return [
    'create',
    ...plan.runtimeOptions,
    '--name',
    plan.name,
    '--label',
    plan.label,
    '--network',
    'none',
    '--read-only',
    '--cap-drop',
    'ALL',
    '--security-opt',
    'no-new-privileges',
    '--security-opt',
    `seccomp=${plan.seccomp}`,
    '--user',
    `${plan.owner.uid}:${plan.owner.gid}`,
    '--hostname',
    'agent',
    '--ipc',
    'private',
    '--pull',
    'never',
    // What the image says of health checks and log files is not run and not kept.
    '--no-healthcheck',
    '--log-driver',
    'none',
    '--env-file',
    plan.envFile,
    ...['/tmp', '/run', HOME].flatMap((path) => ['--tmpfs', `${path}:${TMP}`]),
    ...readOnly.flatMap((path) => ['--mount', mount(path, path, true)]),
    ...(plan.caBundle === null
      ? []
      : ['--mount', mount(plan.caBundle, '/etc/ssl/certs/ca-certificates.crt', true)]),
    '--mount',
    mount(workspace, WORKSPACE, false),
    '--workdir',
    cwd === undefined ? WORKSPACE : cwd.startsWith('/') ? cwd : `${WORKSPACE}/${cwd}`,
    ...limits(quotas),
    ...(stdio === 'pipe' || plan.waits ? ['--interactive'] : []),
    '--entrypoint',
    plan.waits ? '/bin/sh' : spec.command[0]!,
    plan.image,
    // The line is read byte by byte: what follows it is the command's.
    ...(plan.waits ? ['-c', 'read -r go && exec "$@"', 'sh', ...spec.command] : spec.command.slice(1)),
  ]
}

function limits({ memory, cpu, processes, openFiles = 1_024 }: SandboxSpec['quotas']): string[] {
  const most = Math.max(1_024, processes ?? 0)
  return [
    // No swap: both limits are the same.
    ...(memory === undefined ? [] : ['--memory', `${memory}b`, '--memory-swap', `${memory}b`]),
    ...(cpu === undefined ? [] : ['--cpus', String(cpu)]),
    ...(processes === undefined ? [] : ['--pids-limit', String(processes)]),
    '--ulimit',
    `nofile=${openFiles}:${openFiles}`,
    '--ulimit',
    'core=0:0',
    // Counted for the user, not the container: the limit of the container is the one that holds. An engine that is told
    // nothing asks for more than the harness itself may have.
    '--ulimit',
    `nproc=${most}:${most}`,
  ]
}

/** A value of `--mount` is a line of CSV. */
function mount(source: string, target: string, readOnly: boolean): string {
  const fields = ['type=bind', `source=${source}`, `target=${target}`, ...(readOnly ? ['readonly'] : [])]
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')
}

/** The environment as `--env-file` reads it. Values of more than one line cannot be said there. */
export function envFile(env: SandboxSpec['env']): string {
  const all = { HOME, USER: 'agent', LOGNAME: 'agent', LANG: 'C.UTF-8', ...env }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
