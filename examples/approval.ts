// An action that a person must approve: the guarded call waits for as long as that takes, then runs once.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ActionDenied, Belay } from '../src/index.ts'
import { startHarness } from './running-harness.ts'

const harness = await startHarness(join(import.meta.dirname, 'belay.yaml'))

interface Answer {
  readonly key: string
  readonly items: readonly {
    readonly id: string
    readonly action: { readonly input: { readonly order: string } }
  }[]
}

async function asPerson(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(harness.url + path, {
    method,
    headers: {
      authorization: `Bearer ${harness.adminToken}`,
      'belay-acting-as': 'finance@example.com',
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Answer
}

/** What a person does in an inbox: looks at what waits for this order, and decides. */
async function decide(order: string, outcome: 'approve' | 'reject'): Promise<void> {
  for (;;) {
    const { items } = await asPerson('GET', '/v1/approvals?state=pending')
    const approval = items.find((item) => item.action.input.order === order)
    if (approval === undefined) continue
    await asPerson('POST', `/v1/approvals/${approval.id}`, { outcome, reason: 'checked the order' })
    return
  }
}

const { key } = await asPerson('POST', '/v1/keys', { agent: 'cashier' })
const belay = await Belay.open({ url: harness.url, key })
const refunded: string[] = []

try {
  const refund = belay.guard('payments.refund', {
    run: (input: { order: string; amount: number }) => {
      refunded.push(input.order)
      return { refund: `r-${input.order}` }
    },
  })

  await refund({ order: 'small', amount: 20 }, { agent: 'cashier' })
  assert.deepEqual(refunded, ['small'], 'a small refund needs nobody')

  const [large] = await Promise.all([
    refund({ order: 'large', amount: 500 }, { agent: 'cashier' }),
    decide('large', 'approve'),
  ])
  assert.equal(large.refund, 'r-large')

  await Promise.all([
    assert.rejects(refund({ order: 'odd', amount: 900 }, { agent: 'cashier' }), ActionDenied),
    decide('odd', 'reject'),
  ])
  assert.deepEqual(refunded, ['small', 'large'], 'what was rejected did not run')
  console.log('ok: allowed, approved, rejected')
} finally {
  await belay.close()
  await harness.stop()
}
