import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_USAGE } from '../model-call.ts'
import type { TokenUsage } from '../model-call.ts'
import { compilePrice, dearerOf } from './compile-price.ts'
import type { ModelPrice } from './price-book.ts'
import type { RateCard, Rates } from './rates.ts'
import { picoPer } from './rates.ts'

const FACTS = { id: 'm', source: 'test', contextWindow: null, maxOutput: null }
const PLAIN: Rates = {
  input: 3_000_000,
  output: 15_000_000,
  cacheRead: null,
  cacheWrite: null,
  cacheWriteHour: null,
  inputAudio: null,
  cacheAudioRead: null,
  outputAudio: null,
  reasoning: null,
}
const price = (rates: Partial<Rates> = {}, more: Partial<RateCard> = {}): ModelPrice =>
  compilePrice(
    { tiers: [{ above: -1, rates: { ...PLAIN, ...rates } }], request: 0, webSearch: 0, ...more },
    FACTS,
  )
const usage = (some: Partial<TokenUsage>): TokenUsage => ({ ...NO_USAGE, ...some })

describe('cost', () => {
  test('three dollars a million in, fifteen out', () => {
    expect(price().cost(usage({ input: 1_000_000, output: 1_000_000 }))).toBe(18_000_000_000)
  })

  test('what has no rate of its own is charged as what it is part of', () => {
    const some = usage({
      input: 100,
      cacheRead: 50,
      cacheWrite: 30,
      inputAudio: 20,
      output: 10,
      reasoning: 5,
    })
    expect(price().cost(some)).toBe(price().cost(usage({ input: 100, output: 10 })))
  })

  test('caches have their own rates', () => {
    const cached = price({ cacheRead: 300_000, cacheWrite: 3_750_000, cacheWriteHour: 6_000_000 })
    const some = usage({ input: 1000, cacheRead: 400, cacheWrite: 300, cacheWriteHour: 100 })
    expect(cached.cost(some)).toBe(300 * 3000 + 400 * 300 + 200 * 3750 + 100 * 6000)
  })

  test('of cached audio the dearest share counts', () => {
    const rates = { cacheRead: 1_000_000, inputAudio: 10_000_000, cacheAudioRead: 2_000_000 }
    expect(price(rates).cost(usage({ input: 100, cacheRead: 50, inputAudio: 50 }))).toBe(
      50 * 1000 + 50 * 10_000,
    )
    expect(price(rates).cost(usage({ input: 50, cacheRead: 50, inputAudio: 50 }))).toBe(50 * 2000)
  })

  test('a rest of a nano-dollar is a whole one', () => {
    expect(price({ input: 1 }).cost(usage({ input: 1 }))).toBe(1)
    expect(price({ input: 1 }).cost(usage({ input: 1001 }))).toBe(2)
  })

  test('parts larger than their whole are charged', () => {
    const cached = price({ cacheRead: 300_000, reasoning: 20_000_000 })
    expect(cached.cost(usage({ input: 10, cacheRead: 1000, output: 1, reasoning: 100 }))).toBe(
      1000 * 300 + 100 * 20_000,
    )
  })

  test('requests and searches', () => {
    const searched = price({ input: 0 }, { request: 12_000_000_000, webSearch: 10_000_000_000 })
    expect(searched.cost(usage({ input: 5, webSearches: 2 }))).toBe(32_000_000)
  })

  test('a tier holds for the whole request once the prompt is longer than its start', () => {
    const tiered = compilePrice(
      {
        tiers: [
          { above: -1, rates: PLAIN },
          { above: 200_000, rates: { ...PLAIN, input: 6_000_000, output: 22_500_000 } },
        ],
        request: 0,
        webSearch: 0,
      },
      FACTS,
    )
    expect(tiered.cost(usage({ input: 200_000, output: 10 }))).toBe(200_000 * 3000 + 10 * 15_000)
    expect(tiered.cost(usage({ input: 200_001, output: 10 }))).toBe(200_001 * 6000 + 10 * 22_500)
  })

  test.each([Number.NaN, -1, 0.5, Infinity, 2 ** 60])('refuses %d tokens', (tokens) => {
    for (const part of Object.keys(NO_USAGE))
      expect(() => price().cost(usage({ [part]: tokens }))).toThrow('dollars')
    expect(() => price().worst(tokens, 0)).toThrow('dollars')
    expect(() => price().worst(0, tokens)).toThrow('dollars')
    expect(() => price().affordable(1, tokens)).toThrow('dollars')
  })

  test('refuses a sum that cannot be counted exactly', () => {
    expect(() => price().cost(usage({ input: 2 ** 50 }))).toThrow('9007')
    expect(() => price().worst(2 ** 50, 0)).toThrow('9007')
  })
})

