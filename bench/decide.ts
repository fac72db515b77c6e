import { createApprove } from '../src/flow/approve/approve.ts'
import type { Case } from '../src/flow/case.ts'
import { judge, takeBack } from '../src/flow/judge.ts'
import { Announcer } from '../src/flow/approve/announcer.ts'
import { Undoers } from '../src/flow/contain/undoers.ts'
import { History } from '../src/flow/monitor/history.ts'
import { RecentActions } from '../src/flow/recent-actions.ts'
import { RideAlong } from '../src/flow/ride-along.ts'
import { createMonitor } from '../src/flow/monitor/monitor.ts'
import type { Stages } from '../src/flow/stages.ts'
import { createVerify } from '../src/flow/verify/verify.ts'
import { Waiters } from '../src/flow/waiters.ts'
import type { Store } from '../src/storage/store.ts'
import { COMMENT, machine, percentiles, policyOf100Rules } from './policy-100.ts'

// Deciding alone: verify, monitor, approve, kernel, digests; no disk. The store only grants budget shares.
const policy = policyOf100Rules()
const store = {
  dialect: 'sqlite',
  replica: 'bench',
  now: () => Date.now(),
  lease: async ({ limit }: { limit: number }) => limit,
} as unknown as Store
const stages: Stages = {
  store,
  policies: { current: () => policy },
  verify: createVerify(),
  scorer: null,
  monitor: createMonitor(store),
  approve: createApprove(),
  history: new History(policy.historyWindow),
  historyReload: null,
  reporting: new Set(),
  rideAlong: new RideAlong(),
  undoers: new Undoers(),
  waiters: new Waiters(),
  announcer: new Announcer([], () => undefined),
  onFault: (error) => console.error(error),
  recent: new RecentActions(),
}

async function decideOne(i: number): Promise<number> {
  const proposal = {
    agent: 'commenter',
    action: 'instagram.comment',
    input: { text: `${COMMENT} ${i}`, followers: 1200, language: 'en' },
    confidence: 0.97,
  }
  const started = performance.now()
  const rule = policy.action(proposal.action)
  const opened: Case = {
    id: `act_${i}`,
    at: Date.now(),
    proposal,
    venue: 'agent',
    policy,
    rule,
    findings: [],
    input: proposal.input,
    cost: 100_000,
  }
  const judgement = await judge(stages, await stages.verify.checkContent(opened))
  const took = performance.now() - started
  if (judgement.verdict.decision !== 'allow') throw new Error(JSON.stringify(judgement.verdict))
  takeBack(stages, judgement)
  return took
}

for (let i = 0; i < 20_000; i++) await decideOne(i)
const runs: { p50: number; p99: number }[] = []
for (let run = 0; run < 5; run++) {
  const times: number[] = []
  for (let i = 0; i < 20_000; i++) times.push((await decideOne(i)) * 1000)
  runs.push(percentiles(times))
}
const median = (pick: (run: { p50: number; p99: number }) => number): number =>
  runs.map(pick).toSorted((a, b) => a - b)[2] ?? 0
console.log(machine())
console.log(
  `deciding, 100 rules, all checks on, ${COMMENT.length} characters: p50 ${median((run) => run.p50).toFixed(1)} µs, p99 ${median((run) => run.p99).toFixed(1)} µs (median of 5 runs of 20,000)`,
)
