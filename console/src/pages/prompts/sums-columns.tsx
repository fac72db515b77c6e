import type { Column } from '../../parts/table.tsx'
import { Count, Millis, Money, Nothing, Percent } from '../../parts/values.tsx'
import type { Sums } from './queries.ts'
import { successOf } from './sums.ts'

/** What became of the calls with a prompt or a model; `sums` finds them for a row. */
export function sumsColumns<R>(sums: (row: R) => Sums | undefined): readonly Column<R>[] {
  const figure = (name: string, cell: (found: Sums) => React.ReactNode, wideOnly = false): Column<R> => ({
    name,
    figures: true,
    wideOnly,
    cell: (row) => {
      const found = sums(row)
      return found === undefined ? <Nothing /> : cell(found)
    },
  })
  return [
    figure('Calls', ({ actions }) => <Count value={actions} />),
    figure('Succeeded', (found) => <Percent share={successOf(found)} />),
    figure('Denied', ({ decisions }) => <Count value={decisions.deny} />),
    figure('Held', ({ approvals }) => <Count value={approvals.held} />),
    figure(
      'Approved',
      ({ approvals: { approved, rejected } }) =>
        approved + rejected === 0 ? <Nothing /> : `${approved} of ${approved + rejected}`,
      true,
    ),
    figure('Cost', ({ cost_usd: usd }) => <Money usd={usd} />),
    figure('A call', ({ cost_usd: usd, actions }) =>
      actions === 0 ? <Nothing /> : <Money usd={usd / actions} />,
    ),
    figure('Median', ({ latency_ms: { p50 } }) => <Millis ms={p50} />, true),
    figure('p95', ({ latency_ms: { p95 } }) => <Millis ms={p95} />, true),
  ]
}
