import { sha256 } from '../../action/digest.ts'
import type { StateName } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { PIN_ACTION, pinSession, type ActionDoor, type PinAction, type Standing } from './action-door.ts'
import { suspiciousTexts, type ToolDefinition } from './tool-text.ts'

/** In whose name tools are pinned: nobody holds a key of this agent, so no agent can pin for itself. */
export const PIN_AGENT = 'belay.mcp'

export type PinStatus =
  | { readonly status: 'pinned' }
  | {
      readonly status: 'held'
      readonly approval: string
      readonly action: string
      readonly groups: readonly string[]
    }
  | { readonly status: 'refused'; readonly why: string }

const PINNED: ReadonlySet<StateName> = new Set(['executing', 'succeeded', 'unknown'])
const RESTS = 30_000
const MAX_WATCHED = 500
/** How long a refusal that no person gave stands before it is put before the pipeline again. */
const REFUSAL_STANDS_MS = 60_000

/**
 * The definitions of one server's tools, each by its digest. A definition is pinned when it was seen first and
 * nothing about it is suspicious, or when a person has approved it; every other one is held. The decisions are actions
 * `mcp.pin`, so they outlast the process and hold for every replica.
 */
export class PinBook {
  readonly #door: ActionDoor
  readonly #agent: string
  readonly #server: string
  readonly #onNote: (text: string) => void
  readonly #onFault: (error: unknown) => void
  readonly #known = new Map<string, Map<string, PinStatus>>()
  readonly #asking = new Map<string, Promise<PinStatus>>()
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  #watched = 0

  constructor(options: {
    readonly door: ActionDoor
    readonly agent: string
    readonly server: string
    readonly onNote: (text: string) => void
    readonly onFault: (error: unknown) => void
  }) {
    this.#door = options.door
    this.#agent = options.agent
    this.#server = options.server
    this.#onNote = options.onNote
    this.#onFault = options.onFault
  }

  /** What is known of it now, without asking. */
  known(tool: string, digest: string): PinStatus | undefined {
    return this.#known.get(tool)?.get(digest)
  }

  /** Puts definitions before the pipeline that are not known yet. Never rejects: what cannot be decided is refused. */
  async judge(definitions: readonly ToolDefinition[]): Promise<void> {
    const unknown = definitions.filter(({ name, digest }) => this.known(name, digest) === undefined)
    if (unknown.length === 0) return
    let recorded: readonly PinAction[]
    try {
      recorded = await this.#door.pins(this.#agent, this.#server)
    } catch (error) {
      this.#onFault(error)
      for (const each of unknown) this.#set(each, { status: 'refused', why: UNDECIDED }, true)
      return
    }
    await Promise.all(unknown.map((each) => this.#ask(each, recorded)))
  }

  /** Calls back when a held definition was decided. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): void {
    this.#closing.abort()
    this.#listeners.clear()
  }

  #ask(definition: ToolDefinition, recorded: readonly PinAction[]): Promise<PinStatus> {
    const key = `${definition.name}\n${definition.digest}`
    const before = this.#asking.get(key)
    if (before !== undefined) return before
    const asking = this.#decide(definition, recorded)
      .catch((error: unknown): PinStatus => {
        this.#onFault(error)
        return { status: 'refused', why: UNDECIDED }
      })
      .then((status) => {
        this.#set(definition, status, status.status === 'refused' && status.why !== REJECTED)
        return status
      })
      .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #decide(definition: ToolDefinition, recorded: readonly PinAction[]): Promise<PinStatus> {
    const { name, digest } = definition
    const own = recorded.filter(({ tool }) => tool === name)
    const last = own.find((pin) => pin.digest === digest)
    if (last !== undefined) {
      if (PINNED.has(last.state)) return { status: 'pinned' }
      const standing = await this.#door.get(last.id)
      const status = await this.#settled(definition, standing)
      if (status !== undefined) return status
    }
    const previous = own.find((pin) => PINNED.has(pin.state))?.digest ?? null
    const standing = await this.#door.propose(this.#proposal(definition, previous, last?.id), false)
    return (await this.#settled(definition, standing)) ?? { status: 'refused', why: sentence(standing) }
  }

  /** What the action says of the definition; `undefined` where it must be asked about anew. */
  async #settled(definition: ToolDefinition, standing: Standing): Promise<PinStatus | undefined> {
    if (PINNED.has(standing.state)) return { status: 'pinned' }
    if (standing.state === 'ready') {
      await this.#take(standing)
      return { status: 'pinned' }
    }
    if (standing.state === 'held' && standing.approval !== null) {
      const { id, groups } = standing.approval
      this.#onNote(
        `the tool ${definition.name} waits for a person: it is new and suspicious, or has changed. See it with ` +
          `\`belay actions show ${standing.id}\`, then \`belay approvals approve ${id}\` or \`reject ${id}\``,
      )
      this.#watch(definition, standing)
      return { status: 'held', approval: id, action: standing.id, groups }
    }
    if (standing.state === 'denied' && standing.reasons[0]?.code === 'approval:rejected')
      return { status: 'refused', why: REJECTED }
    return undefined
  }

