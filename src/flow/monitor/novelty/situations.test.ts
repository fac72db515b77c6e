import { expect, test } from 'vitest'
import { Situations } from './situations.ts'
import { wordsIn, wordsOf } from './words.ts'

const PAST = [
  'where is order 1234',
  'order 77 is late, where is it',
  'refund order 55 please',
  'please refund my order',
]

function taught(): Situations {
  const situations = new Situations()
  for (let n = 0; n < 30; n++) situations.learn(wordsIn(`${PAST[n % PAST.length]} ${n}`), 1)
  return situations
}

test('what resembles the past is familiar, whatever its numbers; what does not is not', () => {
  const situations = taught()
  expect(situations.similarity(wordsIn('where is order 99999'))).toBeGreaterThan(0.25)
  expect(situations.similarity(wordsIn('unrelated wire transfer towards Panama'))).toBeLessThan(0.1)
  expect(situations.similarity(wordsIn(''))).toBe(0)
})

test('what was learned is familiar from then on, and nothing becomes strange by it', () => {
  const situations = taught()
  const novel = wordsIn('wire transfer to a supplier in Panama')
  const before = situations.similarity(novel)
  situations.learn(novel, 2)
  expect(situations.similarity(novel)).toBeGreaterThan(Math.max(0.8, before))
  expect(situations.similarity(wordsIn('refund order 12 please'))).toBeGreaterThan(0.5)
})

test('bytes give the same back; those of others are refused', () => {
  const situations = taught()
  const bytes = situations.encode()
  const again = Situations.decode(bytes)!
  for (const text of [...PAST, 'something else']) {
    const words = wordsIn(text)
    expect(again.similarity(words)).toBeCloseTo(situations.similarity(words), 2)
  }
  expect(again.learned).toBe(situations.learned)
  expect(Situations.decode(bytes.subarray(0, 100))).toBeUndefined()
  expect(Situations.decode(bytes.subarray(0, bytes.length - 1))).toBeUndefined()
  expect(Situations.decode(new Uint8Array(bytes.length).fill(255))).toBeUndefined()
})

test('memory is bounded, whatever comes', () => {
  const situations = new Situations({ max: 8 })
  for (let n = 0; n < 300; n++)
    situations.learn(wordsIn(`word${String.fromCharCode(97 + (n % 26))} x${'yz'.repeat(n)}`), n)
  expect(situations.count).toBeLessThanOrEqual(8)
  const deep = JSON.parse(`${'{"a":'.repeat(500)}"end"${'}'.repeat(500)}`) as never
  expect(
    wordsOf({ action: 'a.b', input: { deep, long: 'word '.repeat(100_000) } }).length,
  ).toBeLessThanOrEqual(256)
})
