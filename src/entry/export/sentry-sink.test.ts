import { expect, test } from 'vitest'
import { rateLimit, readDsn } from './sentry-sink.ts'
import { sentryEvent } from './sentry-event.ts'
import type { ExportedRecord } from './sink.ts'

test.each([
  [
    'https://abc123@o1.ingest.sentry.io/42',
    { key: 'abc123', url: 'https://o1.ingest.sentry.io/api/42/envelope/' },
  ],
  ['http://k:old@host:9000/some/path/7', { key: 'k', url: 'http://host:9000/some/path/api/7/envelope/' }],
  ['https://host/42', undefined],
  ['https://k@host/', undefined],
  ['https://k@host/x', undefined],
  ['ftp://k@host/1', undefined],
  ['nothing', undefined],
])('the DSN %s', (dsn, read) => {
  expect(readDsn(dsn)).toEqual(read)
})

test.each([
  [null, 0],
  ['60:error:organization', 60_000],
  ['60:transaction:organization, 5::key', 5_000],
  ['2.5:default;error:project', 2_500],
  ['x:error, -1:error, 1e9:error', 0],
])('the limit %j', (header, ms) => {
  expect(rateLimit(header)).toBe(ms)
})

const record = (kind: string, said: object, agent = 'writer') =>
  ({
    chain: 'main',
    seq: 7,
    kind,
    agent,
    action: 'a-1',
    at: 1_000,
    hash: 'ab',
    said,
    decision: null,
    payload: null,
  }) as unknown as ExportedRecord
const options = { environment: null, version: '1', origin: 'o' }
const reasons = (code: string) => [{ code, message: 'it failed' }]

test.each([
  [
    'a check that crashed',
    'decision',
    { name: 'x', effective: 'deny', reasons: reasons('verify:check_failed') },
    'verify:check_failed',
  ],
  [
    'a check that was too slow',
    'decision',
    { name: 'x', effective: 'deny', reasons: reasons('verify:check_timeout') },
    'verify:check_timeout',
  ],
  [
    'an open breaker',
    'decision',
    { name: 'x', effective: 'deny', reasons: reasons('breaker:open') },
    'breaker:open',
  ],
  ['a breaker that opens', 'agent', { by: 'breaker', state: 'paused' }, 'breaker:open'],
  ['an outcome that failed', 'outcome', { name: 'x', outcome: 'failed' }, 'outcome:failed'],
  ['an outcome that nobody knows', 'outcome', { name: 'x', outcome: 'unknown' }, 'outcome:unknown'],
])('%s is an event', (_name, kind, said, code) => {
  const event = sentryEvent(record(kind, said), options)
  expect(event).toMatchObject({
    tags: { code, agent: 'writer' },
    event_id: expect.stringMatching(/^[0-9a-f]{32}$/),
  })
  expect(sentryEvent(record(kind, said), options)).toEqual(event)
})

test.each([
  ['decision', { name: 'x', effective: 'deny', reasons: reasons('policy:no_match') }],
  ['decision', { name: 'x', effective: 'allow', reasons: reasons('verify:check_failed') }],
  ['outcome', { name: 'x', outcome: 'succeeded' }],
  ['agent', { by: 'ann', state: 'paused' }],
  ['agent', { by: 'breaker', state: 'active' }],
  ['vote', { by: 'ann', outcome: 'reject' }],
])('%s %j is none', (kind, said) => {
  expect(sentryEvent(record(kind, said), options)).toBeNull()
})
