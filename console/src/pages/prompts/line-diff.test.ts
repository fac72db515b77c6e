import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineDiff } from './line-diff.ts'

const brief = (before: string, after: string): string[] =>
  lineDiff(before, after).map(({ kind, text }) => `${{ same: ' ', added: '+', removed: '-' }[kind]}${text}`)

test.each([
  ['a\nb\nc', 'a\nB\nc', [' a', '-b', '+B', ' c']],
  ['a\nb', 'a\nnew\nb', [' a', '+new', ' b']],
  ['a\nb\nc', 'a\nc', [' a', '-b', ' c']],
  ['same', 'same', [' same']],
  ['', 'a', ['-', '+a']],
  ['a\nb\nc\nd', 'b\nx\nd\na', ['-a', ' b', '-c', '+x', ' d', '+a']],
])('%j to %j', (before, after, expected) => {
  expect(brief(before, after)).toEqual(expected)
})

test('both texts can be told from it, with their line numbers', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    .map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(before, after)
      const of = (kind: 'removed' | 'added') =>
        lines.filter((line) => line.kind === 'same' || line.kind === kind)
      expect(of('removed').map((line) => line.text)).toEqual(before.split('\n'))
      expect(of('added').map((line) => line.text)).toEqual(after.split('\n'))
      expect(of('removed').map((line) => line.before)).toEqual(before.split('\n').map((_, at) => at + 1))
      expect(of('added').map((line) => line.after)).toEqual(after.split('\n').map((_, at) => at + 1))
    }),
  )
})

test('texts that are too long to compare are shown whole', () => {
  const long = (prefix: string) => Array.from({ length: 3_000 }, (_, n) => `${prefix}${n}`).join('\n')
  const lines = lineDiff(long('a'), long('b'))
  expect(lines).toHaveLength(6_000)
  expect(lines[0]?.kind).toBe('removed')
})
