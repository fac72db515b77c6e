import { expect, test } from 'vitest'
import { lintPolicy } from './lint-policy.ts'

const codes = (...entries: readonly string[]): readonly string[] =>
  lintPolicy(
    {
      text: `version: 1\nexport:\n${entries.map((entry, n) => `  sink${n}: ${entry}\n`).join('')}`,
      path: null,
    },
    { checks: [] },
  ).map(({ code }) => code)

test.each([
  ['{ format: ocsf, url: "https://x", headers: { Authorization: abc } }', ['lint:secret_in_file']],
  ['{ format: ocsf, url: "https://x", headers: { Authorization: $TOKEN, x-team: audit } }', []],
  ['{ format: otlp, backend: datadog, url: "https://x", keys: { api_key: abc } }', ['lint:secret_in_file']],
  ['{ format: sentry, url: "https://abc@sentry.example.com/1" }', ['lint:secret_in_file']],
  ['{ format: sentry, url: $SENTRY_DSN }', []],
  ['{ format: ocsf, url: "http://siem.example.com" }', ['lint:unencrypted']],
  ['{ format: otlp, url: "http://localhost:4318" }', []],
])('%s', (entry, expected) => {
  expect(codes(entry)).toEqual(expected)
})

test('two sinks in one file', () => {
  expect(codes('{ format: ocsf, file: a }', '{ format: cloudevents, file: a }')).toEqual(['lint:shared_file'])
  expect(codes('{ format: ocsf, file: a }', '{ format: cloudevents, file: b }')).toEqual([])
})
