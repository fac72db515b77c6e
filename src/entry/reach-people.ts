import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Action, InState, ProposalPayload } from '../action/action.ts'
import { BelayError } from '../errors/catalogue.ts'
import { AlarmBook } from '../flow/alarm-book.ts'
import { AlertDesk } from '../channels/alert-desk.ts'
import { AlertWatch } from '../channels/alert-watch.ts'
import { viewOf } from '../channels/approval-view.ts'
import { ChannelBook } from '../channels/channel-desk.ts'
import type { ChannelDesk, ChannelStatus } from '../channels/channel-desk.ts'
import { discordDoor } from '../channels/discord/discord-door.ts'
import { approvalDoor } from '../channels/email/approval-door.ts'
import type { Operator, Reach } from '../channels/reach.ts'
import { slackDoor, SlackWork } from '../channels/slack/slack-door.ts'
import type { ApprovalChannel } from '../flow/approve/announcer.ts'
import { whoMayVote } from '../flow/approve/place.ts'
import type { Anomaly } from '../flow/monitor/baselines/anomaly.ts'
import type { Score } from '../flow/quality/score.ts'
import type { Scored } from '../flow/quality/scoring.ts'
import type { BudgetRule } from '../policy/policy.ts'
import type { NotifyRule } from '../policy/notify.ts'
import type { WitnessState } from '../flow/audit/transparency/seek-witnesses.ts'
import type { Store } from '../storage/store.ts'
import type { Harness } from './harness.ts'
import { CHANNELS, NO_CHANNELS, openChannels } from './open-channels.ts'
import type { Channels } from './open-channels.ts'

export interface PeopleReachOptions {
  readonly data: string
  readonly onFault: (error: unknown) => void
  /** Something that whoever runs Belay should know: a secret that is missing. */
  readonly note: (text: string) => void
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** How often held actions and kept alerts are looked at, ms. */
const TICK = 15_000
const MAX_HELD = 1_000

/**
 * The policy's `notify:` as one channel of the flow: opens what is configured, opens it anew when the policy changes,
 * and serves the doors through which decisions come back.
 */
export class PeopleReach implements ApprovalChannel, ChannelDesk {
  readonly name = 'people'
  readonly #options: PeopleReachOptions
  readonly #work = new SlackWork()
  /** What was announced and still waits, so that a channel that a new policy adds hears of it too. */
  readonly #waiting = new Map<string, InState<'held'>>()
  readonly #desk: AlertDesk
  readonly #book = new ChannelBook(() => this.#opened?.reach.now() ?? Date.now())
  #channels: Channels = NO_CHANNELS
  #opened:
    | {
        readonly harness: Harness
        readonly reach: Reach
        readonly watch: AlertWatch
        readonly book: AlarmBook
      }
    | undefined
  #configured = ''
  #away: ReadonlySet<string> = new Set()
  #changing: Promise<void> = Promise.resolve()
  #stop: (() => void)[] = []
  #closed = false

