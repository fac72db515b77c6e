import { BelayError } from '../errors/catalogue.ts'
import type { Store } from '../storage/store.ts'
import { absences } from './absences.ts'
import { behaviours } from './agent-behaviour.ts'
import { PendingAnnouncements } from './announce-pending.ts'
import { Announcer, type ApprovalChannel } from './approve/announcer.ts'
import { createApprove } from './approve/approve.ts'
import { createAnchor } from './audit/anchor.ts'
import { erase } from './audit/erase.ts'
import { Undoers } from './contain/undoers.ts'
import { recordBreakGlass, recordDelegation, recordVote } from './decide-approval.ts'
import { editAction } from './edit-action.ts'
import type { Scorer } from './check-content.ts'
import type { Flow } from './flow.ts'
import { keepPicture, keepRecording } from './keep-recording.ts'
import { keepFile, keepLeftFile } from './kept-files.ts'
import { judgeResult } from './judge-result.ts'
import type { AnomalyObserver } from './monitor/baselines/anomaly.ts'
import { BaselineKeeper } from './monitor/baselines/keep-baselines.ts'
import { Watch } from './monitor/baselines/watch.ts'
import { createMonitor } from './monitor/monitor.ts'
import { Novelty } from './monitor/novelty/novelty.ts'
import { History } from './monitor/history.ts'
import { keep, recall, storedInput, whileExecuting } from './recall-action.ts'
import { RecentActions } from './recent-actions.ts'
import { RideAlong } from './ride-along.ts'
import { recoverActions, reconcileActions } from './recover.ts'
import { runAction } from './run-action.ts'
import { setAgentState } from './set-agent-state.ts'
import { cancelAction, expireAction, settleAction } from './settle-action.ts'
import type { Observer, PolicySource, Stages } from './stages.ts'
import { standingApprovals } from './standing-approvals.ts'
import { startAction } from './start-action.ts'
import { checkRequested, reportUndo, storedResult, undoAction } from './undo-action.ts'
import { previewUndo, undoAll } from './undo-many.ts'
import { createVerify } from './verify/verify.ts'
import { Waiters } from './waiters.ts'

export interface FlowOptions {
  readonly store: Store
  readonly policies: PolicySource & { onChange(listener: () => void): () => void }
  /** How often due actions are moved, leases renewed and peers' changes read, ms. */
  readonly tick?: number
  /** Ways to reach people about approvals. */
  readonly channels?: readonly ApprovalChannel[]
  /** Telemetry's place: what is counted and traced, never decided. */
  readonly onMoved?: Observer
  /** Is told of everything that an agent does unlike itself, once when it begins. */
  readonly onAnomaly?: AnomalyObserver
  /** Asks judges where the policy says `quality`. */
  readonly scorer?: Scorer
  /** Where faults of the background work go. */
  readonly onFault?: (error: unknown) => void
}

export type OpenFlow = Flow & {
  readonly undoers: Undoers
  /** Whether this replica is the one that tells people of what belongs to none. */
  readonly speaks: () => boolean
  readonly reconcile: (name: string) => Promise<void>
}

