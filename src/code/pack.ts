import type { CodeFinding, CodeSeverity } from './finding.ts'
import type { Program } from './flow-graph/program.ts'

export interface RuleInfo {
  /** `pack/rule`. */
  readonly id: string
  readonly title: string
  readonly cwe: string | null
  /** Other standards' words, as `GDPR Art. 17`, `OWASP A03:2021`. */
  readonly tags: readonly string[]
  readonly severity: CodeSeverity
  /** What to do about it. */
  readonly help: string
}

/** A set of rules over a whole program. A pack that throws is reported as skipped; the others still run. */
export interface Pack {
  readonly name: string
  readonly rules: readonly RuleInfo[]
  run(program: Program): readonly CodeFinding[]
  /** Has other processes find out what `run` will want to know, while other packs run; without it `run` waits itself. */
  ahead?(program: Program): Promise<void>
}
