import { expect, test } from 'vitest'
import type { Action, ActionState } from '../../action/action.ts'
import { Metrics } from './metrics.ts'
import { aCall, anAction } from '../../../test/setup/telemetry-samples.ts'

test('writes counters and cumulative buckets', async () => {
  const metrics = new Metrics()
  metrics.observeRequest('GET', '/v1/actions/:id', 200, 0.02)
  metrics.observeRequest('GET', '/v1/actions/:id', 200, 100)
  metrics.gauge('belay_things', 'Things.', () => 3)
  metrics.gauge('belay_broken', 'Cannot be read.', () => Promise.reject(new Error('disk on fire')))
  const lines = (await metrics.text()).split('\n')
  const key = 'method="GET",route="/v1/actions/:id",status="200"'
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="0.01"} 0`)
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="0.025"} 1`)
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="60"} 1`)
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="+Inf"} 2`)
  expect(lines).toContain('belay_things 3')
  expect(lines.join('\n')).not.toContain('belay_broken')
})

test('counts each action once by its decision and once by how it ended, with cost and duration', async () => {
  const metrics = new Metrics()
  const executing = anAction({ name: 'executing', startedAt: 10_000, deadline: 20_000 }, { cost: 5_000_000 })
  const succeeded = next(executing, { name: 'succeeded', at: 10_300 }, { cost: 2_000_000, updatedAt: 10_300 })
  metrics.action(executing)
  metrics.action(succeeded, executing)
  // An undo that is asked for is no second success.
  const undo = { status: 'requested', by: 'lead@example.com', at: 10_400 } as const
  metrics.action(next(succeeded, { name: 'succeeded', at: 10_300, undo }), succeeded)
  metrics.action(anAction({ name: 'denied' }, { decision: 'deny' }))
  expect(samples(await metrics.text(), /^belay_(action|cost)/)).toEqual({
    'belay_actions_total{agent="writer",action="tool.mail",decision="allow"}': 1,
    'belay_actions_total{agent="writer",action="tool.mail",decision="deny"}': 1,
    'belay_action_outcomes_total{agent="writer",action="tool.mail",outcome="succeeded"}': 1,
    'belay_action_outcomes_total{agent="writer",action="tool.mail",outcome="denied"}': 1,
    'belay_cost_usd_total{agent="writer",action="tool.mail"}': 0.002,
    ...Object.fromEntries(
      [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, '+Inf'].map(
        (le) => [
          `belay_action_duration_seconds_bucket{action="tool.mail",le="${le}"}`,
          le === '+Inf' || Number(le) >= 0.3 ? 1 : 0,
        ],
      ),
    ),
    'belay_action_duration_seconds_sum{action="tool.mail"}': 0.3,
    'belay_action_duration_seconds_count{action="tool.mail"}': 1,
  })
})

test('what a late report corrects upwards is counted, what it corrects downwards is not taken back', async () => {
  const metrics = new Metrics()
  const executing = anAction({ name: 'executing', startedAt: 0, deadline: 1 }, { cost: 1_000_000_000 })
  const unknown = next(executing, { name: 'unknown', at: 1, cause: 'no report' })
  metrics.action(unknown, executing)
  metrics.action(next(unknown, { name: 'succeeded', at: 2 }, { cost: 3_000_000_000 }), unknown)
  metrics.action(next(unknown, { name: 'failed', at: 2 }, { cost: 0 }), unknown)
  expect(samples(await metrics.text(), /^belay_cost/)).toEqual({
    'belay_cost_usd_total{agent="writer",action="tool.mail"}': 3,
  })
})

test('model calls: tokens, cost, times, retries', async () => {
  const metrics = new Metrics()
  metrics.modelCall(aCall())
  metrics.modelCall(aCall({ outcome: 'refused', attempts: [], usage: null, cost: 0, respondedModel: null }))
  metrics.watchProviders(() => [
    ['openai', false],
    ['anthropic', true],
  ])
  const found = samples(await metrics.text(), /^belay_(model|provider)/)
  const who = 'agent="writer",provider="openai",model="gpt-5-2026-01"'
  expect(found).toMatchObject({
    [`belay_model_tokens_total{${who},type="input"}`]: 1_200,
    [`belay_model_tokens_total{${who},type="output"}`]: 300,
    [`belay_model_tokens_total{${who},type="cache_read"}`]: 1_000,
    [`belay_model_tokens_total{${who},type="cache_creation"}`]: 50,
    [`belay_model_tokens_total{${who},type="reasoning"}`]: 200,
    [`belay_model_cost_usd_total{${who}}`]: 0.0042,
    'belay_model_calls_total{provider="openai",model="gpt-5-2026-01",outcome="succeeded"}': 1,
    'belay_model_calls_total{provider="openai",model="other",outcome="refused"}': 1,
    'belay_model_retries_total{provider="openai"}': 1,
    'belay_model_call_duration_seconds_count{provider="openai",model="gpt-5-2026-01"}': 1,
    'belay_model_call_duration_seconds_sum{provider="openai",model="gpt-5-2026-01"}': 1.5,
    'belay_model_time_to_first_token_seconds_bucket{provider="openai",model="gpt-5-2026-01",le="0.32"}': 1,
    'belay_provider_up{provider="openai"}': 0,
    'belay_provider_up{provider="anthropic"}': 1,
  })
})

test('labels are escaped and clipped, and the number of series is bounded', async () => {
  const metrics = new Metrics()
  metrics.action(anAction({ name: 'denied' }, { name: 'a"b\\c\nd' }))
  metrics.action(anAction({ name: 'denied' }, { name: 'x'.repeat(10_000) }))
  for (let index = 0; index < 5_000; index++) {
    metrics.action(anAction({ name: 'denied' }, { name: `made.up.${index}` }))
    metrics.modelCall(aCall({ agent: `agent-${index % 7}`, respondedModel: `made-up-${index}` }))
    metrics.modelCall(
      aCall({ outcome: 'refused', attempts: [], requestedModel: `refused-${index}`, respondedModel: null }),
    )
  }
  const text = await metrics.text()
  expect(text).toContain('action="a\\"b\\\\c\\nd",decision="allow"} 1')
  expect(text).toContain('belay_actions_total{agent="other",action="other",decision="allow"} 4002')
  expect(text).toContain(`action="${'x'.repeat(128)}",decision="allow"} 1`)
  expect(text).not.toContain('refused-')
  expect(text).toContain('belay_model_calls_total{provider="openai",model="other",outcome="refused"} 5000')
  const families = Map.groupBy(
    text.split('\n').filter((line) => line.startsWith('belay_')),
    (line) => line.slice(0, line.indexOf('{')),
  )
  expect(families.get('belay_actions_total')!.length).toBeLessThanOrEqual(1_001)
  // Five kinds of token each.
  expect(families.get('belay_model_tokens_total')!.length).toBeLessThanOrEqual(5 * 1_010)
  expect(families.get('belay_model_calls_total')!.length).toBeLessThanOrEqual(1_010)
  expect(families.get('belay_model_call_duration_seconds_count')!.length).toBeLessThanOrEqual(201)
})

function next(action: Action, state: ActionState, changes: Partial<Action> = {}): Action {
  return { ...action, ...changes, state, version: action.version + 1 }
}

function samples(text: string, family: RegExp): Record<string, number> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => family.test(line))
      .map((line) => {
        const end = line.lastIndexOf(' ')
        return [line.slice(0, end), Number(line.slice(end + 1))]
      }),
  )
}
