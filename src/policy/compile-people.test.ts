import { expect, test } from 'vitest'
import { loadPolicy } from './load-policy.ts'

const load = (people: string) =>
  loadPolicy({ text: `version: 1\npeople: ${people}\n`, path: null }, { checks: [] })

test('people, with what holds where nothing is said', () => {
  const { policy, faults } = load(
    '{ oidc: { issuer: "https://id.example.com/", client_id: belay, client_secret: $SECRET }, roles: { admin: [ops], approver: [lead@example.com] }, public_url: "https://belay.example.com/" }',
  )
  expect(faults).toEqual([])
  expect(policy?.people).toEqual({
    oidc: {
      issuer: 'https://id.example.com/',
      clientId: 'belay',
      secretVariable: 'SECRET',
      rolesClaim: 'groups',
      nameClaim: 'email',
      scopes: ['email', 'profile'],
    },
    roles: { admin: ['ops'], approver: ['lead@example.com'] },
    publicUrl: 'https://belay.example.com',
    login: { idle: 28_800_000, longest: 604_800_000 },
  })
  expect(load('{}').policy?.people).toMatchObject({ oidc: null, roles: {}, publicUrl: null })
  expect(load('{ public_url: "http://127.0.0.1:7300" }').policy?.people.publicUrl).toBe(
    'http://127.0.0.1:7300',
  )
})

test.each([
  ['an issuer over plain http', '{ oidc: { issuer: "http://id.example.com", client_id: x } }'],
  ['an issuer with a query', '{ oidc: { issuer: "https://id.example.com/?a=b", client_id: x } }'],
  ['an issuer with credentials', '{ oidc: { issuer: "https://u:p@id.example.com", client_id: x } }'],
  ['no client', '{ oidc: { issuer: "https://id.example.com" } }'],
  ['two scopes in one', '{ oidc: { issuer: "https://id.example.com", client_id: x, scopes: ["a b"] } }'],
  ['a role that there is not', '{ roles: { root: [ops] } }'],
  ['a public address with a path', '{ public_url: "https://example.com/belay" }'],
  ['a public address over plain http', '{ public_url: "http://belay.example.com" }'],
  ['no address at all', '{ public_url: belay }'],
  ['logins of no length', '{ login: { idle: 0s } }'],
])('refuses %s', (_what, people) => {
  const { policy, faults } = load(people)
  expect(policy).toBeNull()
  expect(faults).toMatchObject([{ severity: 'error' }])
})

test('a secret in the file is refused and not repeated', () => {
  const { policy, faults } = load(
    '{ oidc: { issuer: "https://id.example.com", client_id: x, client_secret: hunter2hunter2 } }',
  )
  expect(policy).toBeNull()
  expect(faults).toMatchObject([{ line: 2, expected: expect.stringContaining('$NAME') }])
  expect(JSON.stringify(faults)).not.toContain('hunter2')
})
