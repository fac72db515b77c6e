import { describe, expect, test } from 'vitest'
import { createEmitter, type EmitterOptions, type Interceptor } from './emitter.ts'

const CALL = { id: 'c1', name: 'send', args: { to: 'a', amount: 5 } }
const CONTEXT = {
  spec: 'agent-hooks/0.1',
  interception_point: 'pre_tool_call',
  timestamp: '2026-01-01T00:00:00.000Z',
  sequence: 0,
  agent: { id: 'writer', framework: 'belay' },
  session: { id: 's1' },
  tool_call: CALL,
  target: CALL.args,
}

const emit = (interceptor: Interceptor, more: Partial<EmitterOptions> = {}) =>
  createEmitter({ interceptors: [interceptor], ...more })(CONTEXT)

describe('an emission', () => {
  test.each(['ask', 'escalate', 'hold', 'requires-approval', 'require_approval'])(
    'takes %s for a deny that a person may lift',
    async (decision) => {
      const { proceeds, verdict } = await emit(() => ({ decision }))
      expect(proceeds).toBe(false)
      expect(verdict).toEqual({ decision: 'deny', approval: {} })
    },
  )

  test.each(['block', 'refuse'])('takes %s for a deny that nobody lifts', async (decision) => {
    const { verdict } = await emit(() => ({ decision }))
    expect(verdict).toEqual({ decision: 'deny' })
  })

  test.each([
    ['nothing', undefined],
    ['a word', 'allow'],
    ['an unknown decision', { decision: 'permit' }],
    ['a decision of the prototype', { decision: 'toString' }],
    ['the reason of a host', { decision: 'allow', reason: 'host_error:none' }],
    ['an approval on an allow', { decision: 'allow', approval: {} }],
    ['a transform on a deny', { decision: 'deny', transform: { path: '$target', value: 1 } }],
    ['labels that are no text', { decision: 'allow', result_labels: [1] }],
    ['a number that is none', { decision: 'allow', evidence: { score: NaN } }],
  ])('denies for %s', async (_what, answer) => {
    const { proceeds, record } = await emit(() => answer)
    expect(proceeds).toBe(false)
    expect(record).toMatchObject({ verdict: { reason: 'host_error:verdict_invalid' }, decided_by: 0 })
  })

  test('denies where an interceptor does not answer in time', async () => {
    const { proceeds, verdict } = await emit(() => new Promise(() => undefined), { timeoutMs: 5 })
    expect(proceeds).toBe(false)
    expect(verdict.reason).toBe('host_error:interceptor_timeout')
  })

  test.each([
    ['does not answer in time', () => new Promise(() => undefined), 'approval_resolver_failed'],
    ['throws', () => Promise.reject(new Error('gone')), 'approval_resolver_failed'],
    ['answers nothing', () => null, 'approval_resolver_failed'],
    [
      'approves without the identity',
      () => ({ outcome: 'approve', verdict: { decision: 'allow' } }),
      'approval_identity_mismatch',
    ],
  ])('stays denied where the approver %s', async (_what, resolver, reason) => {
    const { proceeds, record } = await emit(() => ({ decision: 'ask' }), { resolver, approvalTimeoutMs: 5 })
    expect(proceeds).toBe(false)
    expect(record).toMatchObject({ verdict: { reason: `host_error:${reason}` }, resolved_by: 'rejection' })
  })

  test.each([
    '$target.__proto__',
    '$target.constructor',
    '$target.missing',
    '$target[0]',
    '$target.to.length',
    '$target..to',
  ])('does not write to %s', async (path) => {
    const { proceeds, verdict } = await emit(() => ({
      decision: 'transform',
      transform: { path, value: {} },
    }))
    expect(proceeds).toBe(false)
    expect(verdict.reason).toBe('host_error:transform_invalid')
  })

  test.each(['tool_call.args', '$context.tool_call', '$targets.to'])('does not look for %s', async (path) => {
    const { verdict } = await emit(() => ({ decision: 'transform', transform: { path, value: {} } }))
    expect(verdict.reason).toBe('host_error:transform_target_forbidden')
  })

  test('a transform that leaves no valid call is refused', async () => {
    const { verdict } = await emit(() => ({
      decision: 'transform',
      transform: { path: '$target', value: 'all' },
    }))
    expect(verdict.reason).toBe('host_error:transform_invalid')
  })

  test('what is no context is refused in every mode, without being shown to anyone', async () => {
    let asked = 0
    const emitter = createEmitter({
      mode: 'evaluate_only',
      interceptors: [() => ((asked += 1), { decision: 'allow' })],
    })
    const { tool_call: _call, ...without } = CONTEXT
    for (const given of [null, 'text', {}, without, { ...CONTEXT, interception_point: 'toString' }]) {
      const { proceeds, context, record } = await emitter(given)
      expect([proceeds, context, record['input_identity']]).toEqual([false, null, null])
      expect(record).toMatchObject({ verdict: { reason: 'host_error:context_invalid' } })
    }
    expect(asked).toBe(0)
  })

  test('the record quotes neither the target nor a long message', async () => {
    const { record } = await emit(() => ({
      decision: 'transform',
      message: 'é'.repeat(300),
      transform: { path: '$target.to', value: 'someone-else' },
    }))
    expect(JSON.stringify(record)).not.toContain('someone-else')
    const { message } = record['verdict'] as { message: string }
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(256)
    expect(message.endsWith('é…')).toBe(true)
  })

  test.each(['sequential/run_all', 'parallel/strictest', 'parallel/unanimous'] as const)(
    'a deny that could be lifted outweighs a transform in %s',
    async (profile) => {
      const answers = [
        { decision: 'transform', transform: { path: '$target.to', value: 'b' } },
        { decision: 'ask', reason: 'policy:ask' },
      ]
      const interceptors = answers.map((answer) => () => answer)
      const { proceeds, verdict } = await createEmitter({ interceptors, composition: { profile } })(CONTEXT)
      expect([proceeds, verdict.decision]).toEqual([false, 'deny'])
    },
  )

  test('labels are those of the permits, and none where the action does not proceed', async () => {
    const labelled = (decision: string, label: string) => () => ({ decision, result_labels: [label] })
    const composition = { profile: 'sequential/run_all' } as const
    const permits = [labelled('allow', 'a'), labelled('allow', 'b'), labelled('allow', 'a')]
    const allowed = await createEmitter({ interceptors: permits, composition })(CONTEXT)
    expect(allowed.verdict).toEqual({ decision: 'allow', result_labels: ['a', 'b'] })
    const interceptors = [...permits, labelled('deny', 'c')]
    const denied = await createEmitter({ interceptors, composition })(CONTEXT)
    expect(denied.verdict).toEqual({ decision: 'deny' })
  })

  test('a provider of identities may not call itself jcs', () => {
    const identify = (): string => 'x'
    expect(() =>
      createEmitter({ interceptors: [], identityProvider: { name: 'jcs-own', identify } }),
    ).toThrow(TypeError)
  })
})
