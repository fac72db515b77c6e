import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { NewRecord, PromptChange, PromptVersion, Store } from '../../storage/store.ts'
import { digestOfDraft, LATEST, readRef, renderPrompt } from './prompt.ts'
import type { PromptDraft, RenderedPrompt } from './prompt.ts'
import type { Variables } from './template.ts'

/** Which version is meant: a number, or what a label names; `latest` where nothing is said. */
export interface WhichVersion {
  readonly version?: number | undefined
  readonly label?: string | undefined
}

/** A ref, and what it names; `null`: nothing. */
export interface NamedPrompt {
  readonly ref: string
  readonly version: PromptVersion | null
}

const MAX_KEPT = 500
const MAX_TRIES = 5

/**
 * Prompts with immutable versions and movable labels. Every version and every move of a label is a record of the
 * ledger, in the same commit.
 */
export class PromptRegistry {
  readonly #store: Store
  readonly #kept = new Map<string, PromptVersion>()

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * Makes the next version, unless the newest says the same. With `labels`, they move to the new version; where nothing
   * is new, only those that do not exist yet are set. Throws `prompt:invalid`, `input:too_large`.
   */
  async push(
    draft: PromptDraft,
    { by, labels = [] }: { readonly by: string; readonly labels?: readonly string[] },
  ): Promise<{ readonly version: PromptVersion; readonly created: boolean }> {
    const digest = digestOfDraft(draft)
    const { name, content, config, note } = draft
    return this.#alone(name, async () => {
      const now = this.#store.now()
      const newest = await this.#store.prompts.latest(name)
      const created = newest === undefined || newest.digest !== digest
      const version: PromptVersion = created
        ? {
            name,
            version: (newest?.version ?? 0) + 1,
            digest,
            content,
            config,
            note,
            createdAt: now,
            createdBy: by,
          }
        : newest
      const known = new Map((await this.#store.prompts.labels(name)).map((label) => [label.label, label]))
      const moved = labels
        .filter((label) => (created ? known.get(label)?.version !== version.version : !known.has(label)))
        .map((label) => ({ label, from: known.get(label)?.version ?? null }))
      if (!created && moved.length === 0) return { version, created }
      const done = await this.#commit(version, created, moved, by, now)
      return done ? { version, created } : undefined
    })
  }

  /** Lets a label name a version. Throws `prompt:not_found`, `prompt:label_reserved`. */
  async move(name: string, label: string, to: number, by: string): Promise<PromptVersion> {
    if (label === LATEST) throw new BelayError('prompt:label_reserved', { label })
    return this.#alone(name, async () => {
      const version = await this.#store.prompts.version(name, to)
      if (version === undefined) throw notFound(name, { version: to })
      const before = (await this.#store.prompts.labels(name)).find((known) => known.label === label)
      if (before?.version === to) return version
      const moved = [{ label, from: before?.version ?? null }]
      return (await this.#commit(version, false, moved, by, this.#store.now())) ? version : undefined
    })
  }

  /** Throws `prompt:not_found`. */
  async get(name: string, which: WhichVersion = {}): Promise<PromptVersion> {
    const found = await this.#find(name, which)
    if (found === undefined) throw notFound(name, which)
    return found
  }

  /** Throws `prompt:not_found`, `prompt:variables`, `input:too_large`. */
  async render(name: string, which: WhichVersion, variables: Variables): Promise<RenderedPrompt> {
    return renderPrompt(await this.get(name, which), variables)
  }

  /** What a ref (`name@3`, `name@production`, `name`) names. Never throws for what the ref holds. */
  async named(ref: string): Promise<NamedPrompt> {
    const read = readRef(ref)
    const version = read === undefined ? undefined : await this.#find(read.name, read)
    return { ref, version: version ?? null }
  }

  /** What a record says of the version that a ref names. Throws `prompt:not_found`. */
  async factsOf(ref: string): Promise<JsonObject> {
    const { version } = await this.named(ref)
    if (version === null) throw new BelayError('prompt:not_found', { name: ref })
    return { name: version.name, version: version.version, digest: version.digest }
  }

  async #find(name: string, { version, label }: WhichVersion): Promise<PromptVersion | undefined> {
    const { prompts } = this.#store
    if (version !== undefined) return this.#version(name, version)
    if (label === undefined || label === LATEST) return prompts.latest(name)
    const named = (await prompts.labels(name)).find((known) => known.label === label)
    return named === undefined ? undefined : this.#version(name, named.version)
  }

  /** What never changes is read once. */
  async #version(name: string, version: number): Promise<PromptVersion | undefined> {
    const key = `${name}@${version}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    const found = await this.#store.prompts.version(name, version)
    if (found === undefined) return undefined
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
    this.#kept.set(key, found)
    return found
  }

  async #commit(
    version: PromptVersion,
    created: boolean,
    moved: readonly { readonly label: string; readonly from: number | null }[],
    by: string,
    at: number,
  ): Promise<boolean> {
    const { name, version: number, digest, note } = version
    const prompt: PromptChange = {
      ...(created && { version }),
      labels: moved.map(({ label, from }) => ({
        value: { name, label, version: number, movedAt: at, movedBy: by },
        replaces: from,
      })),
    }
    const record = (body: NewRecord['body']): NewRecord => ({
      kind: 'prompt',
      at,
      action: null,
      agent: null,
      body,
    })
    const { status } = await this.#store.commit({
      prompt,
      records: [
        ...(created
          ? [record({ by, event: 'version', prompt: { name, version: number, digest }, note })]
          : []),
        ...moved.map(({ label, from }) =>
          record({ by, event: 'label', prompt: { name, version: number, digest }, label, from }),
        ),
      ],
    })
    return status === 'committed'
  }

  /** One change of a prompt at a time, whichever replica asks; again when somebody was first all the same. */
  async #alone<T>(name: string, work: () => Promise<T | undefined>): Promise<T> {
    return this.#store.exclusively(`prompt:${name}`, async () => {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const done = await work()
        if (done !== undefined) return done
      }
      throw new BelayError('prompt:conflict', { name })
    })
  }
}

function notFound(name: string, { version, label }: WhichVersion): BelayError {
  const which = version !== undefined ? `version ${version} of ` : label !== undefined ? `${label} of ` : ''
  return new BelayError('prompt:not_found', { name: `${which}${name}` })
}
