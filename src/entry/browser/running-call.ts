import type { Action, DoorReport } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { nanoFromUsd } from '../../action/money.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { AccountBrowser } from '../../flow/contain/browser/account-browser.ts'
import { find, type Element } from '../../flow/contain/browser/locate.ts'
import {
  FIND_MS,
  hostOf,
  performCall,
  shownAddress,
  type PageAnswer,
  type PageCall,
} from '../../flow/contain/browser/page-calls.ts'
import { execute } from '../../flow/contain/execute.ts'
import type { Admitted, Flow } from '../../flow/flow.ts'
import type { BrowserRule } from '../../policy/compile-browser.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import { reportJudged } from '../judged-report.ts'
import { inputOf, performable, releasedCall, type AskedCall } from './call-schema.ts'

/** What became of a call, and what the agent gets of it. */
export interface CallEnd {
  readonly action: Action
  /** As the policy's checks of results let it through; `null` when they did not, or when nothing ran. */
  readonly result: JsonValue
  /** Bytes beside the result: a picture, a file. */
  readonly content?: Buffer
  /** Why it failed, or why nobody knows. */
  readonly error?: string
}

interface Services {
  readonly flow: Flow
  readonly store: Pick<Store, 'action'>
  readonly policies: { current(): Policy }
  readonly onFault: (error: unknown) => void
}

interface Whose {
  readonly account: string
  readonly agent: string
  readonly session: string
  readonly browser: AccountBrowser
}

const MAX_ERROR = 2_000
const WAIT_MS = 30_000

/** One call of a page, from what is there now over the decision to its end. It goes on whether or not somebody listens. */
export class RunningCall {
  readonly name: string
  readonly agent: string
  /** Settles when there is an action, or rejects when it came to none. */
  readonly proposed: Promise<void>
  /** Never rejects; `undefined` when it came to no action. */
  readonly finished: Promise<CallEnd | undefined>
  ended = false
  readonly #services: Services
  readonly #browser: AccountBrowser
  readonly #withdrawn = new AbortController()
  #id = ''

  constructor(asked: AskedCall, whose: Whose, rule: BrowserRule, services: Services) {
    this.name = `browser.${asked.call}`
    this.agent = whose.agent
    this.#services = services
    this.#browser = whose.browser
    let isProposed: () => void = () => undefined
    let isRefused: (error: unknown) => void = () => undefined
    this.proposed = new Promise((resolve, reject) => {
      isProposed = resolve
      isRefused = reject
    })
    this.proposed.catch(() => undefined)
    this.finished = this.#run(asked, whose, rule, isProposed).then(
      (end) => {
        this.ended = true
        return end
      },
      (error: unknown) => {
        this.ended = true
        if (this.#id !== '') services.onFault(error)
        isRefused(error)
        return undefined
      },
    )
  }

  get id(): string {
    return this.#id
  }

