import { expect, test } from 'vitest'
import { covers, globLookup } from './glob.ts'

test('the exact name, else the glob with the longest literal part, else nothing', () => {
  const lookup = globLookup(
    ['*', 'payments.*', 'payments.refund', 'payments.*.card'].map((pattern) => ({ pattern })),
  )
  expect(lookup('payments.refund')?.pattern).toBe('payments.refund')
  expect(lookup('payments.charge.card')?.pattern).toBe('payments.*.card')
  expect(lookup('payments.charge.eu')?.pattern).toBe('payments.*')
  expect(lookup('mail.send')?.pattern).toBe('*')
  expect(globLookup([{ pattern: 'a.*' }])('b.c')).toBeUndefined()
  expect(globLookup([{ pattern: 'a' }])('constructor')).toBeUndefined()
})

test('of equally close globs the first in the file counts, again and again', () => {
  const lookup = globLookup([{ pattern: '*.send' }, { pattern: 'mail.*' }])
  expect(lookup('mail.send')?.pattern).toBe('*.send')
  expect(lookup('mail.send')?.pattern).toBe('*.send')
})

test('remembers any number of names in bounded memory', () => {
  const lookup = globLookup([{ pattern: 'a.*' }])
  for (let at = 0; at < 10_000; at++) expect(lookup(`a.${at}`)?.pattern).toBe('a.*')
})

test('covers', () => {
  expect(covers('*', 'a.*')).toBe(true)
  expect(covers('a.*', 'a.b.*')).toBe(true)
  expect(covers('a.b.*', 'a.*')).toBe(false)
  expect(covers('*.x', 'a.*')).toBe(false)
})
