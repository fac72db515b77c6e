import type { Reason } from '../../action/finding.ts'
import type { StateName } from '../../action/action.ts'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import {
  ActionCancelled,
  ActionDenied,
  ActionExpired,
  ActionFailed,
  ActionHeld,
  ResultWithheld,
} from './errors.ts'
import { OutcomeUnknown } from './errors.ts'

/** One visible element of the page in front. */
export type BrowserTarget =
  | string
  | { readonly selector: string }
  | { readonly role: string; readonly name?: string; readonly exact?: boolean }
  | { readonly label: string; readonly exact?: boolean }
  | { readonly placeholder: string; readonly exact?: boolean }
  | { readonly text: string; readonly exact?: boolean }

export interface BrowserOptions {
  readonly agent: string
  /** Belay's session, under which the calls are recorded; one of its own unless told. */
  readonly session?: string
  /** Seconds to wait while another agent uses the account; 0 unless told. */
  readonly wait?: number
}

/** What goes with each call. */
export interface BrowserCallOptions {
  readonly reason?: string
  readonly confidence?: number
  readonly costUsd?: number
  /** What the page's questions are answered with during the call; they are dismissed unless told. */
  readonly dialog?: 'accept' | 'dismiss'
  /** The most to wait for a person, in seconds; until the approval expires unless told. It is withdrawn then. */
  readonly wait?: number
}

/** Where the browser is after a call, in the page's own words: `provenance` says whose they are. */
export interface PageState {
  readonly url: string
  readonly title: string
  readonly provenance: string
  /** A new window has opened and is in front. */
  readonly opened?: boolean
  readonly dialogs?: readonly { readonly type: string; readonly message: string; readonly answer: string }[]
}

/** How a call stands or ended, from a harness in this process or elsewhere. */
export interface CallStanding {
  readonly id: string
  readonly state: StateName
  readonly reasons: readonly Reason[]
  readonly approval: { readonly id: string } | null
  readonly done: boolean
  readonly result: JsonValue
  readonly content: Buffer | null
  readonly error: string | null
  /** Why the result was withheld; `null` when it was not. */
  readonly withheld: readonly Reason[] | null
}

/** What the SDK needs of a harness for browsers. */
export interface BrowserDoor {
  open(account: string, options: BrowserOptions): Promise<{ readonly id: string }>
  begin(session: string, call: JsonObject, seconds: number): Promise<CallStanding>
  wait(session: string, action: string, seconds: number): Promise<CallStanding>
  cancel(action: string): Promise<void>
  close(session: string): Promise<void>
}

const SLICE_SECONDS = 25

/**
 * The browser of one account, for one agent, until it is closed. Every call is an action `browser.…`: it throws
 * `ActionDenied`, `ActionExpired`, `ActionCancelled` or `ActionHeld` when it was not done, `ActionFailed` when it
 * could not be, `OutcomeUnknown` when nobody knows, `ResultWithheld` when the policy keeps what came back, and a
 * `BelayError` `browser:…` when there is no such element, host or session.
 */
export class BrowserSession {
  readonly id: string
  readonly #door: BrowserDoor

  constructor(door: BrowserDoor, id: string) {
    this.#door = door
    this.id = id
  }

  goto(url: string, options?: BrowserCallOptions): Promise<PageState & { readonly status: number }> {
    return this.#call('goto', { url }, options)
  }

  click(target: BrowserTarget, options?: BrowserCallOptions): Promise<PageState> {
    return this.#call('click', { target: targetOf(target) }, options)
  }

  /** `{ secret: NAME }` fills in a secret of the account, which this program never sees. */
  fill(
    target: BrowserTarget,
    value: string | { readonly secret: string },
    options?: BrowserCallOptions,
  ): Promise<PageState> {
    const what = typeof value === 'string' ? { value } : { secret: value.secret }
    return this.#call('fill', { target: targetOf(target), ...what }, options)
  }

  /** A key such as `Enter` or `Control+A`, at the element or where the focus is. */
  press(
    key: string,
    options: BrowserCallOptions & { readonly target?: BrowserTarget } = {},
  ): Promise<PageState> {
    const { target, ...rest } = options
    return this.#call('press', { key, ...(target !== undefined && { target: targetOf(target) }) }, rest)
  }

  select(
    target: BrowserTarget,
    values: readonly string[],
    options?: BrowserCallOptions,
  ): Promise<PageState & { readonly selected: readonly string[] }> {
    return this.#call('select', { target: targetOf(target), values: [...values] }, options)
  }