  /** How the action stands. */
  async action(): Promise<Action> {
    const action = await this.#services.store.action(this.#id)
    if (action === undefined) throw new BelayError('action:not_found', { id: this.#id })
    return action
  }

  /** Its end, or `undefined` when `ms` have passed before. */
  async wait(ms: number, signal?: AbortSignal): Promise<CallEnd | undefined> {
    let stop: () => void = () => undefined
    const over = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined)
    })
    const timer = setTimeout(stop, ms)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.race([this.finished, over])
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Takes it back if it has not begun, and waits for it otherwise. */
  async withdraw(): Promise<void> {
    if (this.ended) return
    this.#withdrawn.abort()
    await this.proposed.catch(() => undefined)
    if (this.#id !== '')
      await this.#services.flow.cancel(this.#id, `agent:${this.agent}`).catch((error: unknown) => {
        if (!(error instanceof BelayError) || error.status !== 409) this.#services.onFault(error)
      })
    await this.finished
  }

  async #run(asked: AskedCall, whose: Whose, rule: BrowserRule, isProposed: () => void): Promise<CallEnd> {
    const { flow } = this.#services
    const { account, browser } = whose
    const call = performable(asked, account, rule, process.env)
    this.#refuseForeignHost(call, account)
    const page = await browser.page()
    const aboutElement = call.target !== undefined && call.call !== 'text'
    const element = aboutElement ? (await find(page, call.target ?? {}, FIND_MS)).element : undefined
    const address = page.url()
    const input = inputOf(asked, call, { account, address, element })
    const before = rule.screenshots && call.call !== 'screenshot' ? await browser.picture(page) : null

    const proposal = {
      agent: whose.agent,
      action: this.name,
      input,
      session: whose.session,
      ...(asked.reason !== undefined && { reason: asked.reason }),
      ...(asked.confidence !== undefined && { confidence: asked.confidence }),
      ...(asked.cost_usd !== undefined && { cost: nanoFromUsd(asked.cost_usd, 'body.cost_usd') }),
      ...(element !== undefined && { provenance: { element: `untrusted:web:${hostOf(address)}` } }),
    }
    const admitted = await flow.propose(proposal, { venue: 'belay', start: true })
    this.#id = admitted.action.id
    if (before !== null) await this.#keepPicture('before', before)
    isProposed()
    const started = await this.#started(admitted)
    if (started.action.state.name !== 'executing') return { action: started.action, result: null }
    return this.#perform(started, { call, input, element, address, rule })
  }

  /** Waits for the person where one is asked, and takes the permission. */
  async #started(admitted: Admitted): Promise<Admitted> {
    const { flow } = this.#services
    let { action } = admitted
    for (;;) {
      if (action.state.name === 'held') {
        action = await flow.waitForChange(action.id, action.version, WAIT_MS)
      } else if (action.state.name === 'ready') {
        try {
          return await flow.start(action.id)
        } catch (error) {
          // Held again, or refused by what holds now: the action says which.
          if (!(error instanceof BelayError) || error.status !== 409) throw error
          const now = await this.action()
          if (now.state.name === 'ready') return { ...admitted, action: now }
          action = now
        }
      } else {
        return { ...admitted, action }
      }
    }
  }

  async #perform(
    { action, input: released }: Admitted,
    planned: {
      readonly call: PageCall
      readonly input: JsonObject
      readonly element: Element | undefined
      readonly address: string
      readonly rule: BrowserRule
    },
  ): Promise<CallEnd> {
    const { flow, policies } = this.#services
    const browser = this.#browser
    const { state } = action
    if (state.name !== 'executing') return { action, result: null }
    let answer: PageAnswer | undefined
    const done = await execute(
      { id: action.id, state },
      released,
      async (input, { signal }) => {
        const call = releasedCall(planned.call, planned.input, input)
        this.#refuseForeignHost(call, browser.account)
        const page = await browser.page()
        if (call.call !== 'goto' && shownAddress(page.url()) !== shownAddress(planned.address))
          throw new Error(`the page has changed: it is ${shownAddress(page.url())} now`)
        answer = await performCall(browser, page, call, planned.element, signal)
        return answer.result
      },
      state.startedAt,
      this.#withdrawn.signal,
    )
    if (planned.rule.screenshots && browser.pid !== null) await this.#pictureAfter(planned.call, answer)
    const { error, ...rest } = done.report
    const report: DoorReport = {
      ...rest,
      ...(error !== undefined && { error: error.slice(0, MAX_ERROR).toWellFormed() }),
    }
    const { action: settled, judged } = await reportJudged({ flow, policies }, action, report)
    if (done.report.outcome !== 'succeeded')
      return { action: settled, result: null, error: report.error ?? '' }
    if (judged?.effective === 'deny') return { action: settled, result: null }
    // What had to be taken out of the text may be in the bytes too.
    const content = judged?.effective === 'transform' ? undefined : answer?.content
    return {
      action: settled,
      result: judged === null ? (done.report.result ?? null) : judged.result,
      ...(content !== undefined && { content }),
    }
  }

  #refuseForeignHost({ call, url = '' }: PageCall, account: string): void {
    if (call === 'goto' && !this.#browser.mayGoTo(url))
      throw new BelayError('browser:host', { account, host: hostOf(url) || url.slice(0, 100) })
  }

  async #pictureAfter({ call }: PageCall, answer: PageAnswer | undefined): Promise<void> {
    if (call === 'text') return
    try {
      const picture =
        call === 'screenshot'
          ? (answer?.content ?? null)
          : await this.#browser.picture(await this.#browser.page())
      if (picture !== null) await this.#keepPicture('after', picture)
    } catch (error) {
      // It ended meanwhile; the outcome says so.
      if (!(error instanceof BelayError) || error.code !== 'browser:restarted') this.#services.onFault(error)
    }
  }

  async #keepPicture(when: 'before' | 'after', picture: Buffer): Promise<void> {
    await this.#services.flow.keepPicture(this.#id, when, picture)
  }
}
