import { expect, test } from 'vitest'
import { loadPolicy } from './load-policy.ts'

const load = (ledger: string) =>
  loadPolicy({ text: `version: 1\nledger: ${ledger}\n`, path: null }, { checks: [] })
const KEY = 'witness.example/w1+f5f1ad4c+BAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH'

test('what holds where nothing is said', () => {
  expect(load('{}').policy?.ledger).toMatchObject({ origin: null, witnesses: [], quorum: 1 })
})

test('witnesses and their quorum', () => {
  const { policy, faults } = load(
    `{ origin: log.example, witnesses: [{ url: "https://w.example/", key: "${KEY}" }] }`,
  )
  expect(faults).toEqual([])
  expect(policy?.ledger).toMatchObject({
    origin: 'log.example',
    witnesses: [{ url: 'https://w.example', key: KEY }],
    quorum: 1,
  })
})

test.each([
  ['an origin with a space', '{ origin: "a b" }'],
  ['an origin with a slash at its end', '{ origin: "log.example/" }'],
  ['an address that is none', `{ witnesses: [{ url: "w.example", key: "${KEY}" }] }`],
  ['an address with a query', `{ witnesses: [{ url: "https://w.example/?a", key: "${KEY}" }] }`],
  ['a key whose id does not fit', `{ witnesses: [{ url: "https://w.example", key: "x${KEY}" }] }`],
  [
    'a key of another kind',
    '{ witnesses: [{ url: "https://w.example", key: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" }] }',
  ],
  [
    'the same witness twice',
    `{ witnesses: [{ url: "https://a.example", key: "${KEY}" }, { url: "https://b.example", key: "${KEY}" }] }`,
  ],
  ['a quorum larger than there are', '{ quorum: 2 }'],
])('refuses %s', (_what, ledger) => {
  const { policy, faults } = load(ledger)
  expect(policy).toBeNull()
  expect(faults.length).toBeGreaterThan(0)
})
