import { expect, test } from 'vitest'
import { readPosition, writePosition } from './event-position.ts'

const head = (chain: string, seq: number) => ({ chain, seq, hash: '', live: true })

test('a position survives being written and read, whatever the chains are called', () => {
  const position = new Map([
    ['main', 7],
    ['replica:a,b/ü', 0],
    ['new', 0],
  ])
  const text = writePosition(position)
  expect(text).toMatch(/^[\x21-\x7e]+$/)
  expect(readPosition(text, [head('main', 7), head('replica:a,b/ü', 3), head('new', 0)])).toEqual(position)
})

test.each([
  ['garbage'],
  ['main'],
  ['main:8'],
  ['main:-1'],
  ['other:1'],
  ['main:1,main:2'],
  ['%zz:1'],
  ['main:1,'],
  ['main:1e3'],
  [''],
])('refuses %s', (text) => {
  expect(() => readPosition(text, [head('main', 7)])).toThrow(
    'Last-Event-ID: expected the id of an event of this ledger',
  )
})
