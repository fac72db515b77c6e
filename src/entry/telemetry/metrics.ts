import type { Action, StateName } from '../../action/action.ts'
import { usdFromNano } from '../../action/money.ts'
import type { ModelCallFact } from './model-call-fact.ts'
import { counter, escaped, Histogram, Series, type Counter, type Label } from './series.ts'

const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Seconds, as OpenTelemetry's conventions advise for model calls: 0.01 … 81.92, doubling. */
export const MODEL_BUCKETS = Array.from({ length: 14 }, (_, index) => 2 ** index / 100)
/** A histogram is as dear as twenty counters. */
const MAX_HISTOGRAMS = 200
/** Seconds: people answer within minutes, or the next morning. */
const PEOPLE_BUCKETS = [10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200]

const OUTCOMES: ReadonlySet<StateName> = new Set([
  'denied',
  'succeeded',
  'failed',
  'unknown',
  'undone',
  'expired',
  'cancelled',
])

/** What becomes of an approval, by the state that an action leaves `held` for. */
const APPROVALS: ReadonlyMap<StateName, string> = new Map([
  ['ready', 'approve'],
  ['executing', 'approve'],
  ['denied', 'reject'],
  ['expired', 'expire'],
  ['cancelled', 'cancel'],
])

const open = (name: string): Label => ({ name, open: true })
const closed = (name: string): Label => ({ name, open: false })

interface ModelTotals {
  input: number
  output: number
  cacheRead: number
  cacheWrite: number
  reasoning: number
  nanoUsd: number
}

type ProvidersUp = () => Iterable<readonly [name: string, up: boolean]>

interface Gauge {
  readonly help: string
  readonly read: () => number | Promise<number>
}

/** A metric with a number for each combination of labels. */
export interface Family {
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly read: () => Values | Promise<Values>
}

/** The values of the labels, in their order, and the number. */
export type Values = readonly (readonly [labels: readonly string[], value: number])[]

