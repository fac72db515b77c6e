import { expect, it } from 'vitest'
import { readSarif, type SarifFinding } from './read-sarif.ts'

const at = (uri: string, region: object = { startLine: 3, startColumn: 5, endColumn: 9 }): object => ({
  physicalLocation: { artifactLocation: { uri }, region },
})
const log = (results: readonly object[], rules: readonly object[] = [], more: object = {}): string =>
  JSON.stringify({
    version: '2.1.0',
    runs: [{ tool: { driver: { name: 'Some Tool', rules } }, results, ...more }],
  })
const read = (...args: Parameters<typeof log>): readonly SarifFinding[] =>
  readSarif(log(...args), '/project').findings

it('reads rule, weakness, severity, message, place and path', () => {
  const found = read(
    [
      {
        ruleId: 'js/sql injection',
        ruleIndex: 0,
        message: { id: 'default', arguments: ['the id'] },
        locations: [at('src/a%20b.js')],
        codeFlows: [
          {
            threadFlows: [
              {
                locations: [
                  { location: { ...at('src/c.js'), message: { text: 'source' } } },
                  { location: at('src/a%20b.js') },
                ],
              },
            ],
          },
        ],
      },
    ],
    [
      {
        id: 'js/sql injection',
        messageStrings: { default: { text: 'SQL from {0}.' } },
        defaultConfiguration: { level: 'error' },
        properties: { tags: ['external/cwe/cwe-089'] },
      },
    ],
  )
  expect(found).toMatchObject([
    {
      by: 'Some Tool',
      finding: {
        rule: 'some-tool/js-sql-injection',
        cwe: 'CWE-89',
        severity: 'error',
        message: 'SQL from the id.',
        location: { path: 'src/a b.js', line: 3, column: 5, endLine: 3, endColumn: 9 },
        path: [{ message: 'source', location: { path: 'src/c.js' } }, { location: { path: 'src/a b.js' } }],
      },
    },
  ])
})

it.each([
  ['taxa', { taxa: [{ id: '79', toolComponent: { name: 'CWE' } }] }, {}],
  ['a relation', {}, { relationships: [{ target: { id: 'CWE-79', toolComponent: { name: 'CWE' } } }] }],
  ['a tag in words', {}, { properties: { tags: ['security', 'CWE-79: Cross-site scripting'] } }],
  ['a property', {}, { properties: { cwe: ['CWE-79: XSS'] } }],
])('knows the weakness from %s', (_where, result, rule) => {
  expect(
    read(
      [{ ruleId: 'r', message: { text: 'm' }, locations: [at('a.js')], ...result }],
      [{ id: 'r', ...rule }],
    )[0]?.finding.cwe,
  ).toBe('CWE-79')
})

it.each([
  ['suppressed', { suppressions: [{ kind: 'inSource' }] }],
  ['passed', { kind: 'pass' }],
  ['informational', { kind: 'informational' }],
  ['no longer there', { baselineState: 'absent' }],
  ['without a place', { locations: [] }],
  ['above the folder', { locations: [at('../../etc/passwd')] }],
  ['elsewhere', { locations: [at('file:///etc/passwd')] }],
  ['on another host', { locations: [at('https://example.com/a.js')] }],
  ['with a zero in its name', { locations: [at('a%00.js')] }],
  ['with a name that cannot be decoded', { locations: [at('%E0%A4%A.js')] }],
])('leaves out what is %s', (_what, more) => {
  expect(read([{ ruleId: 'r', message: { text: 'm' }, locations: [at('a.js')], ...more }])).toEqual([])
})

it('takes absolute places in the folder, and bases that say where it is', () => {
  const bases = { originalUriBaseIds: { ROOT: { uri: 'file:///project/sub/' } } }
  const based = { physicalLocation: { artifactLocation: { uri: 'x.js', uriBaseId: 'ROOT' } } }
  const found = read(
    [at('file:///project/src/a.js'), based].map((location) => ({
      ruleId: 'r',
      message: { text: 'm' },
      locations: [location],
    })),
    [],
    bases,
  )
  expect(found.map(({ finding }) => finding.location.path)).toEqual(['src/a.js', 'sub/x.js'])
  expect(found[1]?.finding.location).toMatchObject({ line: 1, column: 1, endLine: 1 })
})

it('gives the same fingerprint when lines move, where the program gives any', () => {
  const one = (line: number, more: object): string =>
    read([{ ruleId: 'r', message: { text: 'm' }, locations: [at('a.js', { startLine: line })], ...more }])[0]!
      .finding.fingerprint
  const known = { partialFingerprints: { primaryLocationLineHash: 'abc' } }
  expect(one(1, known)).toBe(one(9, known))
  expect(one(1, {})).not.toBe(one(9, {}))
})

it('bounds whatever a hostile log holds', () => {
  const huge = {
    ruleId: `x${'y'.repeat(100_000)}`,
    message: { text: 'm'.repeat(100_000) },
    locations: [at('a.js', { startLine: 1e9, startColumn: -4, endLine: 'x' })],
    codeFlows: [
      { threadFlows: [{ locations: Array.from({ length: 5_000 }, () => ({ location: at('a.js') })) }] },
    ],
  }
  const [first] = read([huge])
  expect(first?.finding.rule.length).toBeLessThan(420)
  expect(first?.finding.message.length).toBeLessThanOrEqual(2_000)
  expect(first?.finding.path.length).toBe(100)
  expect(first?.finding.location).toEqual({ path: 'a.js', line: 1, column: 1, endLine: 1, endColumn: 2 })
  const many = Array.from({ length: 60_000 }, (_, line) => ({
    ruleId: 'r',
    message: { text: 'm' },
    locations: [at('a.js', { startLine: line + 1 })],
  }))
  const { findings, skipped } = readSarif(log(many), '/project')
  expect(findings.length).toBe(50_000)
  expect(skipped).toEqual(['The log has more than 50000 findings; the rest was not read.'])
})

it.each(['', 'null', '[]', '{"version":"1.0.0","runs":[]}', '{"version":"2.1.0"}', '<xml/>'])(
  'refuses what is no SARIF: %s',
  (text) => {
    expect(() => readSarif(text, '/project')).toThrow(/SARIF/)
  },
)

it.each([
  { runs: [null, 1, 'x', [], {}] },
  { runs: [{ results: [null, 1, {}, { locations: 'x' }, { locations: [1], message: 3, codeFlows: {} }] }] },
  {
    runs: [
      {
        tool: { driver: { rules: { a: 1 }, name: {} } },
        results: [{ rule: [], ruleIndex: 'x', locations: [at('a.js')] }],
      },
    ],
  },
])('survives a log whose shape is wrong', (shape) => {
  const { findings } = readSarif(JSON.stringify({ version: '2.1.0', ...shape }), '/project')
  expect(findings.length).toBeLessThanOrEqual(1)
})
