import { panelsOf, type Dashboard } from './panels.ts'

/** The dashboards as they are meant; `build.ts` writes them as Grafana wants them. */
export const DASHBOARDS: readonly Dashboard[] = [
  {
    uid: 'belay-agents',
    title: 'Belay / Agents',
    description: 'What agents do, how it ends, what it costs, who must say yes, and what is abnormal.',
    agents: 'belay_agent_active',
    rows: [
      {
        title: 'Now',
        panels: panelsOf(
          {
            title: 'Actions that succeeded',
            kind: 'stat',
            unit: 'percentunit',
            help: 'Of those that were carried out, within the range shown.',
            queries: {
              '': 'sum(increase(belay_action_outcomes_total{agent=~"$agent",outcome="succeeded"}[$__range])) / sum(increase(belay_action_outcomes_total{agent=~"$agent",outcome=~"succeeded|failed|unknown"}[$__range]))',
            },
          },
          {
            title: 'Refused',
            kind: 'stat',
            unit: 'percentunit',
            help: 'Proposals that were denied.',
            queries: {
              '': 'sum(increase(belay_actions_total{agent=~"$agent",decision="deny"}[$__range])) / sum(increase(belay_actions_total{agent=~"$agent"}[$__range]))',
            },
          },
          {
            title: 'Cost of an action',
            kind: 'stat',
            unit: 'currencyUSD',
            help: 'Mean over the actions that were carried out.',
            queries: {
              '': 'sum(increase(belay_cost_usd_total{agent=~"$agent"}[$__range])) / sum(increase(belay_action_outcomes_total{agent=~"$agent",outcome=~"succeeded|failed|unknown"}[$__range]))',
            },
          },
          {
            title: 'Waiting for people',
            kind: 'stat',
            unit: 'short',
            help: 'Held now. All replicas tell the same number.',
            queries: { '': 'max(belay_actions_held)' },
          },
          {
            title: 'Agents that may not act',
            kind: 'stat',
            unit: 'short',
            help: 'Paused or stopped.',
            queries: { '': 'count(min by (agent) (belay_agent_active{agent=~"$agent"}) == 0) or vector(0)' },
          },
          {
            title: 'Anomalies',
            kind: 'stat',
            unit: 'short',
            help: 'Findings of behaviour unlike the agent’s own, within the range shown.',
            queries: {
              '': 'sum(increase(belay_reasons_total{agent=~"$agent",code=~"anomaly:.+"}[$__range])) or vector(0)',
            },
          },
        ),
      },
      {
        title: 'Actions',
        panels: panelsOf(
          {
            title: 'Decisions',
            kind: 'lines',
            unit: 'ops',
            stacked: true,
            help: 'Proposals a second, by what was decided.',
            queries: {
              '{{decision}}':
                'sum by (decision) (rate(belay_actions_total{agent=~"$agent"}[$__rate_interval]))',
            },
          },
          {
            title: 'Outcomes',
            kind: 'lines',
            unit: 'ops',
            stacked: true,
            help: 'How actions ended. Unknown: the process died, or nobody reported.',
            queries: {
              '{{outcome}}':
                'sum by (outcome) (rate(belay_action_outcomes_total{agent=~"$agent"}[$__rate_interval]))',
            },
          },
          {
            title: 'Errors by agent',
            kind: 'lines',
            unit: 'percentunit',
            help: 'Share of carried out actions that failed or are unknown.',
            queries: {
              '{{agent}}':
                'sum by (agent) (rate(belay_action_outcomes_total{agent=~"$agent",outcome=~"failed|unknown"}[$__rate_interval])) / sum by (agent) (rate(belay_action_outcomes_total{agent=~"$agent",outcome=~"succeeded|failed|unknown"}[$__rate_interval]))',
            },
          },
          {
            title: 'How long actions take',
            kind: 'lines',
            unit: 's',
            help: 'From the start of the effect to its outcome.',
            queries: {
              p50: quantile(0.5, 'belay_action_duration_seconds'),
              p95: quantile(0.95, 'belay_action_duration_seconds'),
              p99: quantile(0.99, 'belay_action_duration_seconds'),
            },
          },
          {
            title: 'Why actions were not simply allowed',
            kind: 'table',
            unit: 'short',
            help: 'Reasons by their code.',
            queries: {
              '': 'sort_desc(sum by (agent, code) (increase(belay_reasons_total{agent=~"$agent"}[$__range])) > 0)',
            },
          },
          {
            title: 'What agents did most',
            kind: 'table',
            unit: 'short',
            help: 'Proposals by agent and action.',
            queries: {
              '': 'topk(20, sum by (agent, action) (increase(belay_actions_total{agent=~"$agent"}[$__range])))',
            },
          },
        ),
      },
      {
        title: 'People',
        panels: panelsOf(
          {
            title: 'How long approvals wait',
            kind: 'lines',
            unit: 's',
            help: 'The last step, from when it began to wait.',
            queries: {
              p50: quantile(0.5, 'belay_approval_wait_seconds', '1h'),
              p95: quantile(0.95, 'belay_approval_wait_seconds', '1h'),
            },
          },
          {
            title: 'What became of them',
            kind: 'lines',
            unit: 'short',
            stacked: true,
            help: 'Approvals that ended, an hour.',
            queries: { '{{outcome}}': 'sum by (outcome) (increase(belay_approval_wait_seconds_count[1h]))' },
          },
        ),
      },
    ],
  },
  {
    uid: 'belay-spend',
    title: 'Belay / Spend',
    description: 'What agents cost, against their limits, and where it goes.',
    agents: 'belay_agent_active',
    rows: [
      {
        title: 'Budgets',
        panels: panelsOf(
          {
            title: 'Used of each budget',
            kind: 'bars',
            unit: 'percentunit',
            help: 'Spent and reserved, of the limit of the window that now is.',
            queries: {
              '{{agent}} / {{window}}':
                'max by (agent, window) (belay_budget_spent{unit="usd"} + belay_budget_reserved{unit="usd"}) / max by (agent, window) (belay_budget_limit{unit="usd"})',
            },
          },
          {
            title: 'Used of each rate',
            kind: 'bars',
            unit: 'percentunit',
            help: 'Actions of the limit of the window that now is.',
            queries: {
              '{{agent}} / {{window}}':
                'max by (agent, window) (belay_budget_spent{unit="actions"} + belay_budget_reserved{unit="actions"}) / max by (agent, window) (belay_budget_limit{unit="actions"})',
            },
          },
          {
            title: 'What will be spent when the window ends',
            kind: 'lines',
            unit: 'currencyUSD',
            help: 'If it goes on as in the last hour. Needs the rules beside the dashboards.',
            queries: { '{{agent}} / {{window}}': 'belay:spend:forecast_usd{agent=~"$agent"}' },
          },
          {
            title: 'Times as fast as the day allows',
            kind: 'lines',
            unit: 'short',
            help: 'Burn rate over an hour; 14.4 for an hour is an alert. Needs the rules beside the dashboards.',
            queries: { '{{agent}}': 'belay:spend:burn_rate1h{agent=~"$agent"}' },
          },
        ),
      },
      {
        title: 'Where it goes',
        panels: panelsOf(
          {
            title: 'By agent',
            kind: 'lines',
            unit: 'currencyUSD',
            stacked: true,
            help: 'US dollars an hour.',
            queries: {
              '{{agent}}':
                'sum by (agent) (rate(belay_cost_usd_total{agent=~"$agent"}[$__rate_interval])) * 3600',
            },
          },
          {
            title: 'By model',
            kind: 'lines',
            unit: 'currencyUSD',
            stacked: true,
            help: 'US dollars an hour.',
            queries: {
              '{{provider}} {{model}}':
                'sum by (provider, model) (rate(belay_model_cost_usd_total{agent=~"$agent"}[$__rate_interval])) * 3600',
            },
          },
          {
            title: 'By action',
            kind: 'table',
            unit: 'currencyUSD',
            help: 'Within the range shown.',
            queries: {
              '': 'topk(20, sum by (agent, action) (increase(belay_cost_usd_total{agent=~"$agent"}[$__range])))',
            },
          },
        ),
      },
    ],
  },
  {
    uid: 'belay-models',
    title: 'Belay / Models',
    description: 'Calls through the model gateway: how they end, how long they take, tokens, providers.',
    agents: 'belay_model_tokens_total',
    rows: [
      {
        title: 'Calls',
        panels: panelsOf(
          {
            title: 'Calls',
            kind: 'lines',
            unit: 'ops',
            stacked: true,
            help: 'By how they ended. Refused: no provider was called.',
            queries: {
              '{{provider}} {{outcome}}':
                'sum by (provider, outcome) (rate(belay_model_calls_total[$__rate_interval]))',
            },
          },
          {
            title: 'How long they take',
            kind: 'lines',
            unit: 's',
            help: 'All attempts together.',
            queries: {
              '{{model}} p50': quantile(
                0.5,
                'belay_model_call_duration_seconds',
                '$__rate_interval',
                'model',
              ),
              '{{model}} p95': quantile(
                0.95,
                'belay_model_call_duration_seconds',
                '$__rate_interval',
                'model',
              ),
            },
          },
          {
            title: 'Time to the first token',
            kind: 'lines',
            unit: 's',
            help: 'Streamed answers.',
            queries: {
              '{{model}} p50': quantile(
                0.5,
                'belay_model_time_to_first_token_seconds',
                '$__rate_interval',
                'model',
              ),
              '{{model}} p95': quantile(
                0.95,
                'belay_model_time_to_first_token_seconds',
                '$__rate_interval',
                'model',
              ),
            },
          },
          {
            title: 'Providers',
            kind: 'lines',
            unit: 'short',
            help: '1: calls go there. 0: its breaker is open.',
            queries: { '{{provider}}': 'max by (provider) (belay_provider_up)' },
          },
        ),
      },
      {
        title: 'Tokens',
        panels: panelsOf(
          {
            title: 'Tokens',
            kind: 'lines',
            unit: 'short',
            stacked: true,
            help: 'A minute. Cached ones are part of the input, reasoning part of the output.',
            queries: {
              '{{type}}':
                'sum by (type) (rate(belay_model_tokens_total{agent=~"$agent",type=~"input|output"}[$__rate_interval])) * 60',
            },
          },
          {
            title: 'Of the input from cache',
            kind: 'lines',
            unit: 'percentunit',
            help: 'Cached input is cheaper.',
            queries: {
              '{{model}}':
                'sum by (model) (rate(belay_model_tokens_total{agent=~"$agent",type="cache_read"}[$__rate_interval])) / sum by (model) (rate(belay_model_tokens_total{agent=~"$agent",type="input"}[$__rate_interval]))',
            },
          },
        ),
      },
    ],
  },
  {
    uid: 'belay-service',
    title: 'Belay / Service',
    description: 'The harness itself.',
    agents: null,
    rows: [
      {
        title: 'Requests',
        panels: panelsOf(
          {
            title: 'Requests',
            kind: 'lines',
            unit: 'reqps',
            help: 'Of the HTTP API, by route.',
            queries: {
              '{{method}} {{route}}':
                'sum by (method, route) (rate(belay_http_request_duration_seconds_count[$__rate_interval]))',
            },
          },
          {
            title: 'How long they take',
            kind: 'lines',
            unit: 's',
            help: 'Waits for approvals count as long requests.',
            queries: {
              p50: quantile(0.5, 'belay_http_request_duration_seconds'),
              p99: quantile(0.99, 'belay_http_request_duration_seconds'),
            },
          },
          {
            title: 'Memory',
            kind: 'lines',
            unit: 'bytes',
            help: 'Resident.',
            queries: { '{{instance}}': 'process_resident_memory_bytes{job="belay"}' },
          },
          {
            title: 'Open now',
            kind: 'lines',
            unit: 'short',
            help: 'Requests that wait, readers of the event stream.',
            queries: { waiting: 'sum(belay_waiting_requests)', readers: 'sum(belay_event_clients)' },
          },
        ),
      },
    ],
  },
]

function quantile(share: number, histogram: string, range = '$__rate_interval', by?: string): string {
  const labels = by === undefined ? 'le' : `le, ${by}`
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${histogram}_bucket[${range}])))`
}
