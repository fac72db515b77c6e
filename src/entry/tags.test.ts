import { expect, test } from 'vitest'
import { readTags, withTags } from './tags.ts'

test('a header names tags', () => {
  expect(readTags('campaign=spring, customer=Acme%2C%20Inc.')).toEqual({
    campaign: 'spring',
    customer: 'Acme, Inc.',
  })
  expect(readTags(undefined)).toBeUndefined()
  expect(readTags('  ')).toBeUndefined()
})

test.each([
  'campaign',
  '=x',
  'a=',
  'a=1,a=2',
  'A=1',
  'a=%zz',
  'a=%00',
  'a=%ED%A0%80',
  `a=${'x'.repeat(101)}`,
  'a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1',
  'x'.repeat(5_000),
])('what is none is refused, not dropped: %s', (header) => {
  expect(() => readTags(header)).toThrow(expect.objectContaining({ code: 'input:invalid' }))
})

test('they stand beside what the door knows', () => {
  expect(withTags({ prompt: 'p' }, { a: 'b' })).toEqual({ facts: { prompt: 'p', tags: { a: 'b' } } })
  expect(withTags(undefined, {})).toEqual({})
})
