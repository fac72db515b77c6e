import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ResultVerdict } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { StreamGate, type JudgeText, type Passage } from './stream-gate.ts'
import type { StreamEvent, StreamFormat, StreamReading } from './wire-formats/wire-format.ts'

/** Events whose data is a part and its text. */
const format: StreamFormat = {
  open: () => {
    throw new Error('not read here')
  },
  withText: (event, text) => (text === '' ? null : { ...event, data: `${event.data.split(':')[0]}:${text}` }),
  finalText: (event, released) => ({ ...event, data: `all:${released.join('|')}` }),
  refuse: (held) => held,
  failure: () => [],
}

const HOLD = 40

const EMAIL = /[a-z0-9.]{1,10}@[a-z0-9]{1,10}\.[a-z]{2,8}(?![a-z])/g
const KEY = /sk-[a-z0-9]{8,24}(?![a-z0-9])/g
const PHRASE = /\bguaranteed\s+returns\b/

function redacted(text: string): string {
  return text.replace(EMAIL, '[email]').replace(KEY, '[key]')
}

function textIn({ text }: JsonObject): string {
  return typeof text === 'string' ? text : ''
}

function verdictOf(result: JsonObject): ResultVerdict {
  const text = textIn(result)
  const reasons = [{ code: 'x:found', message: 'Found.' }]
  if (PHRASE.test(text)) return { decision: 'deny', effective: 'deny', reasons, result }
  const after = redacted(text)
  if (after === text) return { decision: 'allow', effective: 'allow', reasons: [], result }
  return { decision: 'transform', effective: 'transform', reasons, result: { ...result, text: after } }
}

interface Piece {
  readonly part: number
  readonly text: string
  readonly more?: Partial<StreamReading>
}

interface Run {
  /** What came out before the end was known, and at the end. */
  readonly early: readonly StreamEvent[]
  readonly all: readonly StreamEvent[]
  readonly refused: boolean
  readonly verdict: ResultVerdict | undefined
  readonly asked: readonly string[]
}

async function run(
  pieces: readonly Piece[],
  { hold = HOLD, judge = verdictOf, late = false }: { hold?: number; judge?: JudgeText; late?: boolean } = {},
): Promise<Run> {
  const asked: string[] = []
  const gate = new StreamGate({
    format,
    hold,
    judge: (result) => {
      asked.push(textIn(result))
      const verdict = judge(result)
      return late ? Promise.resolve(verdict) : verdict
    },
  })
  const early: StreamEvent[] = []
  const said = (refused: boolean, all: readonly StreamEvent[]): Run => ({
    early,
    all,
    refused,
    verdict: gate.verdict,
    asked,
  })
  for (const { part, text, more } of pieces) {
    const passage: Passage = await gate.take(
      { event: null, data: `${part}:${text}` },
      { text: text === '' ? null : text, part, tool: false, unasked: false, ...more },
    )
    if (passage.status === 'refused') return said(true, early)
    early.push(...passage.events)
  }
  const last = await gate.finish({ tool_calls: [], finish_reason: 'stop' })
  if (last.status === 'refused') return said(true, early)
  return said(false, [...early, ...last.events, ...gate.heldCalls()])
}

function textOf(events: readonly StreamEvent[], part = 0): string {
  return events
    .filter(({ data }) => data.startsWith(`${part}:`))
    .map(({ data }) => data.slice(data.indexOf(':') + 1))
    .join('')
}

function chunksOf(text: string, sizes: readonly number[]): string[] {
  const chunks: string[] = []
  let at = 0
  for (let turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] as number
    chunks.push(text.slice(at, at + size))
    at += size
  }
  return chunks
}

