import type { HazardKind, OpaqueKind, PathRole } from './facts.ts'
import type { Scope } from './scope.ts'

/** What flows into a command: `null` is what the whole line is given, a text may hold marks. */
export type Stdin = string | null

/** How a command is started. */
export interface Invocation {
  readonly scope: Scope
  readonly stdin: Stdin
  readonly via: readonly string[]
  /** Programs only: `command ls` is not the function `ls`. */
  readonly programsOnly?: boolean
}

/** What the parts of the analysis may do with each other and with the facts. */
export interface Analysis {
  /** Reads a text as shell code and follows it. Answers what it prints. */
  runCode(code: string, how: Invocation): string
  /** Follows one command after expansion. Answers what it prints. */
  runProgram(argv: readonly string[], how: Invocation): string
  /** `written` is as the command has it; one use for each place the shell may stand in. */
  usePath(role: PathRole, written: string, program: string, scope: Scope, recursive?: boolean): void
  useHost(host: string, program: string): void
  opaque(what: OpaqueKind, program: string): void
  hazard(kind: HazardKind, program: string): void
  /** Normal forms of a path; links made by the line itself are followed. */
  places(written: string, scope: Scope): readonly string[]
  /** What the line itself has put in a file, or which program it has copied there. */
  readonly files: Map<string, { readonly content: string } | { readonly program: string }>
  readonly links: Map<string, string>
}
