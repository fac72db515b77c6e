import { createHash } from 'node:crypto'
import { isAbsolute, resolve } from 'node:path'
import type { Action, Proposal } from '../../action/action.ts'
import type { Reason } from '../../action/finding.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Admitted, Flow } from '../../flow/flow.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import { reportJudged } from '../judged-report.ts'
import type { ChangeChecker } from '../../code/check-change.ts'
import { namedAction } from './propose-tool-use.ts'
import type { HookDecision, HookedAgent, HookEvent } from './tool-use.ts'

export interface HookDeskOptions {
  readonly flow: Flow
  readonly store: Pick<Store, 'action'>
  readonly policies: { current(): Policy }
}

/** What the owner of the hook has chosen for actions that a person must approve. */
export interface HeldChoice {
  /** How long the hook waits for the person, ms. */
  readonly wait: number
  /** Who sits at the agent's terminal: is asked there, and the answer is this person's vote. `null`: nobody is asked. */
  readonly approver: string | null
}

export interface HookCall {
  readonly agent: string
  readonly event: JsonObject
  readonly held: HeldChoice
  readonly signal: AbortSignal
}

/** More calls under way than this are forgotten, oldest first; their outcome becomes `unknown`. */
const MAX_REMEMBERED = 10_000
/** Larger results are not recorded, nor let past checks of results. */
const MAX_RESULT = 256 * 1024

/**
 * Serves the hooks of coding agents: a call is proposed and started before the tool runs and its outcome reported
 * afterwards. What was held and is approved meanwhile is let through when the agent makes the same call again.
 */
export class HookDesk {
  readonly #flow: Flow
  readonly #store: HookDeskOptions['store']
  readonly #policies: HookDeskOptions['policies']
  /** Actions under way, by the id of the call or, where the agent sends none, by what is called. */
  readonly #running = new Map<string, string[]>()
  readonly #held = new Map<string, string>()
  #checker: ChangeChecker | undefined

  constructor({ flow, store, policies }: HookDeskOptions) {
    this.#flow = flow
    this.#store = store
    this.#policies = policies
  }

  /** Never lets a tool run that was not allowed: whatever goes wrong before it is a denial. */
  async serve(hooked: HookedAgent, call: HookCall): Promise<string> {
    let event: HookEvent
    try {
      event = hooked.read(call.event)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      return hooked.write({ decision: 'deny', reason: `Belay cannot read this call: ${what}.` }, call.event)
    }
    if (event.phase === 'other') return ''
    const decision =
      event.phase === 'before'
        ? await this.#before(hooked, event, call)
        : await this.#after(hooked, event, call)
    return hooked.write(decision, call.event)
  }