/** Puts the stages together, brings what a crash left behind to a known state, and keeps the clock. */
export async function openFlow({
  store,
  policies,
  tick = 500,
  channels = [],
  onMoved,
  onAnomaly,
  scorer,
  onFault = () => undefined,
}: FlowOptions): Promise<OpenFlow> {
  const tell: AnomalyObserver = (anomaly) => {
    try {
      onAnomaly?.(anomaly)
    } catch (error) {
      onFault(error)
    }
  }
  const watch = new Watch(tell)
  const novelty = new Novelty(store, tell)
  const monitor = createMonitor(store, watch, novelty)
  const keeper = new BaselineKeeper(store, watch)
  const isWatched = (agent: string): boolean => policies.current().agent(agent)?.anomaly != null
  const pending = new PendingAnnouncements(store)
  const stages: Stages = {
    store,
    policies,
    verify: createVerify(),
    scorer: scorer ?? null,
    monitor,
    approve: createApprove(),
    history: await loadHistory(store, policies),
    historyReload: null,
    reporting: new Set(),
    rideAlong: new RideAlong(),
    undoers: new Undoers(),
    waiters: new Waiters(),
    announcer: new Announcer(channels, onFault, (action) => pending.owns(action)),
    onMoved,
    onFault,
    recent: new RecentActions(),
  }
  await monitor.agents.refresh()
  await monitor.loadOutcomes(policies.current())
  if (policies.current().agentRules.some(({ anomaly }) => anomaly !== null)) await keeper.load(isWatched)
  if (policies.current().agentRules.some((rule) => rule.novelty !== null))
    await novelty.load((agent) => policies.current().agent(agent)?.novelty != null)
  await recoverActions(stages)

  const anchor = createAnchor(store)
  let work: Promise<unknown> = Promise.resolve()
  let closed = false
  const background = (job: () => Promise<unknown>): void => {
    work = work.then(async () => (closed ? undefined : job())).catch(onFault)
  }
  const tendAndAnnounce = async (): Promise<void> => {
    await tend(stages, anchor)
    await keeper.tend(store.now())
    await novelty.tend(store.now())
    await pending.announce(stages.announcer)
  }
  const timer = setInterval(() => background(tendAndAnnounce), tick)
  const stopListening = [
    policies.onChange(() => {
      reloadHistory(stages, () => closed, onFault)
      background(() => monitor.limitsChanged())
    }),
    store.onCommit(() => {
      if (store.dialect === 'postgres') stages.waiters.notifyAll()
    }),
  ]

  return {
    undoers: stages.undoers,
    speaks: () => pending.speaks(),
    reconcile: (name) => reconcileActions(stages, name),
    propose: (proposal, how) => runAction(stages, proposal, how),
    start: async (id, how) => startAction(stages, await recall(stages, id), how),
    report(id, report, how) {
      const work = whileExecuting(stages, id, (action) => settleAction(stages, action, report, how))
      const ended = (): void => void stages.reporting.delete(work)
      stages.reporting.add(work)
      work.then(ended, ended)
      return work
    },
    judgeResult: (action, result) => judgeResult(stages, action, result),
    async budgetLeft(agent, session) {
      stages.rideAlong.leave()
      await Promise.allSettled(stages.reporting)
      return monitor.left(policies.current(), agent, session ?? '')
    },
    cancel: async (id, by) => cancelAction(stages, await recall(stages, id), by),
    undo: async (id, by, how) => (await undoAction(stages, await recall(stages, id), by, how)).action,
    checkUndo: async (id, current) => checkRequested(stages, await recall(stages, id), current),
    reportUndo: async (id, report) => reportUndo(stages, await recall(stages, id), report),
    undoAll: (what, by, how) => undoAll(stages, what, by, how),
    previewUndo: (what, how) => previewUndo(stages, what, how),
    input: (action) => storedInput(stages, action),
    result: (action) => storedResult(stages, action),
    keepRecording: (id, recording) => keepRecording(stages, id, recording),
    keepPicture: (id, when, jpeg) => keepPicture(stages, id, when, jpeg),
    keepFile: async (id, path) => keepFile(stages, await recall(stages, id), path),
    keepLeftFile: async (id) => keepLeftFile(stages, await recall(stages, id)),

    vote: (approvalId, vote) => recordVote(stages, approvalId, vote),
    delegate: (approvalId, delegation) => recordDelegation(stages, approvalId, delegation),
    breakGlass: (approvalId, ask) => recordBreakGlass(stages, approvalId, ask),
    edit: (approvalId, edit) => editAction(stages, approvalId, edit),
    standing: standingApprovals(stages),
    absences: absences(stages),
    behaviours: behaviours(stages, watch, keeper),

    async setAgentState(name, state, reason, by) {
      const { agents } = monitor
      await agents.refresh()
      const declared = policies.current().agentRules.some(({ pattern }) => pattern === name)
      if (agents.get(name).version === 0 && !declared) throw new BelayError('agent:not_found', { name })
      const row = await setAgentState(stages, name, { state, reason }, by)
      if (state === 'stopped') await cancelWaiting(stages, name, by)
      stages.waiters.notifyAll()
      return row
    },

    watchAgents: (watcher) => monitor.agents.watch(watcher),

    async waitForChange(id, version, ms, signal) {
      const until = performance.now() + ms
      for (;;) {
        const left = until - performance.now()
        const changed = stages.waiters.wait(id, Math.max(0, left), signal)
        const action = await recall(stages, id)
        if (action.version !== version || left <= 0 || signal?.aborted === true) {
          stages.waiters.notify(id)
          return action
        }
        await changed
      }
    },

    async erase(what, by) {
      const erasure = await erase(store, what, by)
      for (const id of erasure.actions) stages.recent.delete(id)
      return erasure
    },

    async close() {
      closed = true
      clearInterval(timer)
      for (const stop of stopListening) stop()
      stages.waiters.notifyAll()
      stages.rideAlong.close()
      await Promise.allSettled(stages.reporting)
      await work
      await keeper.exchange().catch(onFault)
      await novelty.exchange().catch(onFault)
    },
  }
}

