import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { globMatches } from '../../action/glob.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { AccountBrowser } from '../../flow/contain/browser/account-browser.ts'
import type { BrowserHome } from '../../flow/contain/browser/browser-home.ts'
import type { Flow } from '../../flow/flow.ts'
import type { BrowserRule } from '../../policy/compile-browser.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import { readCall } from './call-schema.ts'
import { RunningCall } from './running-call.ts'

export interface BrowserDeskOptions {
  readonly flow: Flow
  readonly store: Pick<Store, 'action'>
  readonly policies: { current(): Policy }
  /** Where the profiles lie. */
  readonly folder: string
  readonly home: BrowserHome
  readonly onFault: (error: unknown) => void
  /** How many browsers may run at once. Each takes some 200 to 400 MB. */
  readonly most?: number
}

/** One agent's use of an account's browser. */
export interface BrowserSession {
  readonly id: string
  readonly account: string
  readonly agent: string
  /** Belay's session, under which its calls are recorded. */
  readonly session: string
}

interface OpenSession extends BrowserSession {
  readonly browser: AccountBrowser
  readonly rule: string
  call: RunningCall | null
  idle: NodeJS.Timeout | undefined
}

const MOST = 10
/** How many finished calls are remembered, for agents that ask how one ended. */
const REMEMBERED = 200
const WAIT_STEP_MS = 250

/** The browsers of the accounts: who holds which, one agent an account, one call at a time. */
export class BrowserDesk {
  readonly #options: BrowserDeskOptions
  readonly #sessions = new Map<string, OpenSession>()
  /** Accounts that are being opened or closed. */
  readonly #taken = new Set<string>()
  readonly #calls = new Map<string, RunningCall>()
  readonly #unwatch: () => void
  #closed = false

  constructor(options: BrowserDeskOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    this.#unwatch = options.flow.watchAgents(({ name, state }) => {
      if (state !== 'stopped') return
      for (const session of this.#sessions.values())
        if (session.agent === name) this.#close(session).catch(options.onFault)
    })
  }

  /**
   * Opens the account's browser for an agent that the policy names there. Waits up to `wait` ms while another uses
   * it. Throws `browser:unknown_account`, `browser:in_use`, `browser:too_many`, `browser:unavailable`.
   */
  async open(ask: {
    readonly account: string
    readonly agent: string
    readonly session?: string
    readonly wait?: number
  }): Promise<BrowserSession> {
    const until = performance.now() + (ask.wait ?? 0)
    for (;;) {
      try {
        return await this.#open(ask)
      } catch (error) {
        const inUse = error instanceof BelayError && error.code === 'browser:in_use'
        if (!inUse || performance.now() + WAIT_STEP_MS > until) throw error
        await new Promise((resolve) => setTimeout(resolve, WAIT_STEP_MS))
      }
    }
  }

  /**
   * Proposes a call of the page and begins it if it may: it goes on by itself, also when a person is to be asked
   * first. Throws what the page or the pipeline says before there is an action.
   */
  async begin(id: string, agent: string | null, body: unknown): Promise<RunningCall> {
    const session = this.#session(id, agent)
    const rule = this.#ruleFor(session.account, session.agent)
    if (JSON.stringify(rule) !== session.rule) {
      await this.#close(session)
      throw new BelayError('browser:not_found', { id })
    }
    const asked = readCall(body)
    if (session.call !== null && !session.call.ended)
      throw new BelayError('browser:busy', { what: session.call.name, account: session.account })
    clearTimeout(session.idle)
    const call = new RunningCall(asked, session, rule, this.#options)
    session.call = call
    void call.finished.then(() => this.#rest(session))
    await call.proposed
    this.#calls.set(call.id, call)
    if (this.#calls.size > REMEMBERED) {
      for (const [old, { ended }] of this.#calls) {
        if (this.#calls.size <= REMEMBERED) break
        if (ended) this.#calls.delete(old)
      }
    }
    return call
  }

  /** A call by the id of its action. Throws `action:not_found`. */
  call(action: string, agent: string | null): RunningCall {
    const call = this.#calls.get(action)
    if (call === undefined || (agent !== null && call.agent !== agent))
      throw new BelayError('action:not_found', { id: action })
    return call
  }

  sessions(agent: string | null): readonly BrowserSession[] {
    return [...this.#sessions.values()]
      .filter((session) => agent === null || session.agent === agent)
      .map(({ id, account, agent: by, session }) => ({ id, account, agent: by, session }))
  }

  /** Withdraws what waits, saves and ends the browser. */
  async close(id: string, agent: string | null): Promise<void> {
    await this.#close(this.#session(id, agent))
  }

  async closeAll(): Promise<void> {
    this.#closed = true
    this.#unwatch()
    await Promise.all([...this.#sessions.values()].map((session) => this.#close(session)))
  }

  async #open({ account, agent, session = '' }: Parameters<BrowserDesk['open']>[0]): Promise<BrowserSession> {
    if (this.#closed) throw new BelayError('server:closing')
    const rule = this.#ruleFor(account, agent)
    const holder = [...this.#sessions.values()].find((one) => one.account === account)
    if (holder !== undefined || this.#taken.has(account))
      throw new BelayError('browser:in_use', {
        account,
        holder:
          holder === undefined
            ? 'somebody who is just opening it'
            : holder.agent === agent
              ? 'this agent'
              : 'another agent',
      })
    const most = this.#options.most ?? MOST
    if (this.#sessions.size + this.#taken.size >= most)
      throw new BelayError('browser:too_many', { max: String(most) })
    this.#taken.add(account)
    try {
      const { folder, home, onFault } = this.#options
      const browser = await AccountBrowser.open({ account, rule, folder, home, onFault })
      const id = `brs_${randomBytes(16).toString('hex')}`
      const opened: OpenSession = {
        id,
        account,
        agent,
        session: session === '' ? id : session,
        browser,
        rule: JSON.stringify(rule),
        call: null,
        idle: undefined,
      }
      if (this.#closed) {
        await browser.close()
        throw new BelayError('server:closing')
      }
      this.#sessions.set(id, opened)
      this.#rest(opened)
      return { id, account, agent, session: opened.session }
    } finally {
      this.#taken.delete(account)
    }
  }

  #ruleFor(account: string, agent: string): BrowserRule {
    const { browsers } = this.#options.policies.current()
    const rule = Object.hasOwn(browsers, account) ? browsers[account] : undefined
    if (rule?.agents.some((pattern) => globMatches(pattern, agent)) !== true)
      throw new BelayError('browser:unknown_account', { account, agent })
    return rule
  }

  #session(id: string, agent: string | null): OpenSession {
    const session = this.#sessions.get(id)
    if (session === undefined || (agent !== null && session.agent !== agent))
      throw new BelayError('browser:not_found', { id })
    return session
  }

  #rest(session: OpenSession): void {
    clearTimeout(session.idle)
    if (!this.#sessions.has(session.id)) return
    session.idle = setTimeout(
      () => void this.#close(session).catch(this.#options.onFault),
      session.browser.rule.idle,
    )
    session.idle.unref()
  }

  async #close(session: OpenSession): Promise<void> {
    if (!this.#sessions.delete(session.id)) return
    clearTimeout(session.idle)
    this.#taken.add(session.account)
    try {
      await session.call?.withdraw()
      await session.browser.close()
    } finally {
      this.#taken.delete(session.account)
    }
  }
}