  /** The permission is taken once, by whichever replica comes first. */
  async #take({ id }: Standing): Promise<void> {
    try {
      await this.#door.start(id)
    } catch (error) {
      if (!(error instanceof BelayError) || error.code !== 'action:wrong_state') throw error
      return
    }
    await this.#door.report(id, { outcome: 'succeeded', cost: 0 })
  }

  #proposal({ name, digest, tool }: ToolDefinition, previous: string | null, after: string | undefined) {
    const findings = suspiciousTexts(tool)
    const { description = null } = tool
    const input: JsonObject = {
      server: this.#server,
      tool: name,
      digest,
      previous_digest: previous,
      description,
      findings: findings.map((finding) => ({ ...finding })),
      definition: tool,
    }
    return {
      agent: this.#agent,
      action: PIN_ACTION,
      input,
      session: pinSession(this.#server),
      target: name,
      toolSchemaVersion: digest,
      // Expired and withdrawn decisions are asked for again, under a key that every replica comes to.
      idempotencyKey: `mcp.pin:${sha256([this.#server, name, digest, after ?? ''].join('\n'))}`,
      provenance: {
        description: `untrusted:mcp:${this.#server}`,
        definition: `untrusted:mcp:${this.#server}`,
      },
    }
  }

  #set({ name, digest }: ToolDefinition, status: PinStatus, passing: boolean): void {
    let digests = this.#known.get(name)
    if (digests === undefined) this.#known.set(name, (digests = new Map()))
    // A server that changes a tool at every look fills nobody's memory.
    if (digests.size >= 100) digests.clear()
    digests.set(digest, status)
    if (passing)
      setTimeout(() => digests.get(digest) === status && digests.delete(digest), REFUSAL_STANDS_MS).unref()
  }

  #watch(definition: ToolDefinition, standing: Standing): void {
    if (this.#watched >= MAX_WATCHED) return
    this.#watched++
    void this.#waitFor(definition, standing).finally(() => this.#watched--)
  }

  async #waitFor(definition: ToolDefinition, held: Standing): Promise<void> {
    const { signal } = this.#closing
    let standing = held
    while (!signal.aborted) {
      try {
        standing = await this.#door.wait(standing, RESTS, signal)
        if (signal.aborted) return
        if (standing.state === 'held') continue
        const status = await this.#settled(definition, standing)
        if (status === undefined) this.#known.get(definition.name)?.delete(definition.digest)
        else this.#set(definition, status, false)
        for (const listener of this.#listeners) listener()
        return
      } catch (error) {
        if (signal.aborted) return
        this.#onFault(error)
        await new Promise((resolve) => setTimeout(resolve, 5_000).unref())
      }
    }
  }
}

const UNDECIDED = 'whether it may be used could not be decided'
const REJECTED = 'a person has rejected its definition'

function sentence({ reasons, state }: Standing): string {
  return reasons.map(({ message }) => message).join(' ') || `its definition is ${state}`
}