async function tend(stages: Stages, anchor: () => Promise<void>): Promise<void> {
  const { store } = stages
  await store.heartbeat()
  for (const action of await store.dueActions(store.now(), 200)) {
    try {
      keep(stages, {
        action: await expireAction(stages, action),
        input: (await storedInput(stages, action)) ?? {},
      })
    } catch (error) {
      // Somebody else moved it first: nothing is due any more.
      if (!(error instanceof BelayError) || error.status !== 409) throw error
    }
  }
  await stages.monitor.tend(store.now())
  if (store.dialect === 'sqlite') return
  await recoverActions(stages)
  await anchor()
}

/** A stopped agent starts nothing any more: what waits is withdrawn. What is executing reports as ever. */
async function cancelWaiting(stages: Stages, agent: string, by: string): Promise<void> {
  for (const state of ['held', 'ready'] as const) {
    for (;;) {
      const waiting = await stages.store.actions({ agent, state, limit: 200 })
      let cancelled = 0
      for (const action of waiting) {
        try {
          await cancelAction(stages, action, by)
          cancelled++
        } catch (error) {
          if (!(error instanceof BelayError) || error.status !== 409) throw error
        }
      }
      if (cancelled === 0) break
    }
  }
}

async function loadHistory(store: Store, policies: PolicySource): Promise<History> {
  const { historyWindow } = policies.current()
  const history = new History(store.dialect === 'sqlite' ? historyWindow : 0)
  if (store.dialect === 'sqlite' && historyWindow > 0) {
    for (const entry of await store.history({ since: store.now() - historyWindow })) history.add(entry)
  }
  return history
}

/**
 * After a policy change that looks back further. Judging waits meanwhile; what was judged before is written first,
 * so that the store knows all of it. When it cannot be read, judging goes on waiting: nothing is decided on half a history.
 */
function reloadHistory(stages: Stages, isClosed: () => boolean, onFault: (error: unknown) => void): void {
  const { store } = stages
  if (store.dialect !== 'sqlite' || stages.history.keepFor >= stages.policies.current().historyWindow) return
  const reload = async (): Promise<void> => {
    while (!isClosed()) {
      try {
        // What was judged in this very turn hands its commit over in the next one.
        await new Promise((resolve) => setImmediate(resolve))
        await store.commit({ records: [] })
        stages.history = await loadHistory(store, stages.policies)
        return
      } catch (error) {
        onFault(error)
        await new Promise((resolve) => setTimeout(resolve, 1000).unref())
      }
    }
  }
  const running = reload().finally(() => {
    if (stages.historyReload === running) stages.historyReload = null
  })
  stages.historyReload = running
}
