import type { Divergence, Step } from './session-book.ts'

/** What the one who replays tells the process in which the agent runs. */
export type ToStage =
  | {
      readonly type: 'start'
      readonly steps: readonly Step[]
      readonly volatile: readonly string[]
      /** The port of the harness at the time, where it is free. */
      readonly port: number
      readonly timing: boolean
      readonly command: readonly string[]
      readonly cwd: string
      readonly env: Readonly<Record<string, string>>
      /** The agent's output goes to standard error: standard output is for the report. */
      readonly quiet: boolean
      readonly fork: number | null
    }
  /** The answer to what was sent on. */
  | {
      readonly type: 'head'
      readonly id: number
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
    }
  | { readonly type: 'piece'; readonly id: number; readonly bytes: string }
  | { readonly type: 'end'; readonly id: number; readonly broken: boolean }

/** What that process tells back. */
export type FromStage =
  | { readonly type: 'ready' }
  | {
      readonly type: 'forward'
      readonly id: number
      readonly method: string
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      /** Base 64. */
      readonly body: string
    }
  | { readonly type: 'done'; readonly report: StageReport }
  | { readonly type: 'failed'; readonly message: string }

export interface StageReport {
  readonly steps: number
  readonly answered: number
  readonly divergence: Divergence | null
  /** Steps that nobody asked for. */
  readonly left: readonly { readonly step: number; readonly action: string; readonly request: string }[]
  readonly exit: { readonly code: number | null; readonly signal: string | null }
  /** Interfaces of the network, beside loopback, that the agent could see. */
  readonly interfaces: readonly string[]
  /** What the replay itself took of the processor, ms, the agent not counted. */
  readonly cpuMs: number
}
