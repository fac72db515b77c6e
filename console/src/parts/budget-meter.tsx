import { drawnOn } from '../api/budget-drawn.ts'
import type { BudgetLine } from '../api/answers.ts'
import { count, money, percent } from './format.ts'
import { Meter } from './meter.tsx'
import './budget-meter.css'

/** `$4.20 of $10.00`, in the unit of the line. */
export function amountOf(line: BudgetLine, amount: number): string {
  return line.unit === 'usd' ? money(amount) : count(amount)
}

/** A limit as a bar with its figures. `whose` names it for screen readers. */
export function BudgetMeter({ line, whose }: { readonly line: BudgetLine; readonly whose: string }) {
  const { limit, spent, reserved, share } = drawnOn(line)
  const per = `per ${line.window}`
  return (
    <div className="budget-meter">
      <span className="budget-meter-text figures small">
        <span>
          {amountOf(line, spent + reserved)} <span className="soft">of {amountOf(line, limit)}</span>
        </span>
        <span className="soft">
          {percent(share)} {per}
        </span>
      </span>
      <Meter
        label={`${whose}, ${line.unit === 'usd' ? 'budget' : 'actions'} ${per}`}
        text={`${amountOf(line, spent)} spent, ${amountOf(line, reserved)} reserved, of ${amountOf(line, limit)}`}
        {...{ limit, spent, reserved }}
      />
    </div>
  )
}
