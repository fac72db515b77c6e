import { DECISIONS } from '../../action/decision.ts'
import type { Decision } from '../../action/decision.ts'
import type { JsonObject } from '../../action/json.ts'
import { objectOf, objectsOf, textOf, timeOf } from './answer.ts'

/** What would have been held back for one reason, in one kind of action. */
export interface HeldBack {
  readonly action: string
  readonly decision: Exclude<Decision, 'allow'>
  /** Whether it was about doing it, or about what came back: the agent would not have got that, or not all of it. */
  readonly of: 'action' | 'result'
  /** The reason that decided; further reasons of the same actions are not counted apart. */
  readonly code: string
  readonly message: string
  readonly count: number
  readonly agents: readonly string[]
  /** Ids of the newest such actions. */
  readonly examples: readonly string[]
}

/** An agent that would have been paused or stopped. Times are ISO 8601. */
export interface WouldPause {
  readonly agent: string
  readonly code: string
  readonly message: string
  /** The first action that was decided so, and when it was proposed. */
  readonly first: string
  readonly at: string
  /** How many of its actions would have been refused for this alone. */
  readonly refused: number
}

export interface Preview {
  /** Of all that was looked at. Actions that were decided under `enforce` are no preview. */
  readonly observed: number
  readonly enforced: number
  readonly from: string | null
  readonly until: string | null
  readonly agents: number
  readonly decisions: Readonly<Record<Decision, number>>
  readonly held_back: readonly HeldBack[]
  /** Distinct reasons beyond those that are told apart. */
  readonly other: number
  readonly paused: readonly WouldPause[]
  /** Actions by the digest of the policy that decided them, newest policy first. */
  readonly policies: readonly { readonly policy_version: string; readonly actions: number }[]
}

const EXAMPLES = 3
// Names and reasons come from agents and policies: what is kept of them is bounded.
const MAX_GROUPS = 5000
const MAX_AGENTS_OF_A_GROUP = 20
const MAX_POLICIES = 100
const MAX_AGENTS = 10_000

interface Group extends HeldBack {
  count: number
  readonly agents: string[]
  readonly examples: string[]
}

/** Adds up what was decided under `observe`: what enforcing would have let pass, changed, held and refused. */
export class ObservedDecisions {
  #observed = 0
  #enforced = 0
  #newest: string | null = null
  #oldest: string | null = null
  #other = 0
  readonly #agents = new Set<string>()
  readonly #decisions: Record<Decision, number> = { allow: 0, transform: 0, require_approval: 0, deny: 0 }
  readonly #groups = new Map<string, Group>()
  readonly #paused = new Map<string, WouldPause>()
  readonly #policies = new Map<string, number>()

  /** Actions come newest first, as the API lists them. */
  add(action: JsonObject): void {
    const decision = DECISIONS.find((each) => each === action['decision'])
    if (action['mode'] !== 'observe' || decision === undefined) {
      this.#enforced += 1
      return
    }
    const at = textOf(action['proposed_at'])
    const agent = textOf(action['agent'])
    this.#observed += 1
    this.#newest ??= at
    this.#oldest = at
    if (this.#agents.size < MAX_AGENTS) this.#agents.add(agent)
    this.#decisions[decision] += 1
    const version = textOf(action['policy_version'])
    if (this.#policies.has(version) || this.#policies.size < MAX_POLICIES)
      this.#policies.set(version, (this.#policies.get(version) ?? 0) + 1)
    if (decision !== 'allow') {
      this.#count(action, { decision, of: 'action' }, objectsOf(action['reasons']), agent)
      this.#countPause(action, agent)
    }
    const judged = objectOf(action['judged'])
    const onResult = DECISIONS.find((each) => each === judged['decision'])
    if (onResult !== undefined && onResult !== 'allow')
      this.#count(action, { decision: onResult, of: 'result' }, objectsOf(judged['reasons']), agent)
  }

  #count(
    action: JsonObject,
    what: Pick<HeldBack, 'decision' | 'of'>,
    reasons: readonly JsonObject[],
    agent: string,
  ): void {
    const first = reasons[0]
    const code = textOf(first?.['code'])
    const id = textOf(action['id'])
    const name = textOf(action['action'])
    const key = JSON.stringify([name, what.of, what.decision, code])
    const group = this.#groups.get(key)
    if (group !== undefined) {
      group.count += 1
      if (group.examples.length < EXAMPLES) group.examples.push(id)
      if (!group.agents.includes(agent) && group.agents.length < MAX_AGENTS_OF_A_GROUP)
        group.agents.push(agent)
    } else if (this.#groups.size < MAX_GROUPS) {
      const message = textOf(first?.['message'])
      this.#groups.set(key, {
        action: name,
        ...what,
        code,
        message,
        count: 1,
        agents: [agent],
        examples: [id],
      })
    } else this.#other += 1
  }

  #countPause(action: JsonObject, agent: string): void {
    const reasons = objectsOf(action['reasons'])
    const pause = reasons.find((reason) => /^(?:agent:|breaker:)/.test(textOf(reason['code'])))
    if (pause === undefined) return
    const before = this.#paused.get(agent)
    if (before === undefined && this.#paused.size >= MAX_AGENTS) return
    const alone = reasons.every((reason) => /^(?:agent:|breaker:)/.test(textOf(reason['code'])))
    this.#paused.set(agent, {
      agent,
      // Newest first: the last one that is seen is the one that it began with.
      code: textOf(pause['code']),
      message: textOf(pause['message']),
      first: textOf(action['id']),
      at: textOf(action['proposed_at']),
      refused: (before?.refused ?? 0) + (alone ? 1 : 0),
    })
  }

  preview(): Preview {
    return {
      observed: this.#observed,
      enforced: this.#enforced,
      from: this.#oldest,
      until: this.#newest,
      agents: this.#agents.size,
      decisions: { ...this.#decisions },
      held_back: [...this.#groups.values()].toSorted(byWeight),
      other: this.#other,
      paused: [...this.#paused.values()].toSorted((a, b) => b.refused - a.refused),
      policies: [...this.#policies].map(([policy_version, actions]) => ({ policy_version, actions })),
    }
  }
}

/** How many a day, from so many in a stretch of time; `null` where the stretch is too short to tell. */
export function perDay(count: number, from: string | null, until: number): number | null {
  const ms = until - timeOf(from)
  return ms >= 3_600_000 ? Math.round((count * 86_400_000) / ms) : null
}

function byWeight(a: HeldBack, b: HeldBack): number {
  return b.count - a.count || a.action.localeCompare(b.action) || a.code.localeCompare(b.code)
}
