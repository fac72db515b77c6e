import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { flowOn, propose, STORES, type FlowUnderTest } from '../setup/flow-on.ts'

const POLICY = `
version: 1
agents: { agent-a: {} }
actions:
  doc.write: { effect: write, undo: { within: 1h, about: input.doc } }
  doc.read: { effect: read }
  doc.label: { effect: write, undo: { within: 1h, unchanged: [label.text] } }
  doc.share: { effect: write, undo: { within: 1h } }
  mail.send: { effect: irreversible }
`
const SESSION = { agent: 'agent-a', session: 's1' }

/** Documents with a version that only grows, as most services count. */
class Documents {
  readonly all = new Map<string, { text: string; version: number }>()
  readonly undone: string[] = []

  write(doc: string, text: string): JsonObject {
    const before = this.all.get(doc) ?? { text: '', version: 0 }
    this.all.set(doc, { text, version: before.version + 1 })
    return { before: before.text, version: before.version + 1 }
  }
}

const written = (input: JsonObject) => input as { readonly doc: string; readonly text: string }

describe.each(STORES)('undoing a session on %s', (dialect) => {
  let under: FlowUnderTest
  let documents: Documents

  beforeEach(async () => {
    under = await flowOn(dialect, POLICY, {
      onMoved: (action) => agent?.(action),
    })
    documents = new Documents()
    under.flow.undoers.register('doc.write', {
      current: (input) => ({ version: documents.all.get(written(input).doc)?.version ?? null }),
      undo: (input, result) => {
        const { before } = result as { before: string }
        const { doc, text } = written(input)
        documents.undone.push(`${doc}:${text}`)
        const { version } = documents.write(doc, before)
        return { version: version ?? null }
      },
    })
  })
  let agent: ((action: Action) => void) | undefined
  afterEach(async () => {
    agent = undefined
    await under.close()
  })

  async function did(action: string, input: JsonObject, result: JsonObject = {}): Promise<string> {
    const admitted = await propose(under, action, input, { session: 's1' })
    expect(admitted.action.state.name).toBe('executing')
    await under.flow.report(admitted.action.id, { outcome: 'succeeded', result, cost: 0 })
    return admitted.action.id
  }
  const wrote = (doc: string, text: string): Promise<string> =>
    did('doc.write', { doc, text }, documents.write(doc, text))

  it('takes back the last effect first, whatever only read, and is asked again for nothing', async () => {
    const first = await wrote('plan', 'one')
    await did('doc.read', { doc: 'plan' })
    const second = await wrote('plan', 'two')
    const third = await wrote('note', 'three')
    await propose(under, 'doc.write', { doc: 'plan', text: 'elsewhere' }, { session: 's2' })
    const preview = await under.flow.previewUndo(SESSION)
    expect(preview.undoable.map(({ id }) => id)).toEqual([third, second, first])
    expect(preview).toMatchObject({ refused: [], stopsAt: null, more: false })
    expect(documents.undone).toEqual([])

    const summary = await under.flow.undoAll(SESSION, 'ops')
    expect(summary).toEqual({
      undone: [third, second, first],
      requested: [],
      refused: [],
      left: [],
      stoppedAt: null,
    })
    expect(documents.undone).toEqual(['note:three', 'plan:two', 'plan:one'])
    expect(documents.all.get('plan')).toMatchObject({ text: '' })
    expect(await under.flow.undoAll(SESSION, 'ops')).toMatchObject({ undone: [], refused: [] })
  })

  it('goes by when effects happened, not by when they were proposed', async () => {
    const early = (await propose(under, 'doc.write', { doc: 'a', text: '1' }, { session: 's1' })).action
    const late = (await propose(under, 'doc.write', { doc: 'b', text: '2' }, { session: 's1' })).action
    await under.flow.report(late.id, { outcome: 'succeeded', result: documents.write('b', '2') })
    await expect
      .poll(() => under.store.now())
      .toBeGreaterThan(((await under.store.action(late.id))?.updatedAt ?? 0) + 1)
    await under.flow.report(early.id, { outcome: 'succeeded', result: documents.write('a', '1') })
    expect((await under.flow.undoAll(SESSION, 'ops')).undone).toEqual([early.id, late.id])
  })

  it('is done once, however many ask for it at once', async () => {
    const first = await wrote('plan', 'one')
    const asked = await Promise.allSettled(['ann', 'ben', 'cem'].map((by) => under.flow.undo(first, by)))
    expect(documents.undone).toEqual(['plan:one'])
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const one of asked)
      if (one.status === 'rejected')
        // Who comes last may find what the first has undone, and takes it for a change.
        expect(['action:conflict', 'action:wrong_state', 'undo:in_progress', 'undo:conflict']).toContain(
          (one.reason as { readonly code: string }).code,
        )
    const second = await wrote('plan', 'two')
    const third = await wrote('plan', 'three')
    await Promise.all([under.flow.undoAll(SESSION, 'ann'), under.flow.undoAll(SESSION, 'ben')])
    expect(documents.undone.toSorted()).toEqual(['plan:one', 'plan:three', 'plan:two'])
    expect([
      (await under.store.action(second))?.state.name,
      (await under.store.action(third))?.state.name,
    ]).toEqual(['undone', 'undone'])
  })

  it('is foretold as it would come: nobody knows that two are about the same thing that says nothing of it', async () => {
    const looks: Record<string, number> = { version: 0 }
    under.flow.undoers.register('doc.share', {
      current: () => ({ version: looks['version'] ?? 0 }),
      undo: () => ({ version: (looks['version'] = (looks['version'] ?? 0) + 1) }),
    })
    const share = async (): Promise<string> =>
      did('doc.share', {}, { version: (looks['version'] = (looks['version'] ?? 0) + 1) })
    const first = await share()
    const second = await share()
    const preview = await under.flow.previewUndo(SESSION)
    expect(preview).toMatchObject({
      undoable: [{ id: second }],
      refused: [{ id: first, code: 'undo:conflict' }],
    })
    const summary = await under.flow.undoAll(SESSION, 'ops')
    expect(summary).toMatchObject({ undone: [second], refused: [{ id: first, code: 'undo:conflict' }] })
  })

  it('shows what somebody changed since and overwrites it only when a person says so', async () => {
    const first = await wrote('plan', 'one')
    const second = await wrote('plan', 'two')
    const other = await wrote('note', 'three')
    documents.write('plan', 'by a person')

    const expected = {
      id: second,
      name: 'doc.write',
      code: 'undo:conflict',
      changed: [{ path: 'version', was: 2, is: 3 }],
    }
    const preview = await under.flow.previewUndo(SESSION)
    expect(preview.undoable.map(({ id, compared }) => [id, compared])).toEqual([[other, true]])
    expect(preview.refused[0]).toMatchObject(expected)
    expect(preview.stopsAt).toBe(second)

    const summary = await under.flow.undoAll(SESSION, 'ops')
    expect(summary).toMatchObject({ undone: [other], left: [first], stoppedAt: second })
    expect(summary.refused).toMatchObject([expected])
    expect(documents.all.get('plan')?.text).toBe('by a person')
    await expect(under.flow.undo(second, 'ops')).rejects.toMatchObject({ code: 'undo:conflict' })

    const overwriting = await under.flow.undoAll(SESSION, 'ops', { overwrite: [second] })
    expect(overwriting).toMatchObject({ undone: [second, first], refused: [], stoppedAt: null })
    expect(documents.all.get('plan')?.text).toBe('')
    const said = (await under.store.recordsOf(second)).filter(({ kind }) => kind === 'undo')
    expect(JSON.stringify(said)).toMatch(/overwrite\W+true/)
  })

  it('stops at what cannot be undone, and goes on past it when told', async () => {
    const before = await wrote('plan', 'one')
    const mail = await did('mail.send', { to: 'x' })
    const after = await wrote('plan', 'two')
    expect(await under.flow.previewUndo(SESSION)).toMatchObject({ stopsAt: mail })
    expect(await under.flow.undoAll(SESSION, 'ops')).toMatchObject({
      undone: [after],
      refused: [{ id: mail, name: 'mail.send', code: 'undo:not_declared' }],
      left: [before],
      stoppedAt: mail,
    })
    const past = await under.flow.undoAll(SESSION, 'ops', { past: true })
    // The undo before has counted the version on, and nobody remembers that it was ours: a person looks.
    expect(past.refused.map(({ code }) => code)).toEqual(['undo:not_declared', 'undo:conflict'])
    expect(past.refused[1]?.changed).toEqual([{ path: 'version', was: 1, is: 3 }])
  })

  it('does not guess: what may or may not have happened stops it, and so does what cannot be looked at', async () => {
    const first = await wrote('plan', 'one')
    const unknown = (await propose(under, 'doc.write', { doc: 'x', text: 'y' }, { session: 's1' })).action
    await under.flow.report(unknown.id, { outcome: 'unknown' })
    expect(await under.flow.undoAll(SESSION, 'ops')).toMatchObject({
      undone: [],
      refused: [{ id: unknown.id, code: 'action:wrong_state' }],
      left: [first],
    })
    for (const current of [
      () => Promise.reject(new Error('the service is away')),
      () => 'no object' as unknown as JsonObject,
    ]) {
      under.flow.undoers.register('doc.write', { current })
      await expect(under.flow.undo(first, 'ops')).rejects.toMatchObject({ code: 'undo:unchecked' })
    }
    // The service knows the thing no more: that is a change too.
    under.flow.undoers.register('doc.write', { current: () => ({}) })
    await expect(under.flow.undo(first, 'ops')).rejects.toMatchObject({
      code: 'undo:conflict',
      changed: [{ path: 'version', was: 1, is: null }],
    })
    expect(documents.undone).toEqual([])
  })

  it('compares the fields that the policy names, and what has none of them is a change', async () => {
    let label = 'urgent'
    under.flow.undoers.register('doc.label', {
      current: () => ({ label: { text: label } }),
      undo: () => undefined,
    })
    const one = await did('doc.label', {}, { label: { text: 'urgent' }, version: 1 })
    const without = await did('doc.label', {}, {})
    label = 'done'
    await expect(under.flow.undo(one, 'ops')).rejects.toMatchObject({
      changed: [{ path: 'label.text', was: 'urgent', is: 'done' }],
    })
    await expect(under.flow.undo(without, 'ops')).rejects.toMatchObject({
      changed: [{ path: 'label.text', was: null, is: 'done' }],
    })
    label = 'urgent'
    expect((await under.flow.undo(one, 'ops')).state.name).toBe('undone')
  })

  it('waits for the agent that is asked before it begins what came before', async () => {
    const seen: string[] = []
    agent = ({ id, state }) => {
      if (state.name === 'undone') seen.push(`undone ${id}`)
      if (state.name !== 'succeeded' || state.undo?.status !== 'requested') return
      seen.push(`asked ${id}`)
      setTimeout(() => void under.flow.reportUndo(id, { outcome: 'succeeded' }, 'agent-a'), 30)
    }
    const first = await did('doc.share', { with: 'a' })
    const second = await did('doc.share', { with: 'b' })
    const summary = await under.flow.undoAll(SESSION, 'ops')
    expect(summary).toMatchObject({ undone: [second, first], requested: [], stoppedAt: null })
    expect(seen).toEqual([`asked ${second}`, `undone ${second}`, `asked ${first}`, `undone ${first}`])
  })

  it('lets the agent that is asked say what is there now, and holds it to that', async () => {
    const id = await did('doc.share', { with: 'a' }, { etag: 'x1' })
    await under.flow.undo(id, 'ops')
    expect((await under.flow.checkUndo(id, { etag: 'x1' })).state).toMatchObject({
      undo: { status: 'requested' },
    })
    const refused = await under.flow.checkUndo(id, { etag: 'x2' })
    expect(refused.state).toMatchObject({ name: 'succeeded', undo: { status: 'failed' } })
    await expect(under.flow.checkUndo(id, { etag: 'x1' })).rejects.toMatchObject({
      code: 'action:wrong_state',
    })
    // A person may say so all the same.
    await under.flow.undo(id, 'ops', { overwrite: true })
    expect((await under.flow.checkUndo(id, { etag: 'x2' })).state).toMatchObject({
      undo: { status: 'requested' },
    })
    expect((await under.flow.reportUndo(id, { outcome: 'succeeded' }, 'agent-a')).state.name).toBe('undone')
  })
})