const rate = fc.integer({ min: 0, max: 600_000_000 })
const maybe = fc.option(rate)
const rates: fc.Arbitrary<Rates> = fc
  .record({
    input: rate,
    output: rate,
    cacheRead: maybe,
    cacheWrite: maybe,
    cacheWriteHour: maybe,
    inputAudio: maybe,
    cacheAudioRead: rate,
    outputAudio: maybe,
    reasoning: maybe,
  })
  // As the table demands: what overlaps has a rate for the overlap.
  .map((some) => ({ ...some, reasoning: some.outputAudio === null ? some.reasoning : null }))
const card: fc.Arbitrary<RateCard> = fc
  .record({
    first: rates,
    next: fc.uniqueArray(fc.record({ above: fc.integer({ min: 0, max: 500_000 }), rates }), {
      maxLength: 3,
      selector: ({ above }) => above,
    }),
    request: fc.integer({ min: 0, max: 20_000_000_000 }),
  })
  .map(({ first, next, request }) => ({
    tiers: [{ above: -1, rates: first }, ...next.toSorted((a, b) => a.above - b.above)],
    request,
    webSearch: 50_000_000_000,
  }))
const part = fc.integer({ min: 0, max: 300_000 })
const usages: fc.Arbitrary<TokenUsage> = fc
  .record({
    text: part,
    read: part,
    written: part,
    hour: part,
    audio: part,
    readAudio: part,
    out: part,
    thought: part,
    spoken: part,
  })
  .map((some) => ({
    input: some.text + some.read + some.written + some.hour + some.audio + some.readAudio,
    cacheRead: some.read + some.readAudio,
    cacheWrite: some.written + some.hour,
    cacheWriteHour: some.hour,
    inputAudio: some.audio + some.readAudio,
    output: some.out + some.thought + some.spoken,
    reasoning: some.thought,
    outputAudio: some.spoken,
    webSearches: 0,
  }))

describe('for every price', () => {
  test('no usage within the bounds costs more than the worst', () => {
    fc.assert(
      fc.property(card, card, usages, part, part, (one, other, used, moreInput, moreOutput) => {
        for (const priced of [
          compilePrice(one, FACTS),
          dearerOf(compilePrice(one, FACTS), compilePrice(other, FACTS)),
        ]) {
          const worst = priced.worst(used.input + moreInput, used.output + moreOutput)
          expect(priced.cost(used)).toBeLessThanOrEqual(worst)
          expect(Number.isSafeInteger(worst)).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('what is affordable is the most that is', () => {
    fc.assert(
      fc.property(
        card,
        card,
        fc.integer({ min: 0, max: 10_000_000_000 }),
        part,
        (one, other, room, input) => {
          for (const priced of [
            compilePrice(one, FACTS),
            dearerOf(compilePrice(one, FACTS), compilePrice(other, FACTS)),
          ]) {
            const most = priced.affordable(room, input)
            if (priced.worst(input, 0) > room) expect(most).toBe(0)
            else if (most === Infinity) expect(priced.worst(input, 1_000_000)).toBeLessThanOrEqual(room)
            else {
              expect(priced.worst(input, most)).toBeLessThanOrEqual(room)
              expect(priced.worst(input, most + 1)).toBeGreaterThan(room)
            }
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

test('what is affordable without a limit can still be counted', () => {
  const most = price().affordable(Infinity, 1000)
  expect(Number.isSafeInteger(price().worst(1000, most))).toBe(true)
  expect(() => price().worst(1000, most + 1)).toThrow('9007')
  expect(price().affordable(Number.NaN, 0)).toBe(0)
  expect(price({ output: 0 }).affordable(10_000_000, 1000)).toBe(Infinity)
})

test('dollars become whole pico-dollars, rounded up, without binary noise', () => {
  expect(picoPer(0.07, 1_000_000)).toBe(70_000)
  expect(picoPer(0.000_000_1, 1_000_000)).toBe(1)
  expect(picoPer(0, 1_000_000)).toBe(0)
  expect(picoPer(-1, 1)).toBeUndefined()
  expect(picoPer(Number.NaN, 1)).toBeUndefined()
  expect(picoPer(1e10, 1)).toBeUndefined()
})
