import type { JsonObject } from '../../action/json.ts'
import type { Harness } from '../harness.ts'
import { readLog, type LogPage } from './agent-log.ts'
import { logFolder } from './agent-folder.ts'
import { processAnswer } from './process-words.ts'
import { declaredAgents } from './declared-agents.ts'
import type { Supervisor } from './supervisor.ts'

export interface AgentsDeskOptions {
  readonly harness: Pick<Harness, 'flow' | 'store' | 'policies' | 'data'>
  /** Whether agents run in this process at all. */
  readonly supervise: boolean
  readonly note: (text: string) => void
  readonly onFault: (error: unknown) => void
}

/** The agents that run here, for the doors. What runs them is loaded when the policy first gives one a command. */
export class AgentsDesk {
  readonly #options: AgentsDeskOptions
  #url: string | null = null
  #opening: Promise<{ readonly supervisor: Supervisor; close(): Promise<void> }> | undefined
  #supervisor: Supervisor | undefined
  #closed = false

  constructor(options: AgentsDeskOptions) {
    this.#options = options
  }

  /** From here on they may run: the harness answers at this address. */
  async open(url: string): Promise<void> {
    this.#url = url
    await this.policyChanged()
  }

  async policyChanged(): Promise<void> {
    const { harness, supervise, onFault } = this.#options
    if (this.#url === null || !supervise || this.#closed) return
    if (this.#supervisor !== undefined) return this.#supervisor.policyChanged()
    if (this.#opening !== undefined || declaredAgents(harness.policies.current()).length === 0) return
    try {
      await (this.#opening = this.#open(this.#url))
    } catch (error) {
      this.#opening = undefined
      onFault(error)
    }
  }

  /** How the agent's process stands, as the API answers it; `undefined`: there is none. */
  process(agent: string): JsonObject | undefined {
    const view = this.#supervisor?.view(agent)
    return view && processAnswer(view)
  }

  read(agent: string, after?: number): LogPage {
    return readLog(logFolder(this.#options.harness.data, agent), after)
  }

  async news(agent: string, after: number, ms: number, signal: AbortSignal): Promise<void> {
    await this.#supervisor?.logNews(agent, after, ms, signal)
  }

  async close(): Promise<void> {
    this.#closed = true
    await (await this.#opening?.catch(() => undefined))?.close()
  }

  async #open(url: string): Promise<{ readonly supervisor: Supervisor; close(): Promise<void> }> {
    const { harness, note, onFault } = this.#options
    const { flow, store, policies, data } = harness
    const [{ Supervisor: Opened }, { agentLauncher }, { providerOf }] = await Promise.all([
      import('./supervisor.ts'),
      import('./launch-agent.ts'),
      import('../sandboxes.ts'),
    ])
    const launcher = agentLauncher({
      flow,
      store,
      policies,
      data,
      url,
      provider: (agent) => providerOf(policies.current(), agent, data),
      onFault,
    })
    const supervisor = await Opened.open({
      store,
      flow,
      policies,
      data,
      declared: declaredAgents,
      launch: launcher.launch,
      note,
      onFault,
    })
    this.#supervisor = supervisor
    return {
      supervisor,
      async close() {
        await supervisor.close()
        await launcher.close()
      },
    }
  }
}
