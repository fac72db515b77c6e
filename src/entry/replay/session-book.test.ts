import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../../action/json.ts'
import { firstDifferences } from './first-differences.ts'
import { SessionBook, type Step } from './session-book.ts'
import { settleBy } from './volatile.ts'

function step(
  number: number,
  request: JsonValue,
  method = 'POST',
  path = '/openai/v1/chat/completions',
): Step {
  return {
    step: number,
    action: `act_${number}`,
    recording: {
      v: 1,
      door: 'model',
      method,
      path,
      request,
      startedAt: number,
      withheld: null,
      masked: { request: 0, answer: 0 },
      answer: {
        status: 200,
        headers: {},
        encoding: 'utf8',
        body: `${number}`,
        cuts: [[0, 1]],
        whole: true,
        broken: false,
      },
    },
  }
}

const ask = (body: JsonValue, method = 'POST', path = '/openai/v1/chat/completions') => ({
  method,
  path,
  body,
})

describe('a recorded session', () => {
  test('answers each request once, the earliest first, whatever the order of members', () => {
    const book = new SessionBook(
      [step(1, { a: 1, b: 2 }), step(2, { a: 1, b: 2 }), step(3, { c: 3 })],
      settleBy([]),
    )
    const numbers = [{ b: 2, a: 1 }, { c: 3 }, { a: 1, b: 2 }].map((body) => {
      const found = book.take(ask(body))
      return found.status === 'found' ? found.step.step : found
    })
    expect(numbers).toEqual([1, 3, 2])
    expect(book.take(ask({ a: 1, b: 2 }))).toMatchObject({
      status: 'diverged',
      divergence: { why: 'beyond_the_end' },
    })
  })

  test('lets reading be repeated, and nothing else', () => {
    const book = new SessionBook([step(1, null, 'GET', '/v1/actions/act_1'), step(2, { a: 1 })], settleBy([]))
    const read = ask(null, 'GET', '/v1/actions/act_1')
    expect(book.take(read)).toMatchObject({ status: 'found', again: false })
    expect(book.take(read)).toMatchObject({ status: 'found', again: true })
    expect(book.next).toBe(2)
  })

  test('names the step that was due and where it differs', () => {
    const book = new SessionBook([step(1, { m: ['x', { t: 'same' }], gone: 1 })], settleBy([]))
    expect(book.take(ask({ m: ['y', { t: 'same' }], 'new/one': 2 }))).toMatchObject({
      divergence: {
        step: 1,
        action: 'act_1',
        differences: [
          { pointer: '/body/m/0', expected: 'x', came: 'y' },
          { pointer: '/body/gone', expected: 1 },
          { pointer: '/body/new~1one', came: 2 },
        ],
      },
    })
  })

  test('does not compare what is volatile', () => {
    const settle = settleBy(['dates', 'ids', '/messages/*/id', '/seed'])
    const at = (day: string, id: string, seed: number): JsonValue => ({
      seed,
      messages: [{ id, text: `It is ${day}T10:00:00.123Z, call_${id}${id}` }],
    })
    const book = new SessionBook([step(1, at('2026-11-23', 'abcdef0123456789', 1))], settle)
    expect(book.take(ask(at('2031-01-02', '9876543210fedcba', 7)))).toMatchObject({ status: 'found' })
  })

  test('fails by name where the answer was not kept', () => {
    const one = step(1, { a: 1 })
    const book = new SessionBook(
      [{ ...one, recording: { ...one.recording, answer: null, withheld: 'secret' } }],
      settleBy([]),
    )
    expect(book.take(ask({ a: 1 }))).toMatchObject({ divergence: { step: 1, why: 'answer_withheld' } })
  })
})

test('long texts are cut around the first difference, and their number is bounded', () => {
  const long = 'a'.repeat(5000)
  const [one] = firstDifferences(`${long}x${long}`, `${long}y${long}`)
  expect(JSON.stringify(one?.expected)).toContain('x')
  expect(JSON.stringify(one?.expected).length).toBeLessThan(600)
  const many = Array.from({ length: 1000 }, (_, index) => index)
  expect(
    firstDifferences(
      many,
      many.map((n) => n + 1),
    ).length,
  ).toBe(20)
})
