import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diffLines } from './diff-lines.ts'

test('what stays and goes is the one, what stays and comes the other', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 })
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const changes = diffLines(before, after)
      const of = (sign: string) => changes.filter((each) => each.sign !== sign).map(({ text }) => text)
      expect(of('+')).toEqual(before)
      expect(of('-')).toEqual(after)
    }),
  )
})

test('no line is told as changed that need not be', () => {
  expect(diffLines(['a', 'b', 'c', 'd'], ['a', 'x', 'c', 'd', 'e'])).toEqual([
    { sign: ' ', text: 'a' },
    { sign: '-', text: 'b' },
    { sign: '+', text: 'x' },
    { sign: ' ', text: 'c' },
    { sign: ' ', text: 'd' },
    { sign: '+', text: 'e' },
  ])
})
