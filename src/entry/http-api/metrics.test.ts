import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'

test('writes counters and cumulative buckets', () => {
  const metrics = new Metrics()
  metrics.countAction('mail.send', 'deny')
  metrics.countAction('mail.send', 'deny')
  metrics.observeRequest('GET', '/v1/actions/:id', 200, 0.02)
  metrics.observeRequest('GET', '/v1/actions/:id', 200, 100)
  metrics.gauge('belay_things', 'Things.', () => 3)
  const lines = metrics.text().split('\n')
  expect(lines).toContain('belay_actions_total{action="mail.send",decision="deny"} 2')
  const key = 'method="GET",route="/v1/actions/:id",status="200"'
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="0.01"} 0`)
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="0.025"} 1`)
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="60"} 1`)
  expect(lines).toContain(`belay_http_request_duration_seconds_bucket{${key},le="+Inf"} 2`)
  expect(lines).toContain('belay_things 3')
})

test('labels are escaped and the number of series is bounded', () => {
  const metrics = new Metrics()
  metrics.countAction('a"b\\c\nd', 'allow')
  for (let index = 0; index < 5_000; index++) metrics.countAction(`made.up.${index}`, 'deny')
  const text = metrics.text()
  expect(text).toContain('{action="a\\"b\\\\c\\nd",decision="allow"} 1')
  expect(text).toContain('{action="other",decision="deny"} 4001')
  expect(text.match(/^belay_actions_total/gm)!.length).toBeLessThanOrEqual(1_010)
})
