import fc from 'fast-check'

export const APPROVERS = ['a@example.com', 'b@example.com', 'c@example.com']

/** One thing that somebody tries. `target` picks one of the actions that the schedule knows by then. */
export type Step = { readonly wait: boolean } & (
  | {
      readonly do: 'propose'
      readonly action: 'work' | 'gated' | 'brief' | 'scarce'
      readonly venue: 'belay' | 'agent'
      readonly start: boolean
      readonly key: string | undefined
      /** Hundredths of a dollar. */
      readonly cost: number
      readonly copies: number
    }
  | { readonly do: 'start'; readonly target: number; readonly copies: number }
  | {
      readonly do: 'report'
      readonly target: number
      /** Each is reported at the same time, the duplicates and contradictions too. */
      readonly outcomes: readonly ('succeeded' | 'failed' | 'unknown')[]
      /** What of the reserved cost was spent, in quarters; `undefined` reports none. */
      readonly quarters: number | undefined
    }
  | {
      readonly do: 'vote'
      readonly target: number
      readonly by: number
      readonly outcome: 'approve' | 'reject'
      readonly copies: number
    }
  | { readonly do: 'cancel' | 'undo' | 'report undo'; readonly target: number }
  | { readonly do: 'pause' | 'resume' }
)

const target = fc.nat({ max: 30 })
const wait = fc.boolean()
const copies = fc.constantFrom(1, 1, 1, 2, 3)

const propose = fc.record({
  do: fc.constant('propose' as const),
  wait,
  // Rules over history take their turns on PostgreSQL, across replicas: few, or the proof takes too long.
  action: fc.oneof(
    { weight: 12, arbitrary: fc.constant('work' as const) },
    { weight: 12, arbitrary: fc.constant('gated' as const) },
    { weight: 4, arbitrary: fc.constant('brief' as const) },
    { weight: 1, arbitrary: fc.constant('scarce' as const) },
  ),
  venue: fc.constantFrom('agent', 'agent', 'belay'),
  start: fc.boolean(),
  key: fc.constantFrom(undefined, undefined, 'k1', 'k2'),
  cost: fc.constantFrom(0, 10, 25, 30, 60, 101),
  copies,
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: propose },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const), wait, target, copies }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      wait,
      target,
      outcomes: fc.array(fc.constantFrom('succeeded', 'succeeded', 'failed', 'unknown'), {
        minLength: 1,
        maxLength: 3,
      }),
      quarters: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('vote' as const),
      wait,
      target,
      by: fc.nat({ max: APPROVERS.length - 1 }),
      outcome: fc.constantFrom('approve', 'approve', 'approve', 'approve', 'reject'),
      copies,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel', 'undo', 'report undo'),
      wait,
      target,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('pause', 'resume', 'resume'),
      wait,
    }),
  },
)

/** What one agent and the people around it try, in this order; a step that nobody waits for overlaps the next. */
export const schedule: fc.Arbitrary<readonly Step[]> = fc
  .tuple(propose, fc.array(step, { minLength: 5, maxLength: 14 }))
  .map(([first, rest]) => [first, ...rest])
