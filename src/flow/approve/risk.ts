import type { Effect, Risk } from '../../action/action.ts'
import { RISKS } from '../../action/action.ts'
import { NANO_PER_USD } from '../../action/money.ts'
import type { NanoUsd } from '../../action/money.ts'

const OF_EFFECT: Readonly<Record<Effect, Risk>> = { read: 'low', write: 'medium', irreversible: 'high' }
/** From these costs on the risk is at least that. */
const OF_COST: readonly (readonly [NanoUsd, Risk])[] = [
  [100 * NANO_PER_USD, 'high'],
  [NANO_PER_USD, 'medium'],
]

/** What the policy declares, else what the effect says; more where the worst-case cost says more. */
export function riskOf(effect: Effect, cost: NanoUsd, declared: Risk | null): Risk {
  const byCost = OF_COST.find(([from]) => cost >= from)?.[1] ?? 'low'
  const base = declared ?? OF_EFFECT[effect]
  return RISKS.indexOf(byCost) > RISKS.indexOf(base) ? byCost : base
}
