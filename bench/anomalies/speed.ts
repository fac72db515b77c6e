/** What watching costs an action: arriving and ending, in all statistics of its pair and of its agent. CPU time. */
import { BEHAVIOUR_BYTES } from '../../src/flow/monitor/baselines/behaviour.ts'
import { LOOPS_BYTES } from '../../src/flow/monitor/baselines/loops.ts'
import { ruleOf } from './simulate.ts'
import type { Action } from '../../src/action/action.ts'
import { Watch } from '../../src/flow/monitor/baselines/watch.ts'
import { MINUTE, PROFILES, START, Traffic, type Event } from './traffic.ts'

const traffic = new Traffic(PROFILES[1]!, 1)
const events: Event[] = []
for (let at = START; events.length < 200_000; at += MINUTE) events.push(...traffic.minute(at))

const watch = new Watch()
const rule = ruleOf({ then: 'alert', expect: '600 per hour' })
const asked = events.map(({ at, action, session, input, cost }, n) => ({
  id: `act_${n}`,
  at,
  input,
  cost,
  proposal: { agent: 'agent', action, session, input },
}))
const ended = events.map((event, n) => {
  const state = { name: 'executing', startedAt: event.at, deadline: 0 }
  const before = { id: `act_${n}`, agent: 'agent', name: event.action, state }
  const at = event.at + event.latency
  const after = {
    ...before,
    cost: event.cost,
    reasons: [],
    updatedAt: at,
    state: { name: event.failed ? 'failed' : 'succeeded', at },
  }
  return [after as unknown as Action, before as unknown as Action] as const
})

let minute = START
let ticks = 0
const tick = (at: number): void => {
  while (minute < at) {
    minute += MINUTE
    const from = process.cpuUsage()
    watch.tick(minute)
    const { user, system } = process.cpuUsage(from)
    ticks += user + system
  }
}
const half = Math.floor(events.length / 2)
let measured = 0
for (const [n, event] of events.entries()) {
  if (n % 1000 === 0) tick(event.at)
  if (n === half) {
    ticks = 0
    measured = process.cpuUsage().user + process.cpuUsage().system
  }
  watch.arrive(asked[n]!, rule, event.digest)
  watch.decided(asked[n]!, 'allow')
  watch.finished(ended[n]![0], ended[n]![1], rule)
}
const { user, system } = process.cpuUsage()
const total = user + system - measured
console.log(
  `watching an action:    ${((total - ticks) / half).toFixed(2)} µs CPU (judge and learn, arriving to ending; goal 10)`,
)
console.log(`and beside it:         ${(ticks / half).toFixed(2)} µs CPU an action, on the clock's tick`)
console.log(
  `memory of a pair:      ${(BEHAVIOUR_BYTES / 1024).toFixed(1)} KiB; of an agent as a whole ${((BEHAVIOUR_BYTES + LOOPS_BYTES) / 1024).toFixed(1)} KiB (goal 20)`,
)
