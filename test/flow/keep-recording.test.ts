import { afterEach, describe, expect, it } from 'vitest'
import type { Recording } from '../../src/action/recording.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const POLICY = `
version: 1
agents: { agent-a: {} }
actions: { mail.send: {} }
`

const recording: Recording = {
  v: 1,
  door: 'http',
  method: 'POST',
  path: '/v1/actions',
  request: { action: 'mail.send', input: { text: 'for Ann' } },
  startedAt: 1000,
  withheld: null,
  masked: { request: 0, answer: 0 },
  answer: {
    status: 201,
    headers: { 'content-type': 'application/json' },
    encoding: 'utf8',
    body: '{"said":"to Ann"}',
    cuts: [[3, 17]],
    whole: true,
    broken: false,
  },
}

let under: FlowUnderTest
afterEach(() => under.close())

describe.each(STORES)('what went to and fro, kept on %s', (dialect) => {
  it('lies apart from its record, changes nothing of the action, and is erased with the person', async () => {
    under = await flowOn(dialect, POLICY)
    const { action } = await propose(under, 'mail.send', { text: 'for Ann' }, { subjects: ['ann'] })
    await under.flow.keepRecording(action.id, recording)
    await under.flow.keepRecording(action.id, { ...recording, method: 'GET', request: null })
    const kept = async () =>
      (await under.store.payloads(action.id)).filter(({ kind }) => kind.startsWith('recording:'))
    expect((await kept()).map(({ text }) => (JSON.parse(text ?? '') as Recording).method).toSorted()).toEqual(
      ['GET', 'POST'],
    )
    expect((await under.store.action(action.id))?.version).toBe(action.version)
    const records = (await under.store.recordsOf(action.id)).filter(({ kind }) => kind === 'recording')
    expect(records.length).toBe(2)
    expect(records.map(({ text }) => text).join()).not.toContain('Ann')

    await under.flow.erase({ subject: 'ann' }, 'admin')
    expect((await kept()).map(({ text }) => text)).toEqual([null, null])
    expect((await verifyLedger(under.store)).ok).toBe(true)
  })

  it('belongs to an action that is there', async () => {
    under = await flowOn(dialect, POLICY)
    await expect(under.flow.keepRecording('act_none', recording)).rejects.toMatchObject({
      code: 'action:not_found',
    })
  })
})