const plain = fc.constantFrom('a', 'we', 'assume', 'market', 'data.', 'Then', 'some', '\n', 'returns', '47')
const email = fc.constantFrom('jo@shop.example', 'a.b@c.org', 'amy@mail.museum')
const key = fc.constantFrom('sk-abcdefgh', 'sk-0123456789abcdef01234567')
const phrase = fc.constantFrom('guaranteed returns', 'guaranteed  \nreturns')
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 })
const textOfWords = (...kinds: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.array(fc.oneof(...kinds), { maxLength: 60 }).map((words) => words.join(' '))

describe('for every chunking', () => {
  test('a text without findings arrives byte for byte, and streams', async () => {
    await fc.assert(
      fc.asyncProperty(textOfWords(plain), sizes, fc.boolean(), async (text, cuts, late) => {
        const { all, early, refused } = await run(
          chunksOf(text, cuts).map((chunk) => ({ part: 0, text: chunk })),
          { late },
        )
        expect(refused).toBe(false)
        expect(textOf(all)).toBe(text)
        // No more is held than the window twice, an unfinished word and a chunk.
        expect(text.length - textOf(early).length).toBeLessThanOrEqual(2 * HOLD + HOLD + 30)
      }),
      { numRuns: 300 },
    )
  })

  test('a redacted text arrives as the redaction of the whole would be, nothing else before', async () => {
    await fc.assert(
      fc.asyncProperty(
        textOfWords(plain, plain, email, key),
        sizes,
        fc.boolean(),
        async (text, cuts, late) => {
          const { all, early, refused, verdict } = await run(
            chunksOf(text, cuts).map((chunk) => ({ part: 0, text: chunk })),
            { late },
          )
          expect(refused).toBe(false)
          expect(textOf(all)).toBe(redacted(text))
          expect(redacted(text).startsWith(textOf(early))).toBe(true)
          expect(verdict?.decision === 'transform').toBe(redacted(text) !== text)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('nothing of a denied phrase reaches the agent', async () => {
    await fc.assert(
      fc.asyncProperty(
        textOfWords(plain),
        phrase,
        textOfWords(plain),
        sizes,
        async (before, denied, after, cuts) => {
          const text = `${before} ${denied} ${after}`
          const { early, refused } = await run(
            chunksOf(text, cuts).map((chunk) => ({ part: 0, text: chunk })),
          )
          expect(refused).toBe(true)
          expect(`${before} `.startsWith(textOf(early))).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('texts that are written in turn are judged each by itself, in the order in which they came', async () => {
    await fc.assert(
      fc.asyncProperty(
        textOfWords(plain, email),
        textOfWords(plain, key),
        sizes,
        fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 20 }),
        async (one, other, cuts, turns) => {
          const waiting = [chunksOf(one, cuts), chunksOf(other, cuts)]
          const pieces: Piece[] = []
          for (let turn = 0; waiting.some((chunks) => chunks.length > 0); turn++) {
            const wanted = turns[turn % turns.length] as number
            const part = (waiting[wanted] as string[]).length > 0 ? wanted : 1 - wanted
            pieces.push({ part, text: (waiting[part] as string[]).shift() as string })
          }
          const { all, refused } = await run(pieces)
          expect(refused).toBe(false)
          expect(textOf(all, 0)).toBe(redacted(one))
          expect(textOf(all, 1)).toBe(redacted(other))
          const order = pieces.map(({ part }) => part)
          if (redacted(one) === one && redacted(other) === other)
            expect(all.map(({ data }) => Number(data.split(':')[0]))).toEqual(order)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('with everything held nothing comes before the end', async () => {
    await fc.assert(
      fc.asyncProperty(textOfWords(plain, email), sizes, async (text, cuts) => {
        const { all, early, asked } = await run(
          chunksOf(text, cuts).map((chunk) => ({ part: 0, text: chunk })),
          { hold: Infinity },
        )
        expect(early).toEqual([])
        expect(textOf(all)).toBe(redacted(text))
        expect(asked).toHaveLength(1)
      }),
    )
  })
})

const LONG = 'some words of no importance '.repeat(10)

describe('the end of one text', () => {
  test('what is complete does not hold up the text after it', async () => {
    const { early } = await run([
      { part: 0, text: LONG },
      { part: 0, text: 'jo@shop.example' },
      { part: 0, text: '', more: { closes: [0] } },
      ...chunksOf(LONG, [9]).map((text) => ({ part: 1, text })),
    ])
    expect(textOf(early, 0)).toBe(`${LONG}[email]`)
    expect(textOf(early, 1).length).toBeGreaterThan(100)
  })

  test('a text that goes on after all is judged with what came before', async () => {
    const { refused, early } = await run([
      { part: 0, text: `${LONG} guaranteed`, more: {} },
      { part: 0, text: '', more: { closes: [0] } },
      { part: 0, text: ' returns' },
    ])
    expect(refused).toBe(true)
    expect(textOf(early)).not.toContain('returns')
  })

  test('an event that repeats the text says what was released', async () => {
    const { early } = await run([
      { part: 0, text: 'write to jo@shop' },
      { part: 0, text: '.example' },
      { part: 0, text: '', more: { repeats: true } },
    ])
    expect(early.map(({ data }) => data)).toEqual(['0:write to [email]', 'all:write to [email]'])
  })
})

describe('tool calls', () => {
  test('are held, with all that follows, and nothing of them is asked for in vain', async () => {
    const tool = { tool: true, text: null } as const
    const { early, all, asked } = await run([
      ...chunksOf(LONG, [7]).map((text) => ({ part: 0, text })),
      { part: 0, text: '', more: tool },
      ...chunksOf(LONG.repeat(50), [7]).map((text) => ({ part: 0, text, more: { tool: true } })),
    ])
    expect(textOf(early).length).toBeLessThan(LONG.length)
    expect(textOf(all)).toBe(LONG + LONG.repeat(50))
    expect(asked.length).toBeLessThan(20)
  })

  test('without a check they are held as well, and the text before them is not', async () => {
    const gate = new StreamGate({ format, judge: null, hold: 0 })
    const reading = { part: 0, unasked: false } as const
    expect(await gate.take({ event: null, data: '0:hi' }, { ...reading, text: 'hi', tool: false })).toEqual({
      status: 'open',
      events: [{ event: null, data: '0:hi' }],
    })
    const call = { event: null, data: 'call' }
    expect(await gate.take(call, { ...reading, text: null, tool: true })).toEqual({
      status: 'open',
      events: [],
    })
    expect(await gate.finish({})).toEqual({ status: 'open', events: [] })
    expect(gate.heldCalls()).toEqual([call])
  })
})

test('the opening waits for the first text', async () => {
  const gate = new StreamGate({ format, judge: verdictOf, hold: HOLD })
  const reading = { text: null, part: 0, tool: false, unasked: false } as const
  expect(await gate.take({ event: null, data: 'start' }, reading)).toEqual({ status: 'open', events: [] })
  const passage = await gate.take(
    { event: null, data: `0:guaranteed returns` },
    { ...reading, text: 'guaranteed returns' },
  )
  expect(passage).toEqual({ status: 'open', events: [] })
  expect(await gate.finish({})).toMatchObject({ status: 'refused' })
  expect(gate.releasedAny).toBe(false)
})

test('a stream of any length is asked about in proportion', async () => {
  const length = 200_000
  const { asked } = await run(chunksOf('word '.repeat(length / 5), [5]).map((text) => ({ part: 0, text })))
  const read = asked.reduce((sum, text) => sum + text.length, 0)
  expect(read).toBeLessThan(5 * length)
})

test('a check that changes what the agent has already refuses the rest', async () => {
  let calls = 0
  const judge: JudgeText = (result) => {
    const text = textIn(result)
    const changed = calls++ > 0
    return {
      decision: changed ? 'transform' : 'allow',
      effective: changed ? 'transform' : 'allow',
      reasons: [],
      result: changed ? { ...result, text: text.replace('some', 'other') } : result,
    }
  }
  const { refused } = await run(
    [
      { part: 0, text: LONG },
      { part: 0, text: LONG },
    ],
    { judge },
  )
  expect(refused).toBe(true)
})

describe('observing', () => {
  const watching: JudgeText = (result) => ({ ...verdictOf(result), effective: 'allow', result })

  test.each([HOLD, Infinity])(
    'with %s characters to hold, everything passes at once and is judged',
    async (hold) => {
      const gate = new StreamGate({ format, judge: watching, hold, observing: true })
      const text = `${LONG}guaranteed returns, says jo@shop.example. ${LONG}`
      for (const chunk of chunksOf(text, [7])) {
        const event = { event: null, data: `0:${chunk}` }
        const passage = await gate.take(event, { text: chunk, part: 0, tool: false, unasked: false })
        expect(passage).toEqual({ status: 'open', events: [event] })
      }
      expect(await gate.finish({})).toEqual({ status: 'open', events: [] })
      expect(gate.verdict).toMatchObject({ decision: 'deny', effective: 'allow' })
      expect(gate.texts()).toEqual([text])
    },
  )

  test('a policy that enforces from one moment to the next cuts it', async () => {
    const gate = new StreamGate({ format, judge: verdictOf, hold: HOLD, observing: true })
    const text = `${LONG}jo@shop.example ${LONG}`
    const passage = await gate.take(
      { event: null, data: `0:${text}` },
      { text, part: 0, tool: false, unasked: false },
    )
    expect(passage.status).toBe('refused')
  })
})
