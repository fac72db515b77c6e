import { expect, test } from 'vitest'
import { loadPolicy } from './load-policy.ts'

const load = (entry: string) =>
  loadPolicy({ text: `version: 1\nexport:\n  out: ${entry}\n`, path: '/srv/belay.yaml' }, { checks: [] })

test('an entry is what it says, with the rest filled in', () => {
  const { policy } = load('{ format: ocsf, file: audit/events.ndjson, keep: 3 }')
  expect(policy?.exports).toEqual([
    {
      name: 'out',
      format: 'ocsf',
      content: false,
      from: 'now',
      file: { path: '/srv/audit/events.ndjson', maxBytes: 100_000_000, keep: 3 },
      url: null,
      headers: {},
      backend: null,
      signals: null,
      encoding: null,
      keys: {},
      environment: null,
    },
  ])
})

test.each([
  ['{ format: ocsf }', 'file or url'],
  ['{ format: cloudevents, file: a, url: "https://x" }', 'either file or url'],
  ['{ format: otlp }', 'url'],
  ['{ format: otlp, file: a, url: "https://x" }', 'only cloudevents and ocsf go to files'],
  ['{ format: otlp, backend: datadog, keys: { api_key: $K } }', 'url'],
  ['{ format: otlp, backend: langfuse, keys: { public_key: $K } }', 'keys.secret_key'],
  ['{ format: otlp, backend: other, url: "https://x" }', 'langfuse'],
  ['{ format: sentry }', 'url: the DSN'],
  ['{ format: sentry, url: "https://k@s/1", signals: [logs] }', 'format: otlp'],
  ['{ format: syslog, url: "https://x" }', 'cloudevents'],
  ['{ format: ocsf, url: "ftp://x" }', 'http:// or https://'],
  ['{ format: ocsf, url: "https://x", headers: { a: "$a-b" } }', '$NAME of a variable'],
  ['{ format: ocsf, url: "https://x", headers: { "a b": c } }', ''],
  ['{ format: ocsf, file: a, max_bytes: 1 }', ''],
])('%s is a fault', (entry, expected) => {
  const { policy, faults } = load(entry)
  expect(policy).toBeNull()
  expect(faults[0]).toMatchObject({ severity: 'error', line: 3 })
  expect(faults[0]?.expected).toContain(expected)
})

test('secrets are never shown, names of variables are', () => {
  const text =
    '{ format: otlp, url: "https://in.example.com/secret-path", headers: { a: shh, b: $B }, keys: { k: shh } }'
  const shown = JSON.stringify(load(text).policy?.document)
  expect(shown).not.toContain('shh')
  expect(shown).not.toContain('secret-path')
  expect(shown).toContain('$B')
  expect(JSON.stringify(load('{ format: sentry, url: "https://shh@s/x y" }').faults)).not.toContain('shh')
})
