const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Names come from agents, so they may not make up time series without end. */
const MAX_SERIES = 1_000

interface Histogram {
  readonly counts: number[]
  sum: number
  count: number
}

/** Counters and histograms in Prometheus's text format 0.0.4. */
export class Metrics {
  readonly #actions = new Map<string, number>()
  readonly #durations = new Map<string, Histogram>()
  readonly #gauges = new Map<string, { readonly help: string; readonly read: () => number }>()

  /** Past a thousand series, further names of actions are counted as `other`. */
  countAction(action: string, decision: string): void {
    let key = labels({ action, decision })
    if (!this.#actions.has(key) && this.#actions.size >= MAX_SERIES)
      key = labels({ action: 'other', decision })
    this.#actions.set(key, (this.#actions.get(key) ?? 0) + 1)
  }

  /** `route` is the pattern, never the address: ids would make series without end. */
  observeRequest(method: string, route: string, status: number, seconds: number): void {
    const key = labels({ method, route, status: String(status) })
    let histogram = this.#durations.get(key)
    if (histogram === undefined) {
      if (this.#durations.size >= MAX_SERIES) return
      histogram = { counts: BUCKETS.map(() => 0), sum: 0, count: 0 }
      this.#durations.set(key, histogram)
    }
    histogram.sum += seconds
    histogram.count++
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound)
    if (bucket !== -1) histogram.counts[bucket]!++
  }

  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.set(name, { help, read })
  }

  text(): string {
    const lines = [
      '# HELP belay_actions_total Actions proposed over HTTP, by decision.',
      '# TYPE belay_actions_total counter',
      ...[...this.#actions].map(([key, value]) => `belay_actions_total{${key}} ${value}`),
      '# HELP belay_http_request_duration_seconds How long requests took.',
      '# TYPE belay_http_request_duration_seconds histogram',
    ]
    for (const [key, { counts, sum, count }] of this.#durations) {
      let below = 0
      BUCKETS.forEach((bound, index) => {
        below += counts[index]!
        lines.push(`belay_http_request_duration_seconds_bucket{${key},le="${bound}"} ${below}`)
      })
      lines.push(
        `belay_http_request_duration_seconds_bucket{${key},le="+Inf"} ${count}`,
        `belay_http_request_duration_seconds_sum{${key}} ${sum}`,
        `belay_http_request_duration_seconds_count{${key}} ${count}`,
      )
    }
    for (const [name, { help, read }] of this.#gauges) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${read()}`)
    }
    return `${lines.join('\n')}\n`
  }
}

function labels(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(
      ([name, value]) =>
        `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',')
}
