import { parseBytes } from './byte-size.ts'
import type { ActionEntry } from './compile-action.ts'
import type { Report } from './compilation.ts'
import { parseDuration } from './duration.ts'
import type { Capability, RESTARTS, SANDBOX_PROVIDERS } from './schema-sandbox.ts'
import type { DocumentPath } from './yaml-document.ts'

export type SandboxProviderName = (typeof SANDBOX_PROVIDERS)[number]
export type Restart = (typeof RESTARTS)[number]

/** `agents.NAME.sandbox`. Bytes, cores and ms; what is absent is not limited. */
export interface SandboxRule {
  readonly provider: SandboxProviderName | null
  /** Of containers. */
  readonly image: string | null
  readonly quotas: {
    readonly memory?: number
    readonly cpu?: number
    readonly processes?: number
    readonly wallTime?: number
    readonly disk?: number
    readonly openFiles?: number
    readonly requests?: number
  }
  readonly require: readonly Capability[]
  readonly env: Readonly<Record<string, string>>
  readonly readOnly: readonly string[]
}

/** What an agent is run as: `agents.NAME.{command,workspace,restart,sandbox}`. */
export interface RunRule {
  /** `null`: Belay does not start it. */
  readonly command: readonly string[] | null
  /** Absolute; `null`: its folder among the data. */
  readonly workspace: string | null
  readonly restart: Restart
  readonly sandbox: SandboxRule
}

/** The words of `belay.yaml`, after the schema was held against them. */
export interface RunEntry {
  readonly command?: readonly string[]
  readonly workspace?: string
  readonly restart?: Restart
  readonly sandbox?: {
    readonly provider?: SandboxProviderName
    readonly image?: string
    readonly memory?: string
    readonly cpu?: number
    readonly processes?: number | 'none'
    readonly wall_time?: string
    readonly disk?: string
    readonly open_files?: number
    readonly requests?: number
    readonly require?: readonly Capability[]
    readonly env?: Readonly<Record<string, string>>
    readonly read_only?: readonly string[]
  }
}

/**
 * What holds for `agent.run` where the policy has no entry of that very name: whoever may type `belay run` may run it,
 * for as long as its quotas let it.
 */
export const RUN_ENTRY: { readonly pattern: string; readonly entry: ActionEntry } = {
  pattern: 'agent.run',
  entry: { effect: 'write', timeout: '3650d' },
}

const MIN_MEMORY = 16 * 1024 ** 2
const MEMORY = 2 * 1024 ** 3
const PROCESSES = 512

/** What holds for an agent of which the policy says nothing. */
export const DEFAULT_RUN: RunRule = compileRun(
  {},
  [],
  () => undefined,
  (path) => path,
)

/** Compiles how an agent is run; `resolve` makes a path absolute. */
export function compileRun(
  entry: RunEntry,
  path: DocumentPath,
  report: Report,
  resolve: (path: string) => string,
): RunRule {
  const { command, workspace, restart = 'on-failure', sandbox = {} } = entry
  const at = (...more: (string | number)[]): DocumentPath => [...path, ...more]
  if (command === undefined && entry.restart !== undefined)
    report(at('restart'), 'policy:sandbox', 'a command that could be started again', 'no command')
  const memory = sandbox.memory === 'none' ? undefined : bytesOf(sandbox.memory, MEMORY)
  if (memory !== undefined && memory < MIN_MEMORY)
    report(at('sandbox', 'memory'), 'policy:sandbox', 'at least 16MiB', sandbox.memory ?? '')
  const processes = sandbox.processes === 'none' ? undefined : (sandbox.processes ?? PROCESSES)
  const wallTime = sandbox.wall_time === undefined ? undefined : parseDuration(sandbox.wall_time)
  const disk = sandbox.disk === undefined ? undefined : parseBytes(sandbox.disk)
  for (const [index, one] of (sandbox.read_only ?? []).entries())
    if (one.split('/').includes('..'))
      report(at('sandbox', 'read_only', index), 'policy:sandbox', 'a path without ..', one)
  return Object.freeze({
    command: command === undefined ? null : Object.freeze([...command]),
    workspace: workspace === undefined ? null : resolve(workspace),
    restart,
    sandbox: Object.freeze({
      provider: sandbox.provider ?? null,
      image: sandbox.image ?? null,
      quotas: Object.freeze({
        ...(memory !== undefined && { memory }),
        ...(sandbox.cpu !== undefined && { cpu: sandbox.cpu }),
        ...(processes !== undefined && { processes }),
        ...(wallTime !== undefined && { wallTime }),
        ...(disk !== undefined && { disk }),
        ...(sandbox.open_files !== undefined && { openFiles: sandbox.open_files }),
        ...(sandbox.requests !== undefined && { requests: sandbox.requests }),
      }),
      require: Object.freeze([...(sandbox.require ?? [])]),
      env: Object.freeze({ ...sandbox.env }),
      readOnly: Object.freeze([...(sandbox.read_only ?? [])]),
    }),
  })
}

function bytesOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (parseBytes(text) ?? otherwise)
}
