import { expect, test } from 'vitest'
import { mentions } from './mentions.ts'

test.each([
  ['We love Hootsuite.', ['hootsuite'], true],
  ['HOOTSUITE!', ['Hootsuite'], true],
  ['hootsuites', ['hootsuite'], false],
  ['unbuffered', ['buffer'], false],
  ['a guaranteed\n  return', ['guaranteed return'], true],
  ['Hоοtѕuіte', ['hootsuite'], true],
  ['Hoot\u200bsuite', ['hootsuite'], true],
  ['use c++ now', ['C++'], true],
  ['a.b', ['a?b'], false],
  ['我喜欢星巴克咖啡', ['星巴克'], true],
  ['anything', [], false],
  ['anything', ['', '\u200b'], false],
])('%j mentions %j: %s', (text, list, expected) => {
  expect(mentions(text, list)).toBe(expected)
  expect(mentions(text, Object.freeze([...list]))).toBe(expected)
})

test('refuses a list that holds anything but strings', () => {
  expect(() => mentions('x', ['x', 1])).toThrow(/strings/)
})

test('takes a long text and a long list in good time', () => {
  const list = Object.freeze(Array.from({ length: 1000 }, (_, at) => `forbidden phrase ${at}`))
  const before = performance.now()
  expect(mentions('forbidden phrase '.repeat(20_000), list)).toBe(false)
  expect(performance.now() - before).toBeLessThan(3000)
})
