import { BelayError } from '../../errors/catalogue.ts'
import type { ExitCause, ExitReport, Sandbox, Usage } from '../../flow/contain/sandbox/provider.ts'
import type { AgentState } from '../../storage/store.ts'
import type { AgentLog } from './agent-log.ts'
import { BackOff, type BackOffRule } from './back-off.ts'
import { endOf } from './process-words.ts'
import type { AgentDeclaration } from './declaration.ts'

/** A command that runs in its sandbox, with the way out that was opened for it. */
export interface LaunchedAgent {
  readonly provider: string
  readonly sandbox: Sandbox
  /** Closes its way out, and records what was under way there. */
  close(): Promise<void>
}

export type LaunchAgent = (declaration: AgentDeclaration) => Promise<LaunchedAgent>

/** What is recorded of a process: its start, that it could not start, its end. */
export type ProcessEvent =
  | { readonly event: 'started'; readonly provider: string; readonly restarts: number }
  | {
      readonly event: 'not_started'
      readonly code: string
      readonly detail: string
      readonly retryMs: number
    }
  | { readonly event: 'ended'; readonly report: ExitReport; readonly retryMs: number | null }

/**
 * `starting`, `running`, `frozen` (its agent is paused), `waiting` (until its next start), `ended` (and not started
 * again by itself), `held` (its agent is paused or stopped), `elsewhere` (another replica runs it).
 */
export type ProcessState = 'starting' | 'running' | 'frozen' | 'waiting' | 'ended' | 'held' | 'elsewhere'

export interface ProcessView {
  readonly state: ProcessState
  readonly provider: string | null
  readonly pid: number | null
  /** Epoch ms. */
  readonly runningSince: number | null
  /** Starts after the first since the supervision began. */
  readonly restarts: number
  readonly nextStartAt: number | null
  readonly lastExit: {
    readonly at: number
    /** `not_started` when its sandbox could not be had. */
    readonly cause: ExitCause | 'not_started'
    readonly code: number | null
    readonly signal: string | null
    readonly detail: string
  } | null
  readonly usage: Usage | null
  readonly quotas: AgentDeclaration['quotas']
}

export interface AgentProcessOptions {
  readonly declaration: AgentDeclaration
  readonly launch: LaunchAgent
  readonly log: AgentLog
  /** What people, the breaker or the policy want of the agent now. */
  readonly agentState: () => AgentState
  /** Whether this process is the one that runs agents. */
  readonly leads: () => boolean
  readonly now: () => number
  /** Recorded before anything follows from it. */
  readonly record: (event: ProcessEvent) => Promise<void>
  readonly onFault: (error: unknown) => void
  readonly backOff?: BackOffRule
}

/** `asked`: it was ended from here, so that it is no failure, and what wanted it says what comes next. */
interface Ended {
  readonly report: ExitReport
  readonly asked: boolean
}

/** Of no use to start again for: the quota would be hit anew, or is counted a run and would be none. */
const FINAL: readonly ExitCause[] = ['requests', 'budget']

/**
 * Keeps one agent's command running as the policy and the agent's state say. One loop does everything, one thing after
 * the other; whatever changes only wakes it.
 */
export class AgentProcess {
  readonly #options: AgentProcessOptions
  readonly #backOff: BackOff
  readonly #loop: Promise<void>
  #declaration: AgentDeclaration
  #changed = Promise.withResolvers<void>()
  #closing: ExitCause | null = null
  #launched: LaunchedAgent | null = null
  #state: ProcessState = 'starting'
  #runningSince: number | null = null
  #nextStartAt: number | null = null
  #lastExit: ProcessView['lastExit'] = null
  #starts = 0
  /** Ended for good; a state that changes or a new declaration begins anew. */
  #over = false

  constructor(options: AgentProcessOptions) {
    this.#options = options
    this.#declaration = options.declaration
    this.#backOff = new BackOff(options.backOff)
    this.#loop = this.#live()
  }

  get declaration(): AgentDeclaration {
    return this.#declaration
  }

