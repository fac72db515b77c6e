import type { OutcomeReport, Proposal, StateName } from '../../action/action.ts'
import type { Decision } from '../../action/decision.ts'
import type { Reason } from '../../action/finding.ts'
import type { JsonObject } from '../../action/json.ts'
import type { McpExchange } from '../recording/recording-of-exchange.ts'

/** An action as the gateway needs to know it. */
export interface Standing {
  readonly id: string
  readonly version: number
  readonly state: StateName
  readonly effective: Decision
  readonly reasons: readonly Reason[]
  /** What may be executed: redacted if a check said so. */
  readonly input: JsonObject
  readonly approval: { readonly id: string; readonly groups: readonly string[] } | null
  /** While held: how long a door waits for the person, ms. */
  readonly approvalWait: number
  /** While executing: how long the effect may take from now, ms. */
  readonly limit: number | null
}

/** What the checks made of a result. `deny`: the agent does not get it. */
export interface JudgedResult {
  readonly effective: Decision
  readonly reasons: readonly Reason[]
  /** What the agent may read. */
  readonly result: JsonObject
}

/** A tool's definition that was put before the pipeline, newest first. */
export interface PinAction {
  readonly id: string
  readonly tool: string
  readonly digest: string
  readonly state: StateName
}

/** The pipeline as the gateway uses it: in this process, or a running harness by its HTTP API. */
export interface ActionDoor {
  propose(proposal: Proposal, start: boolean): Promise<Standing>
  /** As it stands now. */
  get(id: string): Promise<Standing>
  /** The action when it changes, or as it is after `ms`. */
  wait(known: Standing, ms: number, signal: AbortSignal): Promise<Standing>
  /** Takes the one permission to execute. */
  start(id: string): Promise<Standing>
  cancel(id: string): Promise<void>
  /**
   * Judges what came back by the policy's `result:` checks and reports the outcome with what is left of it. Where there
   * are no such checks the answer is `null`.
   */
  finish(id: string, report: OutcomeReport & { readonly result: JsonObject }): Promise<JudgedResult | null>
  /** `unhurried`: nobody waits for it, so it may be recorded a few milliseconds later, with another commit. */
  report(id: string, report: OutcomeReport, how?: { readonly unhurried?: boolean }): Promise<void>
  /** Whether exchanges are kept, as far as is known here. */
  keeps(): boolean
  /** Keeps what was asked and answered beside an action, where the policy says so. */
  keep(id: string, exchange: McpExchange): Promise<void>
  vote(
    approvalId: string,
    by: string,
    outcome: 'approve' | 'reject',
    reason: string | undefined,
  ): Promise<void>
  /** What is known of the tools of a server, of the agent in whose name they are pinned. */
  pins(agent: string, server: string): Promise<readonly PinAction[]>
}

/** The action under which tool definitions are put before the pipeline. */
export const PIN_ACTION = 'mcp.pin'

/** Sessions of pins: the server's name, so that they are found again. */
export function pinSession(server: string): string {
  return `mcp:${server}`
}
