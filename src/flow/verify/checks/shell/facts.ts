/** What a command line does, as far as its text tells. Texts may hold the marks of `marks.ts`. */
export interface ShellFacts {
  readonly commands: readonly ShellCommand[]
  readonly paths: readonly PathUse[]
  readonly hosts: readonly HostUse[]
  /** What cannot be known before it runs. */
  readonly opaque: readonly Opaque[]
  readonly hazards: readonly Hazard[]
  /** The line was not read to its end: not shell, or more than the bounds allow. Holds why. */
  readonly unread: string | null
}

/** One simple command, wrappers such as `sudo` and `env` taken off. */
export interface ShellCommand {
  /** Base name, lower case extensions kept; `null` when it cannot be known. */
  readonly program: string | null
  /** As it was written, path included. */
  readonly written: string
  readonly args: readonly string[]
  /** What it was found inside of, outermost first: `sudo`, `xargs`, `bash -c` … */
  readonly via: readonly string[]
}

export type PathRole = 'read' | 'write' | 'delete'

export interface PathUse {
  readonly role: PathRole
  /** Normal form: `/…`, `~/…`, or relative to where the line starts (`./…`, `../…`). */
  readonly path: string
  readonly program: string
  /** Everything below the path is meant too. */
  readonly recursive: boolean
}

export interface HostUse {
  readonly host: string
  readonly program: string
}

export interface Opaque {
  readonly what: OpaqueKind
  readonly program: string
}

/** Why something cannot be known. The sentences are in `OPAQUE_MESSAGES`. */
export type OpaqueKind = keyof typeof OPAQUE_MESSAGES

export const OPAQUE_MESSAGES = {
  program: 'which program runs is only known when it runs',
  code: 'it runs code that is only known when it runs',
  one_liner: 'it runs code of another language, given on the line',
  deletes: 'what it deletes is only known when it runs',
  writes: 'where it writes is only known when it runs',
  options: 'options that matter are only known when it runs',
  environment: 'it changes how programs are found or started',
  interactive: 'it starts a shell or interpreter that reads further commands',
  depth: 'it is nested more deeply than is read',
} as const

export type HazardKind = keyof typeof HAZARD_MESSAGES

export interface Hazard {
  readonly kind: HazardKind
  readonly program: string
}

export const HAZARD_MESSAGES = {
  deletes_wide: 'deletes a whole tree that matters: a system folder, a home, or the folder it works in',
  overwrites_device: 'writes to a disk or formats one',
  overwrites_system: 'changes files of the system',
  fork_bomb: 'starts copies of itself without end',
  force_push: 'rewrites or removes what was pushed',
  discards_work: 'throws away work that was not committed',
  opens_permissions: 'opens or takes the rights of a whole tree, or makes a program run as root',
  stops_machine: 'stops the machine or services that others need',
  kills_widely: 'ends processes that it did not start',
  runs_download: 'runs what it downloads',
  schedules: 'arranges that something runs later or at every login',
  touches_keys: 'reads or changes keys, passwords or who may log in',
  wipes_history: 'wipes the traces of what was done',
  drops_data: 'drops tables or databases',
  destroys_cloud: 'destroys machines, volumes or buckets',
  opens_shell: 'hands a shell to the network',
  weakens_guard: 'switches off a guard of the system',
} as const