/** Counters and histograms in Prometheus's text format 0.0.4. */
export class Metrics {
  readonly #actions = new Series([open('agent'), open('action'), closed('decision')], counter)
  readonly #outcomes = new Series([open('agent'), open('action'), closed('outcome')], counter)
  readonly #reasons = new Series([open('agent'), open('code')], counter)
  readonly #scores = new Series([open('agent'), closed('rubric'), closed('verdict')], counter)
  readonly #approvals = new Series([closed('outcome')], () => new Histogram(PEOPLE_BUCKETS))
  readonly #costs = new Series([open('agent'), open('action')], counter)
  readonly #durations = new Series([open('action')], modelHistogram, MAX_HISTOGRAMS)
  readonly #requests = new Series(
    [closed('method'), open('route'), closed('status')],
    () => new Histogram(REQUEST_BUCKETS),
  )
  readonly #models = new Series<ModelTotals>([open('agent'), closed('provider'), open('model')], () => ({
    input: 0,
    output: 0,
    cacheRead: 0,
    cacheWrite: 0,
    reasoning: 0,
    nanoUsd: 0,
  }))
  readonly #calls = new Series([closed('provider'), open('model'), closed('outcome')], counter)
  readonly #retries = new Series([closed('provider')], counter)
  readonly #callDurations = new Series([closed('provider'), open('model')], modelHistogram, MAX_HISTOGRAMS)
  readonly #firstTokens = new Series([closed('provider'), open('model')], modelHistogram, MAX_HISTOGRAMS)
  #providers: ProvidersUp = () => []
  readonly #gauges = new Map<string, Gauge>()
  readonly #families = new Map<string, Family>()

  /** Counts a recorded step of an action; `before` is what it replaced. */
  action(action: Action, before?: Action): void {
    const { name, state } = action
    if (before === undefined) {
      this.#actions.at(action.agent, name, action.decision).value++
      for (const { code } of action.reasons) this.#reasons.at(action.agent, code).value++
    } else if (before.state.name === 'held') {
      const outcome = APPROVALS.get(state.name)
      const since = before.state.approval.since
      if (outcome !== undefined)
        this.#approvals.at(outcome).observe(Math.max(0, action.updatedAt - since) / 1_000)
    }
    // A vote, a step of an approval chain, the progress of an undo.
    if (before?.state.name === state.name || !OUTCOMES.has(state.name)) return
    this.#outcomes.at(action.agent, name, state.name).value++
    if (before === undefined) return
    if (before.state.name === 'executing') {
      this.#costs.at(action.agent, name).value += action.cost
      this.#durations.at(name).observe(Math.max(0, action.updatedAt - before.state.startedAt) / 1_000)
    } else if (before.state.name === 'unknown') {
      // A counter cannot take back what a late report says was not spent after all.
      this.#costs.at(action.agent, name).value += Math.max(0, action.cost - before.cost)
    }
  }

  /** Counts what a judge made of an action of the agent. */
  scored(agent: string, rubric: string, verdict: string): void {
    this.#scores.at(agent, rubric, verdict).value++
  }

  /** Counts a model call that is over. */
  modelCall(fact: ModelCallFact): void {
    const { agent, provider, usage, attempts } = fact
    const model = fact.respondedModel ?? fact.requestedModel ?? 'none'
    // A refused call may name any model: real ones must not be crowded out.
    const vouched = fact.outcome !== 'refused'
    this.#calls.at(provider, model, fact.outcome, vouched).value++
    for (let index = 1; index < attempts.length; index++) this.#retries.at(attempts[index]!.provider).value++
    const totals = this.#models.at(agent, provider, model, vouched)
    totals.nanoUsd += fact.cost
    if (usage !== null) {
      totals.input += usage.input
      totals.output += usage.output
      totals.cacheRead += usage.cacheRead
      totals.cacheWrite += usage.cacheWrite
      totals.reasoning += usage.reasoning
    }
    if (attempts.length === 0) return
    this.#callDurations.at(provider, model).observe(fact.duration)
    if (fact.timeToFirstToken !== null) this.#firstTokens.at(provider, model).observe(fact.timeToFirstToken)
  }

  /** Whether calls go to each provider: its breaker is not open. */
  watchProviders(read: ProvidersUp): void {
    this.#providers = read
  }

  /** `route` is the pattern, never the address: ids would make series without end. */
  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.#requests.at(method, route, STATUS_TEXTS.get(status) ?? String(status)).observe(seconds)
  }

  /** A number that is read when it is asked for. One that cannot be read is left out. */
  gauge(name: string, help: string, read: Gauge['read']): void {
    this.#gauges.set(name, { help, read })
  }

  /** Numbers that are read when they are asked for. Labels are ours or the policy's: few. */
  family(name: string, family: Family): void {
    this.#families.set(name, family)
  }

  async text(): Promise<string> {
    const lines = [
      ...counterLines('belay_actions_total', 'Actions proposed, by decision.', this.#actions),
      ...counterLines(
        'belay_action_outcomes_total',
        'Actions that came to an end, by how; one that was unknown and became known counts twice.',
        this.#outcomes,
      ),
      ...counterLines(
        'belay_reasons_total',
        'Reasons that decisions about proposals gave, by their code.',
        this.#reasons,
      ),
      ...counterLines('belay_quality_scores_total', 'What judges made of actions, by rubric.', this.#scores),
      ...histogramLines(
        'belay_approval_wait_seconds',
        'How long the last step of an approval waited for its end, by what that was.',
        this.#approvals,
      ),
      ...counterLines('belay_cost_usd_total', 'What actions cost.', this.#costs, usdFromNano),
      ...histogramLines(
        'belay_action_duration_seconds',
        'From the start of an effect to its outcome.',
        this.#durations,
      ),
      ...this.#modelLines(),
      ...histogramLines('belay_http_request_duration_seconds', 'How long requests took.', this.#requests),
    ]
    for (const [name, { help, read }] of this.#gauges) {
      const value = await Promise.resolve()
        .then(read)
        .catch(() => undefined)
      if (value === undefined) continue
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value}`)
    }
    for (const [name, { help, type, labels, read }] of this.#families) {
      const values = await Promise.resolve()
        .then(read)
        .catch(() => [])
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      for (const [named, number] of values) {
        const text = labels.map((label, index) => `${label}="${escaped(named[index] ?? '')}"`)
        lines.push(`${name}{${text.join(',')}} ${number}`)
      }
    }
    return `${lines.join('\n')}\n`
  }

  *#modelLines(): Iterable<string> {
    const tokens = 'belay_model_tokens_total'
    yield `# HELP ${tokens} Tokens as providers report them; cache_read and cache_creation are parts of input, reasoning of output.`
    yield `# TYPE ${tokens} counter`
    for (const [labels, totals] of this.#models.entries()) {
      yield `${tokens}{${labels},type="input"} ${totals.input}`
      yield `${tokens}{${labels},type="output"} ${totals.output}`
      yield `${tokens}{${labels},type="cache_read"} ${totals.cacheRead}`
      yield `${tokens}{${labels},type="cache_creation"} ${totals.cacheWrite}`
      yield `${tokens}{${labels},type="reasoning"} ${totals.reasoning}`
    }
    yield '# HELP belay_model_cost_usd_total What model calls cost.'
    yield '# TYPE belay_model_cost_usd_total counter'
    for (const [labels, { nanoUsd }] of this.#models.entries())
      yield `belay_model_cost_usd_total{${labels}} ${usdFromNano(nanoUsd)}`
    yield* counterLines('belay_model_calls_total', 'Model calls, by how they ended.', this.#calls)
    yield* counterLines(
      'belay_model_retries_total',
      'Attempts after the first of a call, by the provider that was then called.',
      this.#retries,
    )
    yield* histogramLines(
      'belay_model_call_duration_seconds',
      'From the request to the last byte of the answer, all attempts together.',
      this.#callDurations,
    )
    yield* histogramLines(
      'belay_model_time_to_first_token_seconds',
      'From the request to the first token of a streamed answer.',
      this.#firstTokens,
    )
    yield '# HELP belay_provider_up Whether calls go to the provider: 0 while its breaker is open.'
    yield '# TYPE belay_provider_up gauge'
    for (const [name, up] of this.#providers())
      yield `belay_provider_up{provider="${escaped(name)}"} ${up ? 1 : 0}`
  }
}

/** So that a known status is no new text for each request. */
const STATUS_TEXTS = new Map(Array.from({ length: 500 }, (_, index) => [100 + index, String(100 + index)]))

function modelHistogram(): Histogram {
  return new Histogram(MODEL_BUCKETS)
}

function* counterLines(
  name: string,
  help: string,
  series: Series<Counter>,
  unit: (value: number) => number = (value) => value,
): Iterable<string> {
  yield `# HELP ${name} ${help}`
  yield `# TYPE ${name} counter`
  for (const [labels, { value }] of series.entries()) yield `${name}{${labels}} ${unit(value)}`
}

function* histogramLines(name: string, help: string, series: Series<Histogram>): Iterable<string> {
  yield `# HELP ${name} ${help}`
  yield `# TYPE ${name} histogram`
  for (const [labels, histogram] of series.entries()) yield* histogram.lines(name, labels)
}