  async #before(
    hooked: HookedAgent,
    event: Extract<HookEvent, { phase: 'before' }>,
    call: HookCall,
  ): Promise<HookDecision> {
    const started: Action[] = []
    let asked: string | null = null
    for (const [index, proposal] of this.#proposals(hooked, event, call).entries()) {
      const answer = await this.#admit(hooked, proposal, call)
      if (answer.decision === 'deny') {
        for (const action of started) await this.#giveBack(action)
        return answer
      }
      if (answer.decision === 'ask') asked = answer.reason
      else started.push(answer.action)
      remember(this.#running, runningKey(event, proposal, index), answer.action.id)
      const use = event.uses[index]
      if (use?.kind === 'file' && use.role !== 'read')
        await this.#flow.keepFile(answer.action.id, placeOf(use.path, call.event['cwd']))
    }
    const refused = await this.#codeChange(hooked, event, call)
    if (refused !== null) {
      for (const action of started) await this.#giveBack(action)
      return refused
    }
    return asked === null ? { decision: 'allow' } : { decision: 'ask', reason: asked }
  }

  /** The same call as a change of code, where the policy has an entry for that; null when it may be made. */
  async #codeChange(
    hooked: HookedAgent,
    event: Extract<HookEvent, { phase: 'before' }>,
    call: HookCall,
  ): Promise<Extract<HookDecision, { decision: 'deny' }> | null> {
    if (this.#policies.current().action('code.change') === undefined) return null
    const { codeChange } = await import('./code-change.ts')
    const cwd = typeof call.event['cwd'] === 'string' ? call.event['cwd'] : null
    const change = await codeChange(event.uses, cwd, (this.#checker ??= await newChecker()))
    if (change === null) return null
    const { told, ...named } = change
    const session = event.session === null ? {} : { session: event.session.slice(0, 200) }
    const proposal: Proposal = { agent: call.agent, ...named, ...session, facts: { hook: hooked.kind } }
    const answer = await this.#admit(hooked, proposal, call)
    if (answer.decision === 'allow') {
      remember(this.#running, codeKey(event), answer.action.id)
      return null
    }
    return { decision: 'deny', reason: told === '' ? answer.reason : `${answer.reason} ${told}` }
  }

  /** Ends the thread that checks code, if there is one. */
  async close(): Promise<void> {
    await this.#checker?.close()
  }

  #proposals(
    hooked: HookedAgent,
    event: Exclude<HookEvent, { phase: 'other' }>,
    { agent }: HookCall,
  ): readonly Proposal[] {
    return event.uses.map((use, index) => ({
      agent,
      ...namedAction(use),
      ...(event.session === null ? {} : { session: event.session.slice(0, 200) }),
      ...(event.id === null
        ? {}
        : { idempotencyKey: `hook:${digest([hooked.kind, event.session, event.id, index])}` }),
      facts: { hook: hooked.kind, ...(event.id === null ? {} : { call_id: event.id.slice(0, 200) }) },
    }))
  }

  async #admit(
    hooked: HookedAgent,
    proposal: Proposal,
    call: HookCall,
  ): Promise<
    | ({ readonly decision: 'allow' } & With)
    | Extract<HookDecision, { decision: 'deny' }>
    | ({ readonly decision: 'ask'; readonly reason: string } & With)
  > {
    try {
      const key = digest([proposal.agent, proposal.session ?? null, proposal.action, proposal.input])
      const { action } =
        (await this.#approvedMeanwhile(key)) ??
        (await this.#flow.propose(proposal, { venue: 'agent', start: true }))
      const settled = action.state.name === 'held' ? await this.#wait(action, call) : action
      switch (settled.state.name) {
        case 'executing':
        case 'ready': {
          const running =
            settled.state.name === 'ready' ? (await this.#flow.start(settled.id)).action : settled
          if (running.effective !== 'transform') return { decision: 'allow', action: running }
          // The agent runs the tool with the arguments that it has: what would have to be changed is refused.
          await this.#giveBack(running)
          return deny(running.reasons, 'Call it again without that.')
        }
        case 'held': {
          const { approval } = settled.state
          if (hooked.asks && call.held.approver !== null)
            return { decision: 'ask', reason: `Belay: ${sentence(settled.reasons)}`, action: settled }
          rememberOne(this.#held, key, settled.id)
          return deny(
            settled.reasons,
            `It waits for a person (belay approvals approve ${approval.id}). Go on with something else, or make the same call again once it is approved.`,
          )
        }
        case 'denied':
          return deny(settled.reasons, '')
        case 'succeeded':
        case 'failed':
        case 'unknown':
        case 'undone':
        case 'expired':
        case 'cancelled':
          return {
            decision: 'deny',
            reason: `Belay: this call was made before and is ${settled.state.name}.`,
          }
      }
    } catch (error) {
      if (error instanceof BelayError) return { decision: 'deny', reason: `Belay: ${error.message}` }
      throw error
    }
  }

  async #wait(action: Action, { held, signal }: HookCall): Promise<Action> {
    const until = performance.now() + held.wait
    let latest = action
    while (latest.state.name === 'held' && !signal.aborted && performance.now() < until)
      latest = await this.#flow.waitForChange(
        latest.id,
        latest.version,
        Math.min(until - performance.now(), 30_000),
        signal,
      )
    // Who has left cannot run the tool: a permission is not taken for nobody.
    if (signal.aborted && latest.state.name === 'ready') throw new BelayError('server:closing')
    return latest
  }

  /** The same call as one that was held, and is allowed now. */
  async #approvedMeanwhile(key: string): Promise<Pick<Admitted, 'action'> | undefined> {
    const id = this.#held.get(key)
    if (id === undefined) return undefined
    const action = await this.#store.action(id)
    if (action !== undefined && (action.state.name === 'held' || action.state.name === 'ready'))
      return { action }
    this.#held.delete(key)
    return undefined
  }

  async #after(
    hooked: HookedAgent,
    event: Extract<HookEvent, { phase: 'after' }>,
    call: HookCall,
  ): Promise<HookDecision> {
    const change = forget(this.#running, codeKey(event))
    if (change !== undefined)
      await this.#flow.report(change, { outcome: event.outcome }).catch((error: unknown) => {
        if (!(error instanceof BelayError)) throw error
      })
    for (const [index, proposal] of this.#proposals(hooked, event, call).entries()) {
      const id = forget(this.#running, runningKey(event, proposal, index)) ?? (await this.#earlier(proposal))
      if (id === undefined) continue
      try {
        const action = await this.#startedLate(id, call)
        if (action === undefined) continue
        const use = event.uses[index]
        if (event.outcome === 'succeeded' && use?.kind === 'file' && use.role !== 'read')
          await this.#flow.keepLeftFile(action.id)
        const { judged } = await reportJudged({ flow: this.#flow, policies: this.#policies }, action, {
          outcome: event.outcome,
          result: bounded(event.result),
          ...(event.outcome === 'failed' && typeof event.result === 'string'
            ? { error: event.result.slice(0, 10_000) }
            : {}),
        })
        if (judged?.effective === 'deny') return deny(judged.reasons, 'Its result must not be used.')
      } catch (error) {
        // It has run; that it cannot be recorded any more does not undo it.
        if (!(error instanceof BelayError)) throw error
      }
    }
    return { decision: 'allow' }
  }

  /** After a restart: the call is known by its key. What was never proposed is put on record and withdrawn. */
  async #earlier(proposal: Proposal): Promise<string | undefined> {
    if (proposal.idempotencyKey === undefined) return undefined
    try {
      const { action, repeated } = await this.#flow.propose(proposal, { venue: 'agent', start: false })
      if (repeated === true) return action.id
      if (action.state.name === 'ready' || action.state.name === 'held')
        await this.#flow.cancel(action.id, 'hook')
    } catch (error) {
      if (!(error instanceof BelayError)) throw error
    }
    return undefined
  }

  /** An action whose person was asked at the terminal: that the tool has run is the answer. */
  async #startedLate(id: string, { held }: HookCall): Promise<Action | undefined> {
    const action = await this.#store.action(id)
    if (action?.state.name !== 'held') return action
    if (held.approver === null) return undefined
    const voted = await this.#flow.vote(action.state.approval.id, {
      by: held.approver,
      outcome: 'approve',
      reason: 'approved at the terminal of the agent',
    })
    return voted.state.name === 'ready' ? (await this.#flow.start(id)).action : undefined
  }

  async #giveBack(action: Action): Promise<void> {
    await this.#flow.report(action.id, {
      outcome: 'failed',
      error: 'another part of the same call was refused, so it did not run',
    })
  }
}