  view(): ProcessView {
    const { sandbox, provider } = this.#launched ?? {}
    return {
      state: this.#state,
      provider: provider ?? null,
      pid: sandbox?.pid ?? null,
      runningSince: this.#runningSince,
      restarts: Math.max(0, this.#starts - 1),
      nextStartAt: this.#nextStartAt,
      lastExit: this.#lastExit,
      usage: sandbox?.usage() ?? null,
      quotas: this.#declaration.quotas,
    }
  }

  /** The agent's state, the lead or something else that it looks at has changed. */
  wake(): void {
    this.#changed.resolve()
  }

  /** Ends what runs and starts what is declared now. */
  redeclare(declaration: AgentDeclaration): void {
    this.#declaration = declaration
    this.#beginAnew()
  }

  /** The agent was resumed: what happened before no longer counts. */
  resumed(): void {
    if (this.#launched === null) this.#beginAnew()
    else this.wake()
  }

  /** Ends every process of the agent. Resolves when none is left and its end is recorded. */
  async close(cause: ExitCause = 'harness'): Promise<void> {
    this.#closing = cause
    this.wake()
    await this.#loop
  }

  #beginAnew(): void {
    this.#over = false
    this.#nextStartAt = null
    this.#backOff.reset()
    this.wake()
  }

  async #live(): Promise<void> {
    while (this.#closing === null) {
      const changed = this.#nextChange()
      const { now, leads, agentState, onFault } = this.#options
      if (!leads()) this.#state = 'elsewhere'
      else if (agentState() !== 'active') this.#state = 'held'
      else if (this.#over) this.#state = 'ended'
      else {
        const wait = (this.#nextStartAt ?? 0) - now()
        if (wait <= 0) {
          await this.#run().catch(onFault)
          continue
        }
        this.#state = 'waiting'
        await orAfter(changed, wait)
        continue
      }
      await changed
    }
  }

  async #run(): Promise<void> {
    const { now, log, onFault } = this.#options
    const declaration = this.#declaration
    this.#state = 'starting'
    this.#nextStartAt = null
    this.#starts++
    const startedAt = now()
    let launched: LaunchedAgent
    try {
      launched = await this.#options.launch(declaration)
    } catch (error) {
      await this.#notStarted(error)
      return
    }
    this.#launched = launched
    this.#runningSince = startedAt
    const { sandbox, provider } = launched
    const output = (['stdout', 'stderr'] as const).map(async (name) => {
      const stream = sandbox[name]
      if (stream !== null) await log.follow(stream, name)
    })
    let end: Ended
    try {
      log.note(`started (${provider}, pid ${sandbox.pid})`)
      // A process of which nothing is recorded does not go on.
      const recorded = await this.#options
        .record({ event: 'started', provider, restarts: this.#starts - 1 })
        .then(
          () => true,
          (error: unknown) => (onFault(error), false),
        )
      this.#state = 'running'
      end = recorded
        ? await this.#watch(sandbox, declaration)
        : { report: await sandbox.kill('harness'), asked: false }
    } finally {
      this.#launched = null
      this.#runningSince = null
      await launched.close().catch(onFault)
    }
    await Promise.all(output)
    await this.#ended(end, declaration)
  }

  /** Does to the running sandbox what the agent's state says, until it has ended. */
  async #watch(sandbox: Sandbox, declaration: AgentDeclaration): Promise<Ended> {
    const { leads, agentState, log, onFault } = this.#options
    let frozen = false
    for (;;) {
      const changed = this.#nextChange()
      const state = agentState()
      const end: ExitCause | null =
        this.#closing ??
        (state === 'stopped' || this.#declaration !== declaration ? 'stopped' : leads() ? null : 'harness')
      if (end !== null) return { report: await sandbox.kill(end), asked: true }
      if ((state === 'paused') !== frozen) {
        try {
          await (frozen ? sandbox.thaw() : sandbox.freeze())
          frozen = !frozen
          log.note(frozen ? 'frozen: the agent is paused' : 'thawed: the agent was resumed')
        } catch (error) {
          // What cannot be held still must not go on.
          onFault(error)
          return { report: await sandbox.kill('stopped'), asked: true }
        }
      }
      this.#state = frozen ? 'frozen' : 'running'
      const report = await Promise.race([sandbox.exited, changed])
      if (report !== undefined) return { report, asked: false }
    }
  }

  async #notStarted(error: unknown): Promise<void> {
    const { now, log, record, onFault } = this.#options
    const detail = error instanceof Error ? error.message : String(error)
    const code = error instanceof BelayError ? error.code : 'server:fault'
    this.#lastExit = { at: now(), cause: 'not_started', code: null, signal: null, detail }
    if (!(error instanceof BelayError)) onFault(error)
    const retryMs = this.#backOff.next(0)
    this.#nextStartAt = now() + retryMs
    log.note(`could not be started: ${detail}`)
    await record({ event: 'not_started', code, detail, retryMs }).catch(onFault)
  }

  async #ended({ report, asked }: Ended, declaration: AgentDeclaration): Promise<void> {
    const { now, log, record, onFault } = this.#options
    const { cause, code, signal, detail, usage } = report
    this.#lastExit = { at: now(), cause, code, signal, detail }
    const again =
      declaration.restart === 'always' ||
      (declaration.restart === 'on-failure' && !(cause === 'exited' && code === 0))
    let retryMs: number | null = null
    if (!asked && again && !FINAL.includes(cause)) {
      retryMs = this.#backOff.next(usage.wallMs)
      this.#nextStartAt = now() + retryMs
    } else if (!asked) this.#over = true
    log.note(`${endOf(report)}${retryMs === null ? '' : `; the next start is in ${retryMs} ms`}`)
    await record({ event: 'ended', report, retryMs }).catch(onFault)
    await log.flushed()
  }

  /** What resolves at the next change from now on. */
  #nextChange(): Promise<void> {
    this.#changed = Promise.withResolvers<void>()
    return this.#changed.promise
  }
}

async function orAfter(changed: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const time = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))))
  await Promise.race([changed, time])
  clearTimeout(timer)
}
