import type { Action, Proposal } from '../../action/action.ts'
import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Sandbox, SandboxProvider } from '../../flow/contain/sandbox/provider.ts'
import type { Policy } from '../../policy/policy.ts'
import { judgesResults, reportJudged } from '../judged-report.ts'
import { inputOf, SNIPPET_ACTION, snippetFrom, type Snippet } from './snippet.ts'
import { recordedResult, resultOf, succeeded, type SnippetRun } from './snippet-result.ts'
import { LeftRuns } from './left-runs.ts'
import { runSnippet, runsFolder } from './run-snippet.ts'

export interface SnippetDeskOptions {
  readonly flow: Flow
  readonly policies: { current(): Policy }
  readonly now: () => number
  readonly data: string
  /** The sandbox for an agent's snippets. */
  readonly provider: (agent: string) => Promise<SandboxProvider>
  /** Is told when the folder of a run cannot be removed. */
  readonly onFault: (error: unknown) => void
}

/** How a snippet's action stands, and what came of it where it ran. */
export interface SnippetAnswer {
  readonly action: Action
  /** What may be executed. */
  readonly input: JsonObject
  /** `null` while nothing ran, and where the policy withholds it: the action says which. */
  readonly result: JsonObject | null
}

export type SnippetProposal = Omit<Proposal, 'action' | 'input'>

/** Runs at the same time in this process; each may hold as much memory as its limits say. */
const MAX_RUNNING = 16
/** Of one agent, so that there is room for another. */
const MAX_OF_ONE = 12
/** Between the end of a run and the deadline of its action: for reading and recording what came of it. */
const REPORT_WITHIN_MS = 2_000

/**
 * Takes snippets through the pipeline as the action `code.run`: judged, recorded before it runs, its outcome recorded.
 * The same idempotency key stands for the same run: it takes up what was held and approved since, and answers what came
 * of what has run.
 */
export class SnippetDesk {
  readonly #options: SnippetDeskOptions
  readonly #running = new Map<Sandbox, string>()
  readonly #ends = new Set<Promise<unknown>>()
  /** Agents that were stopped since: perhaps between the permission and the start. */
  readonly #stopped = new Set<string>()
  readonly #stopWatching: () => void
  /** By agent, the runs that were asked for and have not ended. */
  readonly #slots = new Map<string, number>()
  readonly #left: LeftRuns
  #closed = false