  upload(
    target: BrowserTarget,
    files: readonly { readonly name: string; readonly type?: string; readonly content: Uint8Array }[],
    options?: BrowserCallOptions,
  ): Promise<PageState> {
    const encoded = files.map(({ content, ...rest }) => ({
      ...rest,
      content: Buffer.from(content).toString('base64'),
    }))
    return this.#call('upload', { target: targetOf(target), files: encoded }, options)
  }

  /** Clicks, and gives the file that this downloads: at most 8 MB. */
  async download(
    target: BrowserTarget,
    options?: BrowserCallOptions,
  ): Promise<PageState & { readonly name: string; readonly sha256: string; readonly content: Buffer }> {
    const { result, content } = await this.#whole('download', { target: targetOf(target) }, options)
    return {
      ...(result as unknown as PageState & { name: string; sha256: string }),
      content: content ?? Buffer.alloc(0),
    }
  }

  /** What can be read on the page, or in one element. */
  text(
    options: BrowserCallOptions & { readonly target?: BrowserTarget } = {},
  ): Promise<PageState & { readonly text: string }> {
    const { target, ...rest } = options
    return this.#call('text', target === undefined ? {} : { target: targetOf(target) }, rest)
  }

  /** JPEG, with the fields for secrets covered. */
  async screenshot(options: BrowserCallOptions & { readonly fullPage?: boolean } = {}): Promise<Buffer> {
    const { fullPage, ...rest } = options
    const { content } = await this.#whole(
      'screenshot',
      fullPage === undefined ? {} : { full_page: fullPage },
      rest,
    )
    return content ?? Buffer.alloc(0)
  }

  /** Withdraws what waits and ends the browser. The account stays logged in. */
  close(): Promise<void> {
    return this.#door.close(this.id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #call<R>(call: string, what: JsonObject, options?: BrowserCallOptions): Promise<R> {
    return (await this.#whole(call, what, options)).result as R
  }

  async #whole(call: string, what: JsonObject, options: BrowserCallOptions = {}): Promise<CallStanding> {
    const { reason, confidence, costUsd, dialog, wait } = options
    const asked: JsonObject = {
      call,
      ...what,
      ...(reason !== undefined && { reason }),
      ...(confidence !== undefined && { confidence }),
      ...(costUsd !== undefined && { cost_usd: costUsd }),
      ...(dialog !== undefined && { dialog }),
    }
    const until = wait === undefined ? Infinity : performance.now() + wait * 1_000
    const seconds = (): number => Math.max(0, Math.min(SLICE_SECONDS, (until - performance.now()) / 1_000))
    let standing = await this.#door.begin(this.id, asked, Math.min(SLICE_SECONDS, wait ?? Infinity))
    while (!standing.done) {
      if (standing.state === 'held' && performance.now() >= until) {
        await this.#door.cancel(standing.id).catch(() => undefined)
        throw new ActionHeld(standing)
      }
      standing = await this.#door.wait(
        this.id,
        standing.id,
        standing.state === 'held' ? seconds() : SLICE_SECONDS,
      )
    }
    return ended(standing)
  }
}

function ended(standing: CallStanding): CallStanding {
  const { id, state, error, withheld } = standing
  switch (state) {
    case 'denied':
      throw new ActionDenied(standing)
    case 'expired':
    case 'ready':
      throw new ActionExpired(standing)
    case 'cancelled':
      throw new ActionCancelled(standing)
    case 'failed':
      throw new ActionFailed(id, error ?? 'it failed')
    case 'succeeded':
    case 'undone':
      if (withheld !== null) throw new ResultWithheld(id, withheld)
      return standing
    case 'held':
    case 'executing':
    case 'unknown':
      throw new OutcomeUnknown(
        `Whether the call ${id} was done is not known: ${error ?? 'it did not end in time'}`,
      )
  }
}

function targetOf(target: BrowserTarget): JsonObject {
  return typeof target === 'string' ? { selector: target } : { ...target }
}

/** Why a result was kept back, from `judged` of an action's answer. */
export function withheldIn(judged: JsonValue | undefined): readonly Reason[] | null {
  if (!isJsonObject(judged) || judged['effective'] !== 'deny' || !Array.isArray(judged['reasons']))
    return null
  return judged['reasons']
}