  constructor(options: PeopleReachOptions) {
    this.#options = options
    this.#desk = new AlertDesk({
      channels: () => this.#channels.all,
      rule: () => this.#rule(),
      now: () => this.#opened?.reach.now() ?? Date.now(),
      book: () => this.#opened?.book,
      linkTo: (alarm) => `${this.#opened?.reach.publicUrl() ?? ''}/alarms/${alarm}`,
      onFault: options.onFault,
    })
  }

  /** `url`: where Belay is served, for links when the policy names no `public_url`. */
  open(harness: Harness, url: string): void {
    const reach = this.#reachOf(harness, url)
    const watch = new AlertWatch({
      rule: () => this.#rule(),
      raise: (alert) => this.#desk.raise(alert),
      over: (key) => this.#desk.over(key),
      budgetLeft: (agent, session) => harness.flow.budgetLeft(agent, session),
      spendLimits: (agent) => spendLimits(harness.policies.current().agent(agent)?.budgets ?? []),
      hours: (from, to) => endedInHours(harness.store, from, to),
      publicUrl: reach.publicUrl,
      everyone: () => reach.names(),
      onFault: this.#options.onFault,
    })
    this.#opened = { harness, reach, watch, book: new AlarmBook(harness.store) }
    this.#stop.push(
      harness.flow.watchAgents((agent) => {
        if (harness.flow.speaks()) watch.agent(agent)
      }),
    )
    const timer = setInterval(() => void this.#tick(), TICK).unref()
    this.#stop.push(() => clearInterval(timer))
    // What happened before the start counts from the start on.
    watch.recount(reach.now()).catch(this.#options.onFault)
    this.policyChanged()
  }

  /** Opens the channels anew when `notify:` is another now. */
  policyChanged(): void {
    const opened = this.#opened
    if (opened === undefined || this.#closed) return
    const rule = this.#rule()
    const configured = JSON.stringify([rule.slack, rule.email, rule.webhook, rule.teams, rule.discord])
    if (configured === this.#configured) return
    this.#configured = configured
    this.#change(async () => {
      const before = this.#channels
      this.#channels = NO_CHANNELS
      await closeAll(before)
      const { note, env = process.env } = this.#options
      const { reach } = opened
      this.#channels = openChannels(rule, { reach, book: this.#book, work: this.#work, note, env })
      for (const held of this.#waiting.values()) this.#tell((channel) => channel.waiting(held))
    })
  }

  /** A witness of the ledger refuses: somebody rewrote it, set it back, or it cannot be asked. */
  witnessAlarm({ witness, origin, at, problem }: WitnessState): void {
    this.#desk.raise({
      kind: 'ledger',
      key: `ledger:${origin}:${witness}:${problem?.code ?? ''}`,
      urgent: problem?.code !== 'unreachable',
      title: `The witness ${witness} does not sign the ledger`,
      facts: [`${origin}: ${problem?.message ?? ''}.`],
      act: 'belay ledger verify --witness',
      at,
    })
  }

  /** To be told every recorded step. */
  moved(action: Action): void {
    this.#opened?.watch.moved(action)
  }

  /** To be told what an agent did unlike itself. */
  anomaly(anomaly: Anomaly): void {
    this.#opened?.watch.anomaly(anomaly)
  }

  /** What a judge made of an action, where people are to know: it scores low, or there is no score. */
  scored({ alerts, verdict, rubric, timing, message }: Score, { id, agent, name, session }: Scored): void {
    if (!alerts) return
    const unscored = verdict === 'unscored'
    this.#desk.raise({
      kind: 'quality',
      key: unscored ? `quality:judge:${rubric}` : `quality:${agent}:${rubric}`,
      urgent: false,
      ...(!unscored && { agent }),
      session,
      action: id,
      title: unscored
        ? `The judge gives no scores by the rubric ${rubric}`
        : `What ${agent} ${timing === 'after' ? 'has done' : 'does'} scores low by the rubric ${rubric}`,
      facts: [`${name}: ${message}`],
      act: `belay actions explain ${id}`,
      at: this.#opened?.reach.now() ?? Date.now(),
    })
  }

  async waiting(held: InState<'held'>): Promise<void> {
    this.#waiting.set(held.id, held)
    await this.#changing
    this.#tell((channel) => channel.waiting(held))
  }

  async settled(action: Action): Promise<void> {
    this.#waiting.delete(action.id)
    await this.#changing
    this.#tell((channel) => channel.settled(action))
  }

  /** A sink of `export:` has been failing for a while; `null`: it is well again. */
  exportTrouble(name: string, why: string | null): void {
    const key = `export:${name}`
    if (why === null) return this.#desk.over(key)
    this.#desk.raise({
      kind: 'export',
      key,
      urgent: false,
      title: `The export ${name} fails`,
      facts: [why, 'Nothing is lost: what was not sent waits in the ledger.'],
      act: `Look at export.${name} in the policy, and at belay_export_waiting_records in /metrics.`,
      at: this.#opened?.reach.now() ?? Date.now(),
    })
  }

  /** Serves what people's decisions come back through. */
  async doors(app: FastifyInstance): Promise<void> {
    await app.register(async (own) => slackDoor(own, { side: () => this.#channels.slack, work: this.#work }))
    await app.register(async (own) =>
      discordDoor(own, { side: () => this.#channels.discord, work: this.#work }),
    )
    const late = (): Reach => {
      if (this.#opened === undefined) throw new BelayError('server:busy', { max: '0' })
      return this.#opened.reach
    }
    await app.register(async (own) =>
      approvalDoor(own, {
        links: () => this.#channels.links,
        reach: {
          vote: (id, vote) => late().vote(id, vote),
          byApproval: (id) => late().byApproval(id),
          view: (held) => late().view(held),
          names: () => late().names(),
          now: () => late().now(),
          publicUrl: () => late().publicUrl(),
          operator: (person) => late().operator(person),
          data: this.#options.data,
          onFault: this.#options.onFault,
        },
      }),
    )
  }

  /** Resolves when every decision that was acknowledged has been carried out. */
  settledWork(): Promise<void> {
    return this.#work.ended()
  }

  channels(): readonly ChannelStatus[] {
    const rule = this.#rule()
    const open = new Set(this.#channels.all.map(({ name }) => name))
    return CHANNELS.map((name) =>
      this.#book.status(name, { configured: rule[name] !== null, open: open.has(name) }),
    )
  }

  test(name: string, by: string): boolean {
    const channel = this.#channels.all.find((each) => each.name === name)
    if (channel === undefined) return false
    const at = this.#opened?.reach.now() ?? Date.now()
    const facts = [`${by} asked for it in the settings.`]
    const act = 'Nothing needs to be done: who reads this is reached.'
    const key = `test ${name} ${at}`
    channel.alert([{ kind: 'test', key, urgent: true, title: 'A test message from Belay', facts, act, at }])
    return true
  }

  /** Carries out the decisions that were acknowledged, and sends nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const stop of this.#stop) stop()
    this.#desk.close()
    await this.#work.ended()
    await this.#changing
    await closeAll(this.#channels)
    this.#channels = NO_CHANNELS
  }

  #rule(): NotifyRule {
    return this.#opened?.harness.policies.current().notify ?? NOTHING
  }

  #change(work: () => Promise<void>): void {
    this.#changing = this.#changing.then(work).catch(this.#options.onFault)
  }

  #tell(how: (channel: ApprovalChannel) => Promise<void>): void {
    for (const channel of this.#channels.all) how(channel).catch(this.#options.onFault)
  }

  #reachOf(harness: Harness, url: string): Reach {
    const { flow, store, policies } = harness
    const data = resolve(this.#options.data)
    return {
      data,
      vote: (id, vote) => flow.vote(id, vote),
      byApproval: (id) => store.actionByApproval(id),
      now: () => store.now(),
      operator: (person) => operatorOf(harness, person),
      names: () => {
        const groups = Object.values(policies.current().approvers)
        return [...new Set(groups.flatMap(({ members, mayDelegateTo }) => [...members, ...mayDelegateTo]))]
      },
      publicUrl: () => policies.current().notify.publicUrl ?? policies.current().people.publicUrl ?? url,
      onFault: this.#options.onFault,
      async view(held) {
        const now = store.now()
        const [input, payloads, absences] = await Promise.all([
          flow.input(held),
          store.payloads(held.id),
          store.approvals.absences(now),
        ])
        const { approval } = held.state
        const step = approval.steps[approval.step]
        const away = absences.filter(({ from }) => from <= now)
        const text = payloads.find(({ kind }) => kind === 'proposal')?.text
        const proposal = text == null ? null : (JSON.parse(text) as ProposalPayload)
        const undo = policies.current().action(held.name)?.undo ?? null
        return viewOf(held, {
          input,
          agentReason: proposal?.reason ?? null,
          undoWithin: undo?.within ?? null,
          undoWhen: undo?.when?.source ?? null,
          deciders: step === undefined ? [] : whoMayVote(step, held, away, approval.editedBy),
        })
      },
    }
  }

  /** Who stands in for somebody since a moment ago has not been told of what waits already. */
  async #tellStandIns(
    absences: readonly { readonly id: string; readonly from: number }[],
    now: number,
  ): Promise<void> {
    const away = absences.filter(({ from }) => from <= now).map(({ id }) => id)
    const known = this.#away
    this.#away = new Set(away)
    if (away.every((id) => known.has(id))) return
    for (const held of this.#waiting.values()) this.#tell((channel) => channel.waiting(held))
  }

  async #tick(): Promise<void> {
    this.#desk.tell()
    const opened = this.#opened
    if (opened === undefined) return
    try {
      await this.#desk.tend(opened.harness.flow.speaks())
      await opened.watch.recount(opened.harness.store.now())
      if (this.#channels.all.length === 0) return
      const { store } = opened.harness
      await this.#tellStandIns(await store.approvals.absences(store.now()), store.now())
      if (!opened.harness.flow.speaks()) return
      opened.watch.held(await store.actions({ state: 'held', limit: MAX_HELD }), store.now())
    } catch (error) {
      this.#options.onFault(error)
    }
  }
}

const NOTHING: NotifyRule = {
  slack: null,
  email: null,
  webhook: null,
  teams: null,
  discord: null,
  quiet: null,
  alerts: { heldFor: Number.POSITIVE_INFINITY, errorRate: 1, budget: 1, success: 0 },
  publicUrl: null,
}

async function closeAll({ all, sockets }: Channels): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()))
  await Promise.all(all.map((channel) => channel.close()))
}

/** Whom the policy makes an operator by address, as a log-in would. */
function operatorOf({ flow, store, policies }: Harness, person: string): Operator | null {
  const { operator = [] } = policies.current().people.roles
  const by = operator.find((one) => one.includes('@') && one.toLowerCase() === person.toLowerCase())
  if (by === undefined) return null
  return {
    async acknowledge(id) {
      const alarm = await new AlarmBook(store).acknowledge(id, by)
      return `${alarm.acknowledgedBy ?? by} has acknowledged: ${alarm.title}`
    },
    async pause(id, via) {
      const alarm = await store.alarms.get(id)
      if (alarm?.agent == null) throw new BelayError('alarm:not_found', { id })
      await flow.setAgentState(alarm.agent, 'paused', `${alarm.title} (${via})`, by)
      return `${alarm.agent} is paused.`
    },
  }
}

/** Hours of agents that are read at once: of those with the most actions. */
const MOST_HOURS = 20_000

/** What the agents' actions of these hours came to, on all replicas. */
async function endedInHours({ rollups }: Pick<Store, 'rollups'>, from: number, to: number) {
  const found = await rollups.stats({ from, to, by: ['agent', 'hour'], limit: MOST_HOURS })
  return found.flatMap(({ keys: [agent, hour], succeeded, failed, unknown, cost }) => {
    if (typeof agent !== 'string' || typeof hour !== 'number') return []
    const total = succeeded + failed + unknown
    return total === 0 ? [] : [{ agent, hour, total, failed: failed + unknown, cost }]
  })
}

const DAY = 86_400_000
const WINDOWS: Readonly<Partial<Record<BudgetRule['per'], number>>> = {
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
}

/** Limits of windows that are long enough to be burnt too fast. */
function spendLimits(budgets: readonly BudgetRule[]): readonly { limit: number; within: number }[] {
  return budgets.flatMap(({ limit, per }) => {
    const within = WINDOWS[per]
    return within === undefined || limit <= 0 ? [] : [{ limit, within }]
  })
}
