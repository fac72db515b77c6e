import { afterEach, describe, expect, test } from 'vitest'
import type { Check } from '../../src/policy/check.ts'
import { flowOn, propose, type FlowUnderTest } from '../setup/flow-on.ts'

const OPTIONS = { type: 'object', properties: {}, additionalProperties: false } as const

function check(name: string, run: () => unknown): Check {
  return { name, options: OPTIONS, prepare: () => run as never }
}

const CHECKS: readonly Check[] = [
  check('throws', () => {
    throw new Error('the secret is hunter2')
  }),
  check('rejects', () => Promise.reject(new Error('the secret is hunter2'))),
  check('hangs', () => new Promise(() => undefined)),
  check('babbles', () => 'all is well'),
  check('holds', () => [{ message: 'A person should look.', decision: 'require_approval' }]),
]

let under: FlowUnderTest | undefined
afterEach(async () => {
  await under?.close()
  under = undefined
})

async function judged(line: string, mode = 'enforce', result: Record<string, string> = { text: 'fine' }) {
  under = await flowOn(
    'sqlite',
    `version: 1
mode: ${mode}
actions:
  x: { effect: read, result: { verify: [${line}] } }
`,
    { checks: CHECKS },
  )
  const { action } = await propose(under, 'x', { amount: 3 })
  return { action, verdict: await under.flow.judgeResult(action, result) }
}

describe('a check of what came back', () => {
  test.each([
    ['throws', 'verify:check_failed'],
    ['rejects', 'verify:check_failed'],
    ['hangs', 'verify:check_timeout'],
    ['babbles', 'verify:check_nonsense'],
  ])('that %s denies', async (name, code) => {
    const { verdict } = await judged(`{ ${name}: {} }`)
    expect(verdict).toMatchObject({ decision: 'deny', effective: 'deny', reasons: [{ code }] })
    expect(JSON.stringify(verdict.reasons)).not.toContain('hunter2')
  })

  test('that would hold it for a person denies: a result cannot wait', async () => {
    const { verdict } = await judged('{ holds: {} }')
    expect(verdict).toMatchObject({ decision: 'require_approval', effective: 'deny' })
  })

  test('changes nothing under observe', async () => {
    const { verdict } = await judged('{ throws: {} }, { pii: { then: redact } }', 'observe', {
      text: 'jo@shop.example',
    })
    expect(verdict).toMatchObject({
      decision: 'deny',
      effective: 'allow',
      result: { text: 'jo@shop.example' },
    })
  })

  test('rules see the result beside the input; one that cannot be evaluated denies', async () => {
    const rule = (when: string): string => `{ rule: { when: '${when}', then: deny, message: no } }`
    expect((await judged(rule('input.amount > 2 && result.text == "fine"'))).verdict.effective).toBe('deny')
    await under?.close()
    expect((await judged(rule('input.amount > 5'))).verdict.effective).toBe('allow')
    await under?.close()
    expect((await judged(rule('result.nowhere > 5'))).verdict).toMatchObject({
      effective: 'deny',
      reasons: [{ code: 'rule:failed' }],
    })
  })

  test('an input that was erased is none: rules on it deny', async () => {
    const { action } = await judged(`{ rule: { when: 'input.amount > 5', then: deny, message: no } }`)
    await under!.flow.report(action.id, { outcome: 'succeeded' })
    await under!.flow.erase({ action: action.id }, 'ann')
    expect(await under!.flow.judgeResult(action, { text: 'fine' })).toMatchObject({ effective: 'deny' })
  })
})
