import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isJsonObject, type JsonValue } from '../../action/json.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Policy } from '../../policy/policy.ts'
import type { AgentState, Store } from '../../storage/store.ts'
import { revokeKey } from '../http-api/agent-keys.ts'
import { AgentLog, readLog, type LogPage } from './agent-log.ts'
import { agentFolder, logFolder } from './agent-folder.ts'
import { AgentProcess, type LaunchAgent, type ProcessEvent, type ProcessView } from './agent-process.ts'
import { eventBody } from './process-words.ts'
import type { BackOffRule } from './back-off.ts'
import type { AgentDeclaration } from './declaration.ts'
import { openLead, SOLE_LEAD, type Lead } from './lead.ts'

export interface SupervisorOptions {
  readonly store: Store
  readonly flow: Pick<Flow, 'watchAgents'>
  readonly policies: { current(): Policy }
  /** The data folder. */
  readonly data: string
  /** The agents that the policy gives a command. */
  readonly declared: (policy: Policy) => readonly AgentDeclaration[]
  readonly launch: LaunchAgent
  readonly note: (text: string) => void
  readonly onFault: (error: unknown) => void
  readonly backOff?: BackOffRule
}

/** What the API tells and asks of the processes of agents. */
export interface Supervision {
  /** `undefined`: the policy gives the agent no command. */
  view(agent: string): ProcessView | undefined
  /** The lines of an agent's log from a place on; without one, the last ones. */
  log(agent: string, after?: number): LogPage
  /** Resolves when there is more after that place, when `ms` have passed, or the signal aborts. */
  logNews(agent: string, after: number, ms: number, signal: AbortSignal): Promise<void>
}

interface Supervised {
  readonly process: AgentProcess
  readonly log: AgentLog
  state: AgentState
}