  constructor(options: SnippetDeskOptions) {
    this.#options = options
    this.#left = new LeftRuns(runsFolder(options.data), options.onFault)
    this.#stopWatching = options.flow.watchAgents(({ name, state }) => {
      if (state !== 'stopped') {
        this.#stopped.delete(name)
        return
      }
      this.#stopped.add(name)
      for (const [sandbox, agent] of this.#running) if (agent === name) void sandbox.kill('stopped')
    })
  }

  /** Throws `input:invalid`, `server:busy`, `sandbox:…` when no sandbox can be had for the agent. */
  async run(snippet: Snippet, proposal: SnippetProposal): Promise<SnippetAnswer> {
    if (this.#closed) throw new BelayError('server:closing')
    const { agent } = proposal
    const own = this.#slots.get(agent) ?? 0
    if (own >= MAX_OF_ONE) throw new BelayError('server:busy', { max: String(MAX_OF_ONE) })
    if (this.#ends.size >= MAX_RUNNING) throw new BelayError('server:busy', { max: String(MAX_RUNNING) })
    this.#slots.set(agent, own + 1)
    const work = this.#run(snippet, proposal).finally(() => {
      const left = this.#slots.get(agent)! - 1
      if (left === 0) this.#slots.delete(agent)
      else this.#slots.set(agent, left)
      this.#ends.delete(work)
    })
    this.#ends.add(work)
    return work
  }

  /** Ends what runs; the outcomes are recorded. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopWatching()
    for (const sandbox of this.#running.keys()) void sandbox.kill('harness')
    await Promise.allSettled(this.#ends)
    await this.#left.sweep().catch(this.#options.onFault)
  }

  async #run(snippet: Snippet, proposal: SnippetProposal): Promise<SnippetAnswer> {
    const { flow } = this.#options
    const admitted = await flow.propose(
      { ...proposal, action: SNIPPET_ACTION, input: inputOf(snippet) },
      { venue: 'belay', start: true },
    )
    let { action, input } = admitted
    if (action.state.name === 'executing' && admitted.repeated !== true) return this.#execute(action, input)
    if (action.state.name === 'ready') {
      // Approved since it was proposed. Of two who come for it one gets it.
      ;({ action, input } = await flow.start(action.id))
      return this.#execute(action, input)
    }
    const ran = ['succeeded', 'failed', 'unknown', 'undone'].includes(action.state.name)
    const result = ran ? await flow.result(action) : null
    return { action, input, result: isJsonObject(result) && 'exit' in result ? result : null }
  }

  /** The permission is ours: whatever happens, an outcome is reported. */
  async #execute(action: Action, input: JsonObject): Promise<SnippetAnswer> {
    const { flow, provider, data, now } = this.#options
    let run
    let started = false
    try {
      const snippet = snippetFrom(input)
      const { state } = action
      const left = state.name === 'executing' ? state.deadline - now() - REPORT_WITHIN_MS : 0
      if (left <= 0) throw new BelayError('server:timeout')
      const limits = { ...snippet.limits, wallTime: Math.min(snippet.limits.wallTime, left) }
      let sandbox: Sandbox | undefined
      await this.#left.sweep()
      try {
        run = await runSnippet(
          { ...snippet, limits },
          {
            provider: await provider(action.agent),
            agent: action.agent,
            data,
            onLeft: (folder, cause) => this.#left.add(folder, cause),
            onSandbox: (launched) => {
              sandbox = launched
              started = true
              this.#running.set(launched, action.agent)
              if (this.#closed) void launched.kill('harness')
              else if (this.#stopped.has(action.agent)) void launched.kill('stopped')
            },
          },
        )
      } finally {
        if (sandbox !== undefined) this.#running.delete(sandbox)
      }
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      await flow.report(action.id, {
        outcome: started ? 'unknown' : 'failed',
        error: (started ? what : `Nothing ran: ${what}`).slice(0, 2_000).toWellFormed(),
      })
      throw error
    }
    return { ...(await this.#report(action, run)), input }
  }

  async #report(
    action: Action,
    run: SnippetRun,
  ): Promise<{ readonly action: Action; readonly result: JsonObject | null }> {
    const { flow, policies } = this.#options
    const well = succeeded(run)
    const error = well ? {} : { error: endWords(run) }
    const outcome = well ? 'succeeded' : 'failed'
    const result = resultOf(run)
    const recorded = recordedResult(result)
    if (recorded === result || !judgesResults(policies, action.name)) {
      const settled = await reportJudged({ flow, policies }, action, { outcome, result: recorded, ...error })
      if (settled.judged === null) return { action: settled.action, result }
      const { effective, result: released } = settled.judged
      return {
        action: settled.action,
        result: effective === 'deny' || !isJsonObject(released) ? null : released,
      }
    }
    // Longer than a record: the checks see all that the caller would get, the record keeps the shorter one.
    const verdict = await flow.judgeResult(action, result)
    const denied = verdict.effective === 'deny'
    const kept = denied
      ? { belay_withheld: verdict.reasons.map(({ code, message }) => ({ code, message })) }
      : recordedResult(verdict.result)
    const settled = await flow.report(action.id, { outcome, result: kept, ...error, judged: verdict })
    return { action: settled, result: denied ? null : verdict.result }
  }
}

function endWords({ cause, report: { code, signal, detail } }: SnippetRun): string {
  const how = cause === 'exited' ? `exit code ${code ?? 'unknown'}` : cause === 'signal' ? signal : cause
  return detail === '' ? `The code ended: ${how}.` : `The code ended: ${how} (${detail}).`
}
