import { afterEach, describe, expect, it } from 'vitest'
import { flowOn, policyOf, propose, STORES, type FlowUnderTest } from '../../../test/setup/flow-on.ts'
import { backtest } from './backtest.ts'

let under: FlowUnderTest
afterEach(() => under.close())

const BASE = `
version: 1
agents: { agent-a: {} }
actions:
  mail.send: {}
  pay: { cost_usd: 1 }
`

async function perform(action: string, input: object, outcome: 'succeeded' | 'failed' = 'succeeded') {
  const { action: taken } = await propose(under, action, input as never)
  if (taken.state.name === 'executing') await under.flow.report(taken.id, { outcome })
  return taken.id
}

function test(policy: string, more: { limit?: number; since?: number } = {}) {
  return backtest({ store: under.store, policy: policyOf(policy), limit: 10_000, ...more })
}

describe.each(STORES)('backtest on %s', (dialect) => {
  it('finds no change where the policy says the same', async () => {
    under = await flowOn(dialect, BASE)
    for (let i = 0; i < 5; i++) await perform('mail.send', { text: `hello ${i}` })
    await perform('unknown.thing', {})
    expect(await test(BASE)).toMatchObject({ judged: 6, changed: 0, groups: [], complete: true })
  })

  it('tells what a rule over the input would have refused, and what would be let through', async () => {
    under = await flowOn(dialect, BASE)
    await perform('mail.send', { text: 'fine' })
    const bad = await perform('mail.send', { text: 'forbidden words' })
    const denied = await perform('unknown.thing', {})
    const found = await test(`
version: 1
agents: { agent-a: {} }
actions:
  mail.send: { verify: [{ banned_phrases: { phrases: ['forbidden words'] } }] }
  unknown.thing: {}
`)
    expect(found).toMatchObject({ judged: 3, changed: 2, stricter: 1, looser: 1 })
    expect(found.changes.map(({ id, direction }) => [id, direction])).toEqual([
      [denied, 'looser'],
      [bad, 'stricter'],
    ])
    expect(found.changes[1]?.after).toMatchObject({ decision: 'deny', effective: 'deny' })
    expect(found.changes[0]?.before.codes).toEqual(['policy:no_match'])
  })

  it('rebuilds budgets from what was done: what is refused leaves its room to what follows', async () => {
    under = await flowOn(dialect, BASE)
    const ids = [
      await perform('pay', { n: 1 }),
      await perform('pay', { n: 2 }),
      await perform('pay', { n: 3 }),
    ]
    const budget = BASE.replace('agent-a: {}', 'agent-a: { budget: [{ limit_usd: 2, per: month }] }')
    expect((await test(budget)).changes.map(({ id }) => id)).toEqual([ids[2]])
    const first = budget.replace(
      '{ cost_usd: 1 }',
      "{ cost_usd: 1, verify: [{ rule: { when: 'input.n == 1' } }] }",
    )
    const found = await test(first)
    expect(found.changes.map(({ id }) => id)).toEqual([ids[0]])
  })

  it('counts what went before the judged time for history, and does not judge it', async () => {
    under = await flowOn(dialect, BASE)
    await perform('mail.send', { n: 1 })
    await perform('mail.send', { n: 2 })
    const last = await perform('mail.send', { n: 3 })
    const policy = BASE.replace(
      'mail.send: {}',
      `mail.send: { verify: [{ rule: { when: 'history.count("mail.send", "1h") >= 2' } }] }`,
    )
    expect(await test(policy, { limit: 1 })).toMatchObject({ judged: 1, changed: 1, complete: false })
    expect((await test(policy)).changes.map(({ id }) => id)).toEqual([last])
  })

  it('lets the breaker of the tested policy open by the outcomes of the time', async () => {
    under = await flowOn(dialect, BASE)
    await perform('mail.send', {}, 'failed')
    await perform('mail.send', {}, 'failed')
    const third = await perform('mail.send', {})
    const policy = BASE.replace('agent-a: {}', 'agent-a: { breaker: { error_rate: 0.1, over: 10 } }')
    const found = await test(policy)
    expect(found.changes.map(({ id, after }) => [id, after.reasons[0]?.code])).toEqual([
      [third, 'agent:paused'],
    ])
  })

  it('says how many could not be judged because their input was erased', async () => {
    under = await flowOn(dialect, BASE)
    const id = await perform('mail.send', { text: 'forbidden words' })
    await perform('mail.send', { text: 'fine' })
    await under.flow.erase({ action: id }, 'admin')
    const found = await test(
      BASE.replace(
        'mail.send: {}',
        'mail.send: { verify: [{ banned_phrases: { phrases: ["forbidden words"] } }] }',
      ),
    )
    expect(found).toMatchObject({ judged: 1, changed: 0, notJudgeable: { erased: 1 } })
  })

  it('answers the same for the same records', async () => {
    under = await flowOn(dialect, BASE)
    for (let i = 0; i < 20; i++) await perform(i % 3 === 0 ? 'pay' : 'mail.send', { i })
    const policy = BASE.replace('agent-a: {}', 'agent-a: { rate: [{ limit: 7, per: month }] }')
    const [one, other] = [await test(policy), await test(policy)]
    expect(other).toEqual(one)
    expect(one).toMatchObject({ judged: 20, changed: 13, stricter: 13 })
  })
})