/** Runs what the policy declares under `agents.NAME.command`, as long as this process lives and leads. */
export class Supervisor implements Supervision {
  readonly #options: SupervisorOptions
  readonly #agents = new Map<string, Supervised>()
  /** As they were told of since the start: newer than what is read from the store. */
  readonly #states = new Map<string, AgentState>()
  readonly #lead: Lead
  readonly #stopWatching: () => void
  #changing: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(options: SupervisorOptions) {
    this.#options = options
    const { store, flow, onFault } = options
    this.#stopWatching = flow.watchAgents(({ name, state }) => this.#stateChanged(name, state))
    this.#lead =
      store.dialect === 'sqlite'
        ? SOLE_LEAD
        : openLead(store, { changed: () => this.#wakeAll(), fault: onFault })
  }

  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options)
    await supervisor.policyChanged()
    return supervisor
  }

  /** Starts, ends and starts again what another policy declares otherwise. Resolves when the ends have come. */
  policyChanged(): Promise<void> {
    this.#changing = this.#changing.then(() => this.#follow()).catch(this.#options.onFault)
    return this.#changing
  }

  view(agent: string): ProcessView | undefined {
    return this.#agents.get(agent)?.process.view()
  }

  log(agent: string, after?: number): LogPage {
    return readLog(logFolder(this.#options.data, agent), after)
  }

  async logNews(agent: string, after: number, ms: number, signal: AbortSignal): Promise<void> {
    await this.#agents.get(agent)?.log.news(after, ms, signal)
  }

  /** Ends every process. Resolves when none is left and all ends are recorded. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopWatching()
    await this.#changing
    await Promise.all([...this.#agents].map(([name]) => this.#remove(name, 'harness')))
    await this.#lead.close()
  }

  async #follow(): Promise<void> {
    const { policies, declared, store } = this.#options
    if (this.#closed) return
    const wanted = new Map(declared(policies.current()).map((one) => [one.agent, one]))
    const removed = [...this.#agents.keys()].filter((name) => !wanted.has(name))
    await Promise.all(removed.map((name) => this.#remove(name, 'stopped')))
    const states = new Map((await store.agents()).map(({ name, state }) => [name, state]))
    for (const declaration of wanted.values()) {
      const name = declaration.agent
      const known = this.#agents.get(name)
      if (known === undefined)
        await this.#add(declaration, this.#states.get(name) ?? states.get(name) ?? 'active')
      else if (known.process.declaration.digest !== declaration.digest) known.process.redeclare(declaration)
    }
  }

  async #add(declaration: AgentDeclaration, state: AgentState): Promise<void> {
    const { store, data, launch, onFault, backOff } = this.#options
    const { agent } = declaration
    await this.#endWhatACrashLeft(agent)
    const log = new AgentLog(logFolder(data, agent), () => store.now())
    const supervised: Supervised = {
      log,
      state,
      process: new AgentProcess({
        declaration,
        launch,
        log,
        agentState: () => this.#agents.get(agent)?.state ?? state,
        leads: () => this.#lead.held(),
        now: () => store.now(),
        record: (event) => this.#record(agent, event),
        onFault,
        ...(backOff && { backOff }),
      }),
    }
    this.#agents.set(agent, supervised)
  }

  async #remove(name: string, cause: 'stopped' | 'harness'): Promise<void> {
    const supervised = this.#agents.get(name)
    if (supervised === undefined) return
    await supervised.process.close(cause)
    this.#agents.delete(name)
    await supervised.log.close()
  }

  #stateChanged(name: string, state: AgentState): void {
    this.#states.set(name, state)
    const supervised = this.#agents.get(name)
    if (supervised === undefined) return
    const before = supervised.state
    supervised.state = state
    if (state === 'active' && before !== 'active') supervised.process.resumed()
    else supervised.process.wake()
  }

  #wakeAll(): void {
    for (const { process } of this.#agents.values()) process.wake()
  }

  async #record(agent: string, event: ProcessEvent): Promise<void> {
    const { store, policies, note } = this.#options
    const body = { ...eventBody(event), policy_version: policies.current().digest }
    await store.commit({ records: [{ kind: 'process', at: store.now(), action: null, agent, body }] })
    if (event.event === 'started') this.#keepRun(agent)
    else if (event.event === 'ended') rmSync(this.#runFile(agent), { force: true })
    note(noteOf(agent, event))
  }

  /** So that whoever starts after a crash knows that a run has no end in the ledger. */
  #keepRun(agent: string): void {
    const folder = agentFolder(this.#options.data, agent)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(this.#runFile(agent), `${JSON.stringify({ started_at: this.#options.store.now() })}\n`, {
      mode: 0o600,
    })
  }

  #runFile(agent: string): string {
    return join(agentFolder(this.#options.data, agent), 'run.json')
  }

  /** The processes died with the harness; their end is recorded now, and the key that nobody has any more is revoked. */
  async #endWhatACrashLeft(agent: string): Promise<void> {
    const { store, data, policies } = this.#options
    const keyFile = join(agentFolder(data, agent), 'key.json')
    const keyId = textIn(keyFile, 'key_id')
    if (keyId !== null) await revokeKey(store, keyId, 'supervisor').catch(() => undefined)
    rmSync(keyFile, { force: true })
    if (!exists(this.#runFile(agent))) return
    const body = {
      event: 'ended',
      cause: 'harness',
      code: null,
      signal: null,
      detail: 'the harness ended without recording the end',
      ran_ms: null,
      usage: null,
      retry_ms: null,
      policy_version: policies.current().digest,
    }
    await store.commit({ records: [{ kind: 'process', at: store.now(), action: null, agent, body }] })
    rmSync(this.#runFile(agent), { force: true })
  }
}

function noteOf(agent: string, event: ProcessEvent): string {
  switch (event.event) {
    case 'started':
      return `agent ${agent}: started (${event.provider})`
    case 'not_started':
      return `agent ${agent}: could not be started: ${event.detail}; the next try is in ${event.retryMs} ms`
    case 'ended': {
      const { report, retryMs } = event
      const again = retryMs === null ? '' : `; the next start is in ${retryMs} ms`
      return `agent ${agent}: ended (${report.cause}${report.code === null ? '' : `, exit code ${report.code}`})${again}`
    }
  }
}

function exists(path: string): boolean {
  return readIfThere(path) !== null
}

function textIn(path: string, key: string): string | null {
  try {
    const value = JSON.parse(readIfThere(path) ?? 'null') as JsonValue
    const text = isJsonObject(value) ? value[key] : null
    return typeof text === 'string' ? text : null
  } catch {
    return null
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
