import type { Proposal } from '../../../action/action.ts'
import type { JsonObject } from '../../../action/json.ts'
import type { Finding } from '../../../action/finding.ts'
import type { NoveltyRule } from '../../../policy/compile-anomaly.ts'
import type { Store } from '../../../storage/store.ts'
import type { AnomalyObserver } from '../baselines/anomaly.ts'
import type { Watched } from '../baselines/findings.ts'
import { NOTHING } from '../baselines/findings.ts'
import { Situations } from './situations.ts'
import { wordsOf } from './words.ts'

const CODE = 'novelty:situation'
const MAX_AGENTS = 200
const MAX_PENDING = 2048
const MAX_UNWRITTEN = 2000
/** How often what was learned goes to the store, ms. */
const EVERY = 60_000

interface Asked {
  readonly id: string
  readonly at: number
  readonly proposal: Proposal
  readonly input: JsonObject
}

interface Known {
  situations: Situations
  version: number | null
  /** Learned since the store was read or written last: put on top of what another replica wrote. */
  unwritten: { readonly words: Uint16Array; readonly kind: number }[]
}

/** Is an action like anything that the agent did before? Learns from what ran, and from what a person let run. */
export class Novelty {
  readonly #agents = new Map<string, Known>()
  readonly #pending = new Map<string, Uint16Array>()
  readonly #onAnomaly: AnomalyObserver
  readonly #store: Pick<Store, 'baselines' | 'now'>
  #next = 0

  constructor(store: Pick<Store, 'baselines' | 'now'>, onAnomaly: AnomalyObserver) {
    this.#store = store
    this.#onAnomaly = onAnomaly
  }

  arrive({ id, at, proposal, input }: Asked, rule: NoveltyRule): Watched {
    const known = this.#known(proposal.agent)
    if (known === undefined) return NOTHING
    const words = wordsOf({ ...proposal, input })
    const { situations } = known
    const similarity = situations.learned < rule.after ? 1 : situations.similarity(words)
    if (similarity >= rule.below) {
      if (this.#pending.size >= MAX_PENDING) this.#pending.delete(this.#pending.keys().next().value!)
      this.#pending.set(id, words)
      return NOTHING
    }
    const message = `${proposal.action} by ${proposal.agent} is unlike all before: similarity ${similarity.toFixed(2)} to the nearest of ${situations.count} situations out of ${situations.learned} actions; below ${rule.below} is novel.`
    const reason = { code: CODE, message }
    this.#onAnomaly({
      detector: 'situation',
      code: CODE,
      response: rule.then,
      agent: proposal.agent,
      action: proposal.action,
      message,
      normal: rule.below,
      observed: similarity,
      unit: 'similarity',
      since: at,
      at,
      actionId: id,
    })
    // Nobody is asked: it is learned like the others when it has run.
    if (rule.then === 'alert') this.#pending.set(id, words)
    const findings: Finding[] = [{ decision: decisionOf(rule), reason }]
    if (rule.then !== 'pause' && rule.then !== 'stop') return { findings }
    const state = rule.then === 'stop' ? 'stopped' : 'paused'
    return { findings, verdict: { state, reason: `${CODE}: ${message}`, by: 'anomaly' } }
  }

  /** It ran. */
  finished(agent: string, action: string, id: string, succeeded: boolean): void {
    const words = this.#pending.get(id)
    if (words === undefined) return
    this.#pending.delete(id)
    if (succeeded) this.#learn(agent, words, action)
  }

  /** It ran because a person had said yes to it. */
  approved(agent: string, action: string, input: JsonObject): void {
    this.#learn(agent, wordsOf({ action, input }), action)
  }

  async load(isWatched: (agent: string) => boolean): Promise<void> {
    const heads = await this.#store.baselines.heads()
    const wanted = heads.filter(({ kind, agent }) => kind === 'novelty' && isWatched(agent))
    for (const row of await this.#store.baselines.rows(wanted)) {
      const situations = Situations.decode(row.data)
      this.#agents.set(row.agent, {
        situations: situations ?? new Situations(),
        version: row.version,
        unwritten: [],
      })
    }
  }

  async tend(at: number): Promise<void> {
    if (at < this.#next && this.#next - at <= EVERY) return
    this.#next = at + EVERY
    await this.exchange()
  }

  /** Writes what was learned; where another replica wrote meanwhile, on top of that. */
  async exchange(): Promise<void> {
    for (const [agent, known] of this.#agents) {
      if (known.unwritten.length === 0) continue
      const key = { agent, action: '', kind: 'novelty' } as const
      const written = known.unwritten
      const row = {
        ...key,
        version: (known.version ?? 0) + 1,
        updatedAt: this.#store.now(),
        data: known.situations.encode(),
      }
      known.unwritten = []
      const [first] = await this.#store.baselines.write([{ row, replaces: known.version }])
      if (first === true) {
        known.version = row.version
        continue
      }
      const [stored] = await this.#store.baselines.rows([key])
      known.unwritten = [...written, ...known.unwritten]
      known.situations = (stored && Situations.decode(stored.data)) ?? new Situations()
      known.version = stored?.version ?? null
      for (const { words, kind } of known.unwritten) known.situations.learn(words, kind)
    }
  }

  #known(agent: string): Known | undefined {
    let known = this.#agents.get(agent)
    if (known === undefined && this.#agents.size < MAX_AGENTS) {
      known = { situations: new Situations(), version: null, unwritten: [] }
      this.#agents.set(agent, known)
    }
    return known
  }

  #learn(agent: string, words: Uint16Array, action: string): void {
    const known = this.#known(agent)
    if (known === undefined) return
    let kind = 7
    for (let i = 0; i < action.length; i++) kind = (Math.imul(kind, 31) + action.charCodeAt(i)) | 0
    known.situations.learn(words, kind)
    if (known.unwritten.length < MAX_UNWRITTEN) known.unwritten.push({ words, kind })
  }
}

function decisionOf({ then }: NoveltyRule): Finding['decision'] {
  if (then === 'alert') return 'allow'
  return then === 'require_approval' ? 'require_approval' : 'deny'
}
