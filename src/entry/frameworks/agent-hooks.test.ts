import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { serveBelay } from '../../../test/frameworks/served-belay.ts'
import type { ServedBelay } from '../../../test/frameworks/served-belay.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { createEmitter, guardHooks } from './agent-hooks.ts'
import type { Emission, EmitterOptions } from './agent-hooks.ts'

let folder: string
let served: ServedBelay
const ran: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-agent-hooks-'))
  served = await serveBelay(folder)
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void ran.splice(0))

/** A host's loop around one tool call: asks, runs the tool, tells. Answers what the model reads. */
function host(options: Partial<EmitterOptions> = {}) {
  const hooks = guardHooks(served.belay, { agent: 'helper', actions: { refund: 'payments.refund' } })
  const emitter = createEmitter({ interceptors: [hooks.interceptor], resolver: hooks.resolver, ...options })
  let sequence = 0
  const emit = (point: string, session: string, rest: JsonObject, target: JsonValue): Promise<Emission> =>
    emitter({
      spec: 'agent-hooks/0.1',
      interception_point: point,
      timestamp: '2026-01-01T00:00:00.000Z',
      sequence: sequence++,
      agent: { id: 'helper', framework: 'own' },
      session: { id: session },
      ...rest,
      target,
    })
  return {
    emit,
    async call(
      session: string,
      name: string,
      args: JsonObject,
      run: (input: unknown) => JsonValue = (input) => ran.push(input),
      id = 'call_1',
    ): Promise<{ readonly said: JsonValue; readonly reason?: string | undefined }> {
      const before = await emit('pre_tool_call', session, { tool_call: { id, name, args } }, args)
      if (!before.proceeds || before.context === null)
        return { said: before.verdict.message ?? null, reason: before.verdict.reason }
      const used = before.context.target as JsonObject
      let value: JsonValue
      let is_error = false
      try {
        value = run(used)
      } catch (error) {
        value = (error as Error).message
        is_error = true
      }
      const call = { tool_call: { id, name, args: used }, tool_result: { value, is_error } }
      const after = await emit('post_tool_call', session, call, value)
      if (!after.proceeds || after.context === null)
        return { said: after.verdict.message ?? null, reason: after.verdict.reason }
      return { said: after.context.target }
    },
  }
}

test('an allowed call runs with the input that may be executed, and is recorded', async () => {
  const { said } = await host().call('s1', 'post', { text: 'Mail jane@example.com' }, (input) => {
    ran.push(input)
    return { stdout: 'ok' }
  })
  expect(said).toEqual({ stdout: 'ok' })
  expect(ran).toHaveLength(1)
  expect(JSON.stringify(ran)).not.toContain('jane@example.com')
  expect((await served.actions())[0]).toMatchObject({ state: 'succeeded', result: { stdout: 'ok' } })
})

test('a denial has the code of the rule, and nothing runs', async () => {
  const denied = await host().call('s2', 'post', { text: 'x'.repeat(41) })
  expect(denied.said).toContain('at most 40 characters')
  expect(denied.reason).toBe('max_length:found')
  expect(await host().call('s2', 'unheard_of', {})).toMatchObject({ said: expect.stringContaining('Denied') })
  expect(ran).toEqual([])
})

test('results are changed or withheld as the policy says', async () => {
  const { said } = await host().call('s3', 'lookup', {}, () => ({ stdout: 'jane@example.com' }))
  expect(JSON.stringify(said)).toContain('stdout')
  expect(JSON.stringify(said)).not.toContain('jane@example.com')
  const withheld = await host().call('s4', 'lookup', {}, () => 'top secret')
  expect(withheld.said).toContain('its result is withheld')
})

test('a failed tool is recorded as failed, and the agent sees its error', async () => {
  const { said } = await host().call('s5', 'post', { text: 'a' }, () => {
    throw new RangeError('no room')
  })
  expect(said).toBe('no room')
  expect((await served.actions())[0]?.state).toBe('failed')
})

test('what needs a person is lifted by the person alone', async () => {
  const waiting = host().call('s6', 'refund', { order: 'o1', amount: 500 })
  await served.decide('approve')
  expect(await waiting).toEqual({ said: 1 })
  const refused = host().call('s7', 'refund', { order: 'o1', amount: 500 })
  await served.decide('reject')
  expect((await refused).said).toContain('Denied, nothing was done')
  expect(ran).toHaveLength(1)
})

test('a resolver that lifts without the harness gets no result', async () => {
  const eager = host({
    resolver: ({ context_identity }) => ({
      outcome: 'approve',
      context_identity,
      verdict: { decision: 'allow' },
    }),
  })
  const { reason } = await eager.call('s8', 'refund', { order: 'o2', amount: 500 })
  expect(reason).toBe('belay:not_permitted')
  expect((await served.actions())[0]?.state).toBe('held')
  await served.decide('reject')
})

test('without a resolver the call is held, and the same call goes on once it is approved', async () => {
  const patient = host({ resolver: undefined as never })
  const held = await patient.call('s9', 'refund', { order: 'o3', amount: 500 })
  expect(held.reason).toBe('belay:held')
  await served.decide('approve')
  expect(await patient.call('s9', 'refund', { order: 'o3', amount: 500 })).toEqual({ said: 1 })
  const again = await patient.call('s9', 'refund', { order: 'o3', amount: 500 })
  expect(again.reason).toBe('belay:done_before')
  expect(ran).toHaveLength(1)
})

test('what a session leaves open is unknown', async () => {
  const { emit } = host()
  const args = { text: 'c' }
  await emit('pre_tool_call', 's10', { tool_call: { id: 't', name: 'post', args } }, args)
  expect((await served.actions())[0]?.state).toBe('executing')
  const summary = { reason: 'completed' }
  await emit('agent_shutdown', 's10', { summary }, summary)
  await expect.poll(async () => (await served.actions())[0]?.state).toBe('unknown')
})
