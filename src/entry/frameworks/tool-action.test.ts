import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { POLICY } from '../../../test/frameworks/served-belay.ts'
import { Belay } from '../sdk/belay.ts'
import { ActionNotRepeated } from '../sdk/errors.ts'
import { registerUndo, runToolCall, standingOf } from './tool-action.ts'
import type { ToolBelay } from './tool-action.ts'
import { ToolCallRefused } from './tool-call-refused.ts'

let folder: string
let belay: Belay

const open = () => Belay.open({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-tool-action-'))
  writeFileSync(
    join(folder, 'belay.yaml'),
    POLICY.replace('actions:\n', "actions:\n  'free.*': { effect: write, undo: { within: 1h } }\n"),
  )
  belay = await open()
})
afterAll(async () => {
  await belay.close()
  rmSync(folder, { recursive: true, force: true })
})

const OPTIONS = { agent: 'helper', actions: { a: 'free.a', b: 'free.b' } }

test('whatever is called how often, at once or after a restart: each call runs at most once, and answers the same', async () => {
  let round = 0
  const calls = fc.array(
    fc.record({
      session: fc.constantFrom('s', 't'),
      tool: fc.constantFrom('a', 'b'),
      callId: fc.constantFrom('1', '2', '\u0000"', 'x'.repeat(1000)),
      fails: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(calls, fc.boolean(), async (made, restart) => {
      const mark = `${(round += 1)} `
      const ran = new Map<string, number>()
      const call = async ({ session, tool, callId, fails }: (typeof made)[number]) => {
        const id = JSON.stringify([session, tool, callId])
        // Whether the tool fails belongs to the call, as its input does.
        const failing = made.find(
          (other) => JSON.stringify([other.session, other.tool, other.callId]) === id,
        )?.fails
        const settled = await runToolCall(
          belay,
          OPTIONS,
          { session: mark + session, tool, callId, input: { fails: failing ?? fails } },
          async () => {
            ran.set(id, (ran.get(id) ?? 0) + 1)
            if (failing === true) throw new RangeError('no room')
            return { nth: ran.get(id) }
          },
        ).catch((error: unknown) => error)
        if (failing === true) {
          const known =
            settled instanceof RangeError ||
            (settled instanceof ToolCallRefused && settled.cause instanceof ActionNotRepeated)
          expect(known).toBe(true)
        } else expect(settled).toEqual({ nth: 1 })
      }
      await Promise.all(made.map(call))
      if (restart && round % 5 === 0) {
        await belay.close()
        belay = await open()
      }
      await Promise.all(made.map(call))
      expect([...ran.values()].every((times) => times === 1)).toBe(true)
    }),
    { numRuns: 25 },
  )
})

test('without an id, each call is its own', async () => {
  let runs = 0
  const call = { tool: 'a', input: {} }
  await Promise.all([1, 2, 3].map(() => runToolCall(belay, OPTIONS, call, () => (runs += 1))))
  expect(runs).toBe(3)
})

test('the same id with another input does not run', async () => {
  const call = (input: object) =>
    runToolCall(belay, OPTIONS, { tool: 'a', input, callId: 'same' }, () => input)
  expect(await call({ n: 1 })).toEqual({ n: 1 })
  await expect(call({ n: 2 })).rejects.toThrow(/^Nothing was done: /)
})

test('what the tool gets is what was judged, whatever becomes of what was handed over', async () => {
  let arrived = 0
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (input) => {
      const handed = structuredClone(input)
      const before = JSON.stringify(handed)
      const seen = runToolCall(belay, OPTIONS, { tool: 'a', input: handed }, (enforced) => enforced).catch(
        (error: unknown) => error,
      )
      for (const key of Object.keys(handed)) delete handed[key]
      const got = await seen
      // Keys that the harness forbids are refused; anything else arrives as it was.
      if (got instanceof ToolCallRefused) return
      expect(JSON.stringify(got)).toBe(before)
      arrived += 1
    }),
    { numRuns: 100 },
  )
  expect(arrived).toBeGreaterThan(50)
})

const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic

test.each([
  ['a date', { at: new Date(0) }, 'input.at'],
  ['a map', { map: new Map([['a', 1]]) }, 'input.map'],
  ['an infinity', { list: [1, Infinity] }, 'input.list.1'],
  ['a bigint', { n: 1n }, 'input.n'],
  ['something that writes itself', { a: { toJSON: () => 'b' } }, 'input.a'],
  ['a cycle', cyclic, 'input.self'],
])('%s in the input is refused with its place', async (_what, input, place) => {
  const run = runToolCall(belay, OPTIONS, { tool: 'a', input }, () => expect.fail('it ran'))
  await expect(run).rejects.toThrow(place)
  await expect(standingOf(belay, OPTIONS, { tool: 'a', input, callId: 'x' })).rejects.toBeInstanceOf(
    ToolCallRefused,
  )
})

test('absent input is an empty one, and undefined fields are absent', async () => {
  const seen = (input: unknown) => runToolCall(belay, OPTIONS, { tool: 'a', input }, (enforced) => enforced)
  expect(await seen(undefined)).toEqual({})
  expect(await seen({ a: undefined, b: 1 })).toEqual({ b: 1 })
})

test('names of tools are looked up as they are', async () => {
  for (const tool of ['constructor', '__proto__', 'toString'])
    await expect(
      runToolCall(belay, OPTIONS, { tool, input: {} }, () => expect.fail('it ran')),
    ).rejects.toThrow(/Denied|Nothing was done/)
})

test('what a tool did is taken back by its undo', async () => {
  const undone: unknown[] = []
  registerUndo(belay, { ...OPTIONS, undo: { b: (input, result) => undone.push([input, result]) } })
  let id = ''
  await runToolCall(belay, OPTIONS, { tool: 'b', input: { n: 1 } }, (_input, context) => {
    id = context.id
    return { made: 'it' }
  })
  expect((await belay.undo(id)).state).toBe('undone')
  expect(undone).toEqual([[{ n: 1 }, { made: 'it' }]])
})

test('an error of the harness is no answer of the tool', async () => {
  const broken: ToolBelay = {
    guard: () => () => Promise.reject(new TypeError('a fault')),
    propose: () => Promise.reject(new TypeError('a fault')),
    cancel: async () => undefined,
  }
  await expect(runToolCall(broken, OPTIONS, { tool: 'a', input: {} }, () => 1)).rejects.toThrow('a fault')
})

test('what waits says for whom, and given up it is withdrawn', async () => {
  const held = { ...OPTIONS, actions: { a: 'payments.refund' } }
  const call = { tool: 'a', input: { order: 'o', amount: 500 }, callId: 'waits' }
  const run = () => expect.fail('it ran')
  await expect(runToolCall(belay, { ...held, wait: 0 }, call, run)).rejects.toThrow(
    /^Nothing was done yet: it waits for the approval of a person \(/,
  )
  const standing = await standingOf(belay, held, call)
  expect(standing).toMatchObject({ state: 'held', approval: { id: expect.any(String) as string } })
  const gone = new AbortController()
  const waiting = runToolCall(belay, held, { ...call, signal: gone.signal }, run)
  gone.abort()
  await expect(waiting).rejects.toThrow('the action was withdrawn')
  await expect(runToolCall(belay, held, call, run)).rejects.toThrow('the action was withdrawn')
})
