import { describe, expect, it } from 'vitest'
import { applyEdits } from './apply-edits.ts'

describe('edits', () => {
  it('replace values deep inside and leave the original alone', () => {
    const input = { a: { list: ['x', { b: 'secret' }] }, c: 1 }
    const edited = applyEdits(input, [
      { path: ['a', 'list', 1, 'b'], value: '[redacted]' },
      { path: ['c'], value: 2 },
    ])
    expect(edited).toEqual({ a: { list: ['x', { b: '[redacted]' }] }, c: 2 })
    expect(input).toEqual({ a: { list: ['x', { b: 'secret' }] }, c: 1 })
  })

  it.each([[['nope']], [['a', 'list', 7]], [['a', 'list', 'length']], [['toString']], [['c', 'deep']]])(
    'fail when %j leads nowhere, rather than pass as made',
    (path) => {
      expect(() => applyEdits({ a: { list: [] }, c: 1 }, [{ path, value: 'x' }])).toThrow(/not there/)
    },
  )

  it('may not replace the input by something else', () => {
    expect(() => applyEdits({ a: 1 }, [{ path: [], value: 'x' }])).toThrow(/not an object/)
  })
})
