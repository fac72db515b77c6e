import type { Check } from '../../policy/check.ts'
import type { JsonObject } from '../../action/json.ts'
import type { BrowserOptions, BrowserSession } from './browser.ts'
import { guardWith } from './guard.ts'
import type { GuardCall, Guarded, GuardOptions } from './guard.ts'
import type { PromptAccess } from './prompt-access.ts'
import type { ProposalOptions, Standing, WholeDoor } from './harness-door.ts'
import type { SnippetRequest, SnippetResult } from './snippet.ts'

/** A harness inside this process, on a data folder or a PostgreSQL database. */
export interface EmbeddedOptions {
  /** Path of `belay.yaml`. */
  readonly config: string
  /** The data folder; `.belay` unless told. */
  readonly data?: string
  /** `postgres://…`: use PostgreSQL instead of SQLite. */
  readonly databaseUrl?: string
  /** Checks of the project's own, usable in `verify:` under their names. */
  readonly checks?: readonly Check[]
}

/** A running harness, reached over HTTP with an agent's key. */
export interface RemoteOptions {
  readonly url: string
  /** `blk_…`, as `belay keys create` showed it. */
  readonly key: string
}

/** The harness as a program holds it. One surface, whether it runs in this process or elsewhere. */
export class Belay {
  readonly #door: WholeDoor
  readonly #running = new Set<Promise<unknown>>()

  private constructor(door: WholeDoor) {
    this.#door = door
  }

  /**
   * Opens a harness in this process (`config`), or connects to a running one (`url`, `key`). Throws a
   * `BelayError`: `policy:invalid` for a faulty configuration, `store:locked` when another process has the folder.
   */
  static async open(options: EmbeddedOptions | RemoteOptions): Promise<Belay> {
    // Loaded on demand: whoever only talks to a running harness loads no database driver.
    if ('url' in options) {
      const { openRemote } = await import('./remote.ts')
      return new Belay(openRemote(options))
    }
    const { openEmbedded } = await import('./embedded.ts')
    return new Belay(await openEmbedded(options))
  }

  /**
   * Makes a function that proposes each of its calls as the action `name`, waits for a person where the policy
   * says so, and runs what was allowed, once. It throws `ActionDenied`, `ActionExpired`, `ActionCancelled` or
   * `ActionHeld` when nothing ran, `ActionTimedOut` or what `run` threw when it did.
   */
  guard<I extends object, R>(name: string, options: GuardOptions<I, R>): Guarded<I, R> {
    return guardWith(this.#door, this.#running, name, options)
  }

  /** Proposes an action without running it: the decision, and how it stands. */
  propose(action: string, input: JsonObject, options: ProposalOptions): Promise<Standing> {
    return this.#door.propose(action, input, options, false)
  }

  /** The registry of prompts: versions, labels, rendering. */
  get prompts(): PromptAccess {
    return this.#door.prompts
  }

  /**
   * The browser of an account that the policy names under `browsers:`, still logged in from last time; each call of
   * its pages is an action `browser.…`. Throws a `BelayError`: `browser:unknown_account` when the policy does not
   * name the agent there, `browser:in_use` when somebody else has it, `browser:unavailable` when it cannot run.
   */
  async browser(account: string, options: BrowserOptions): Promise<BrowserSession> {
    const [{ BrowserSession: Session }, door] = await Promise.all([
      import('./browser.ts'),
      this.#door.browsers(),
    ])
    return new Session(door, (await door.open(account, options)).id)
  }

  /**
   * Runs generated code in a sandbox of its own, without a network, as the action `code.run`: judged, held for a person
   * where the policy says so, recorded. Answers what it wrote and how it ended, also when it ended badly. Throws as
   * guarded functions do when nothing ran, `ResultWithheld`, and a `BelayError` `sandbox:…` when this machine cannot
   * confine it.
   */
  async snippet(request: SnippetRequest, call: GuardCall): Promise<SnippetResult> {
    const { snippetThrough } = await import('./snippet.ts')
    const work = snippetThrough(this.#door, this.#door.snippet, request, call)
    this.#running.add(work)
    return work.finally(() => this.#running.delete(work))
  }

  /** How an action stands now. */
  action(id: string): Promise<Standing> {
    return this.#door.get(id)
  }

  /** Withdraws an action that has not started. Throws the `BelayError` `action:wrong_state` when it has. */
  cancel(id: string): Promise<void> {
    return this.#door.cancel(id)
  }

  /** Undoes a succeeded action within its window, or asks whoever can. Throws a `BelayError` `undo:…`. */
  undo(id: string): Promise<Standing> {
    return this.#door.undo(id)
  }

  /** Waits for what runs to be reported, then lets go of the harness. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running)
    await this.#door.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