interface With {
  readonly action: Action
}

function deny(
  reasons: readonly Reason[],
  advice: string,
): { readonly decision: 'deny'; readonly reason: string } {
  return {
    decision: 'deny',
    reason: `Belay refused this: ${sentence(reasons)}${advice === '' ? '' : ` ${advice}`}`,
  }
}

function placeOf(path: string, cwd: JsonValue | undefined): string | null {
  if (isAbsolute(path)) return resolve(path)
  return typeof cwd === 'string' && isAbsolute(cwd) ? resolve(cwd, path) : null
}

function sentence(reasons: readonly Reason[]): string {
  const words = [...new Set(reasons.map(({ message }) => message))].join(' ')
  return words === '' ? 'the policy denies it.' : words
}

function runningKey(
  { session, id }: Exclude<HookEvent, { phase: 'other' }>,
  proposal: Proposal,
  index: number,
): string {
  // Without an id, two equal calls at once are told apart by their order.
  return id === null ? digest([session, proposal.action, proposal.input]) : digest([session, id, index])
}

function codeKey({ session, id, uses }: Exclude<HookEvent, { phase: 'other' }>): string {
  return digest([session, 'code.change', id ?? uses])
}

async function newChecker(): Promise<ChangeChecker> {
  const { ChangeChecker } = await import('../../code/check-change.ts')
  return new ChangeChecker()
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}

function remember(book: Map<string, string[]>, key: string, id: string): void {
  const ids = book.get(key)
  if (ids !== undefined) {
    if (!ids.includes(id)) ids.push(id)
    return
  }
  if (book.size >= MAX_REMEMBERED) book.delete(book.keys().next().value!)
  book.set(key, [id])
}

function forget(book: Map<string, string[]>, key: string): string | undefined {
  const ids = book.get(key)
  const id = ids?.shift()
  if (ids?.length === 0) book.delete(key)
  return id
}

function rememberOne(book: Map<string, string>, key: string, id: string): void {
  if (book.size >= MAX_REMEMBERED) book.delete(book.keys().next().value!)
  book.set(key, id)
}

function bounded(result: JsonValue): JsonValue {
  const size = JSON.stringify(result).length
  return size > MAX_RESULT ? { belay_omitted: `a result of ${size} characters` } : result
}
