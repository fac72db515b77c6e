import type { Metrics } from '../telemetry/metrics.ts'
import type { Exports } from './exports.ts'

/** How the sinks of `export:` fare, for `/metrics`. */
export function countExports(metrics: Metrics, exports: Exports): void {
  const each = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (state: ReturnType<Exports['states']>[number]) => number | Promise<number>,
  ): void =>
    metrics.family(name, {
      help,
      type,
      labels: ['sink'],
      read: () =>
        Promise.all(exports.states().map(async (state) => [[state.name], await value(state)] as const)),
    })
  each('belay_export_sent_total', 'counter', 'Records that the sink has taken.', ({ sent }) => sent)
  each(
    'belay_export_dropped_total',
    'counter',
    'Records that the sink will never take.',
    ({ dropped }) => dropped,
  )
  each('belay_export_failures_total', 'counter', 'Attempts that failed.', ({ failures }) => failures)
  each('belay_export_up', 'gauge', 'Whether the last attempt went well.', ({ up }) => (up ? 1 : 0))
  each('belay_export_waiting_records', 'gauge', 'Records that the sink does not have yet.', (state) =>
    state.waiting(),
  )
}
