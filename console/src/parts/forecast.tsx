import { drawnOn } from '../api/budget-drawn.ts'
import type { BudgetLine } from '../api/answers.ts'
import { money } from './format.ts'
import { ForecastBand } from './meter.tsx'
import { Ago, Nothing } from './values.tsx'

/** What a limit's window will have cost at its end, as far as that is known, and when the limit is reached. */
export function ForecastOf({ line }: { readonly line: BudgetLine }) {
  const { forecast } = line
  if (forecast === undefined || forecast === null) return <Nothing />
  const { usd, low, high, exhausted_at: at, method } = forecast
  const { limit } = drawnOn(line)
  const by = method === 'hour_of_week' ? 'the same hours of past weeks' : 'the last hours'
  return (
    <div className="budget-meter" title={`By what ${by} cost; nine of ten ends lie between.`}>
      <span className="budget-meter-text figures small">
        <span>{money(usd)}</span>
        <span className="soft">
          {money(low)} – {money(high)}
        </span>
      </span>
      <ForecastBand
        text={`Expected by the end of the ${line.window}: ${money(usd)}, between ${money(low)} and ${money(high)}, of ${money(limit)}`}
        {...{ usd, low, high, limit }}
      />
      {at !== null && (
        <span className="small">
          limit reached <Ago at={at} />
        </span>
      )}
    </div>
  )
}
