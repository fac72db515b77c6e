// An agent in any language: propose, take the permission, act, report. Only HTTP and a key.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { startHarness } from './running-harness.ts'

const harness = await startHarness(join(import.meta.dirname, 'belay.yaml'))

interface Answer {
  readonly id: string
  readonly key: string
  readonly state: string
  readonly decision: string
  readonly input: { readonly text: string }
}

async function call(
  method: string,
  path: string,
  token: string,
  body?: object,
): Promise<{ status: number; body: Answer }> {
  const response = await fetch(harness.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer }
}

try {
  const { key } = (await call('POST', '/v1/keys', harness.adminToken, { agent: 'commenter' })).body

  const proposed = await call('POST', '/v1/actions', key, {
    action: 'social.comment',
    input: { postId: 'p1', text: 'Open until 6 pm.' },
    reason: 'customer asked for opening hours',
    idempotency_key: 'answer-to-question-17',
  })
  assert.equal(proposed.body.state, 'ready')

  const started = await call('POST', `/v1/actions/${proposed.body.id}/start`, key, {})
  assert.equal(started.body.state, 'executing')
  assert.equal(
    (await call('POST', `/v1/actions/${proposed.body.id}/start`, key, {})).status,
    409,
    'there is one permission',
  )

  const published = started.body.input.text
  const reported = await call('POST', `/v1/actions/${proposed.body.id}/outcome`, key, {
    outcome: 'succeeded',
    result: { commentId: 'c-1', published },
  })
  assert.equal(reported.body.state, 'succeeded')

  const denied = await call('POST', '/v1/actions', key, { action: 'social.delete_account', input: {} })
  assert.equal(denied.body.decision, 'deny', 'what the policy does not name is denied')
  console.log('ok: proposed, started once, reported, denied')
} finally {
  await harness.stop()
}
