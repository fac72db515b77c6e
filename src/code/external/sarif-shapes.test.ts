import { expect, it } from 'vitest'
import { readSarif, type SarifLog } from './read-sarif.ts'

// The shapes that CodeQL, Semgrep, Bandit, gitleaks and ruff give their logs, by their documentation and sources.

interface Result {
  readonly uri?: string
  readonly base?: string
  readonly line?: number
  readonly end?: number
  readonly snippet?: string
  readonly more?: object
}
const place = ({ uri = 'src/a.ts', base, line = 3, end, snippet }: Result): object => ({
  physicalLocation: {
    artifactLocation: { uri, ...(base === undefined ? {} : { uriBaseId: base }) },
    region: {
      startLine: line,
      ...(end === undefined ? {} : { endLine: end }),
      ...(snippet === undefined ? {} : { snippet: { text: snippet } }),
    },
  },
})
const result = (given: Result = {}): object => ({
  ruleId: 'r',
  message: { text: 'm' },
  locations: [place(given)],
  ...given.more,
})
const run = (name: string, results: readonly object[], more: object = {}, driver: object = {}): object => ({
  tool: { driver: { name, ...driver } },
  results,
  ...more,
})
const read = (...runs: readonly object[]): SarifLog =>
  readSarif(JSON.stringify({ version: '2.1.0', runs }), '/project')
const paths = (log: SarifLog): readonly string[] => log.findings.map(({ finding }) => finding.location.path)
const marks = (log: SarifLog): readonly string[] => log.findings.map(({ finding }) => finding.fingerprint)

const CODEQL = {
  tool: {
    driver: { name: 'CodeQL', organization: 'GitHub', semanticVersion: '2.19.1', rules: [] },
    extensions: [
      { name: 'codeql/util', rules: [{ id: 'other' }] },
      {
        name: 'codeql/javascript-queries',
        rules: [
          {
            id: 'js/path-injection',
            name: 'js/path-injection',
            shortDescription: { text: 'Uncontrolled data used in path expression' },
            defaultConfiguration: { enabled: true, level: 'error' },
            properties: {
              tags: ['security', 'external/cwe/cwe-022', 'external/cwe/cwe-023', 'external/cwe/cwe-099'],
              'security-severity': '7.5',
            },
          },
        ],
      },
    ],
  },
  originalUriBaseIds: { '%SRCROOT%': { uri: 'file:///home/runner/work/app/app/' } },
  artifacts: [{ location: { uri: 'src/b%20c.ts', uriBaseId: '%SRCROOT%', index: 0 } }],
  threadFlowLocations: [{ location: place({ uri: 'src/shared.ts', base: '%SRCROOT%', line: 8 }) }],
  columnKind: 'utf16CodeUnits',
  results: [
    {
      ruleId: 'js/path-injection',
      rule: { id: 'js/path-injection', index: 0, toolComponent: { index: 1 } },
      message: { text: 'This path depends on a [user-provided value](1).\nThis path depends on [it](2).' },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { index: 0 },
            region: { startLine: 12, startColumn: 7, endColumn: 20 },
          },
        },
      ],
      partialFingerprints: {
        primaryLocationLineHash: '8c2bd6a7b5f3c9c4:1',
        primaryLocationStartColumnFingerprint: '2',
      },
      codeFlows: [
        {
          threadFlows: [
            {
              locations: [
                {
                  location: {
                    ...place({ uri: 'src/in.ts', base: '%SRCROOT%', line: 4 }),
                    message: { text: 'req' },
                  },
                },
                { index: 0 },
                { location: place({ uri: 'src/b%20c.ts', base: '%SRCROOT%', line: 12 }) },
              ],
            },
          ],
        },
        { threadFlows: [{ locations: [] }] },
      ],
      relatedLocations: [
        { id: 1, ...place({ uri: 'src/in.ts', base: '%SRCROOT%', line: 4 }), message: { text: 'value' } },
        { id: 2, ...place({ uri: 'src/b%20c.ts', base: '%SRCROOT%', line: 12 }) },
      ],
    },
  ],
}

it('reads CodeQL: rules of query packs, a checkout elsewhere, files by index, shared steps, linked places', () => {
  expect(read(CODEQL)).toMatchObject({
    skipped: [],
    findings: [
      {
        by: 'CodeQL',
        weaknesses: ['CWE-22', 'CWE-23', 'CWE-99'],
        finding: {
          rule: 'codeql/js-path-injection',
          cwe: 'CWE-22',
          severity: 'error',
          message: 'This path depends on a user-provided value (src/in.ts:4). This path depends on it.',
          location: { path: 'src/b c.ts', line: 12, column: 7, endLine: 12, endColumn: 20 },
          path: [
            { message: 'req', location: { path: 'src/in.ts', line: 4 } },
            { location: { path: 'src/shared.ts', line: 8 } },
            { location: { path: 'src/b c.ts', line: 12 } },
          ],
        },
      },
    ],
  })
})

it('reads Semgrep: a root that is not told, tags in words, and fingerprints that it keeps to itself', () => {
  const semgrep = (...lines: readonly (readonly [number, string])[]): object =>
    run(
      'Semgrep OSS',
      lines.map(([line, snippet]) =>
        result({
          base: '%SRCROOT%',
          line,
          snippet,
          more: { fingerprints: { 'matchBasedId/v1': 'requires login' }, ruleId: 'python.eval' },
        }),
      ),
      {},
      {
        rules: [
          {
            id: 'python.eval',
            defaultConfiguration: { level: 'warning' },
            properties: { tags: ['CWE-95: Improper Neutralization', 'OWASP-A03:2021 - Injection'] },
          },
        ],
      },
    )
  const before = read(semgrep([3, 'eval(a)'], [5, 'eval(b)'], [9, 'eval(a)'], [9, 'eval(a)']))
  expect(before.findings.map(({ finding }) => [finding.cwe, finding.severity])).toEqual(
    Array.from({ length: 3 }, () => ['CWE-95', 'warning']),
  )
  expect(new Set(marks(before)).size).toBe(3)
  // A line on top and one of the three gone: the others are known again.
  expect(marks(read(semgrep([4, 'eval(a)'], [6, 'eval(b)'])))).toEqual(marks(before).slice(0, 2))
})

it('tells results apart whose fingerprints are empty, as those of gitleaks are', () => {
  const partialFingerprints = { commitSha: '', email: '', author: '', date: '', commitMessage: '' }
  const log = read(
    run(
      'gitleaks',
      [2, 7].map((line) => result({ line, more: { partialFingerprints } })),
    ),
  )
  expect(new Set(marks(log)).size).toBe(2)
})

it('reads Bandit: several lines, severities of rules, addresses relative to where it ran', () => {
  const rules = [{ id: 'B602', properties: { tags: ['security', 'external/cwe/cwe-78'] } }]
  const log = read(
    run(
      'Bandit',
      [result({ uri: './app/x.py', line: 4, end: 6, more: { ruleId: 'B602', level: 'error' } })],
      {},
      {
        rules,
      },
    ),
  )
  expect(log.findings[0]).toMatchObject({
    weaknesses: ['CWE-78'],
    finding: { severity: 'error', location: { path: 'app/x.py', line: 4, endLine: 6 } },
  })
})

it.each([
  [
    'a base on a base',
    { ROOT: { uri: 'file:///project/' }, SUB: { uri: 'sub', uriBaseId: 'ROOT' } },
    'sub/a.ts',
  ],
  ['a base that is not told', {}, 'a.ts'],
  ['a base without an address', { SUB: {} }, 'a.ts'],
  ['a base above the folder', { SUB: { uri: 'file:///project/sub/deep/' } }, 'sub/deep/a.ts'],
  ['bases in a circle', { SUB: { uriBaseId: 'X' }, X: { uriBaseId: 'SUB' } }, 'a.ts'],
])('finds files by %s', (_what, originalUriBaseIds, path) => {
  expect(paths(read(run('t', [result({ uri: 'a.ts', base: 'SUB' })], { originalUriBaseIds })))).toEqual([
    path,
  ])
})

it.each([
  ['src/a%20%C3%A9.ts', 'src/a é.ts'],
  ['src/[id]/c#.ts', 'src/[id]/c#.ts'],
  ['file:///project/src/%5Bid%5D.ts', 'src/[id].ts'],
  ['src\\win\\a.ts', 'src/win/a.ts'],
  ['/project/src/a.ts', 'src/a.ts'],
])('reads the address %s', (uri, path) => {
  expect(paths(read(run('t', [result({ uri })])))).toEqual([path])
})

it('says what it leaves out without having been told to', () => {
  const log = read(
    run('one', [result({ uri: 'file:///elsewhere/a.ts' }), result(), { ...result(), locations: [] }]),
    run('two', [], {
      invocations: [
        {
          executionSuccessful: false,
          toolExecutionNotifications: [{ level: 'error', message: { text: 'out of memory' } }],
        },
      ],
      externalPropertyFileReferences: { results: [{ location: { uri: 'more.sarif' } }] },
    }),
  )
  expect(log.findings.length).toBe(1)
  expect(log.skipped).toEqual([
    'one: 2 of 3 results have no place in the folder.',
    'two says that it did not end well: out of memory.',
    'two: its results lie in other files, which are not read.',
  ])
})

it('keeps what a suppression was asked for and not granted', () => {
  const suppressed = (...statuses: readonly (string | undefined)[]): number =>
    read(
      run('t', [
        result({ more: { suppressions: statuses.map((status) => ({ kind: 'external', status })) } }),
      ]),
    ).findings.length
  expect([
    suppressed(undefined),
    suppressed('accepted'),
    suppressed('underReview'),
    suppressed('accepted', 'rejected'),
    suppressed(),
  ]).toEqual([0, 0, 1, 1, 1])
})

it('takes levels from the run, the rule, or the score, and what is to be reviewed as notes', () => {
  const severities = (more: object, rule: object, invocations: readonly object[] = []): string =>
    read(run('t', [result({ more })], { invocations }, { rules: [{ id: 'r', ...rule }] })).findings[0]!
      .finding.severity
  const rule = { defaultConfiguration: { level: 'error' } }
  const override = [
    { ruleConfigurationOverrides: [{ descriptor: { id: 'r' }, configuration: { level: 'note' } }] },
  ]
  expect([
    severities({}, {}),
    severities({}, rule),
    severities({ level: 'warning' }, rule),
    severities({}, rule, override),
    severities({}, { properties: { 'security-severity': '9.1' } }),
    severities({}, { properties: { 'security-severity': '2.0' } }),
    severities({ kind: 'review' }, rule),
  ]).toEqual(['warning', 'error', 'warning', 'note', 'error', 'note', 'note'])
})

it('finds weaknesses in taxonomies by index, by name, and in relations of the rule', () => {
  const taxonomies = [{ name: 'OWASP' }, { name: 'CWE', guid: 'g', taxa: [{ id: '1' }, { id: '502' }] }]
  const weaknesses = (more: object, rule: object = {}): readonly string[] =>
    read(run('t', [result({ more })], { taxonomies }, { rules: [{ id: 'r', ...rule }] })).findings[0]!
      .weaknesses
  expect(weaknesses({ taxa: [{ index: 1, toolComponent: { index: 1 } }] })).toEqual(['CWE-502'])
  expect(weaknesses({ taxa: [{ id: 'A3', toolComponent: { index: 0 } }] })).toEqual([])
  expect(weaknesses({ taxa: [{ id: 'CWE-79', toolComponent: { guid: 'g' } }] })).toEqual(['CWE-79'])
  expect(
    weaknesses(
      { properties: { cwe: 611 } },
      { relationships: [{ target: { id: '22', toolComponent: { name: 'CWE' } } }] },
    ),
  ).toEqual(['CWE-22', 'CWE-611'])
})

it('knows a rule by a part of its name, and texts by their ids in rules and programs', () => {
  const driver = {
    rules: [{ id: 'CA1000', properties: { tags: ['CWE-89'] } }],
    globalMessageStrings: { shared: { text: 'said of {0}' } },
  }
  const more = { ruleId: 'CA1000/2', message: { id: 'shared', arguments: ['x'] } }
  expect(read(run('t', [result({ more })], {}, driver)).findings[0]).toMatchObject({
    finding: { rule: 't/ca1000-2', cwe: 'CWE-89', message: 'said of x' },
  })
})

it('leaves brackets in messages that lead nowhere, and takes the words of a fix', () => {
  const more = {
    message: { text: 'a[0](1) and [docs](https://example.com/x)' },
    fixes: [{ description: { text: 'Use another.' } }],
  }
  expect(read(run('t', [result({ more })])).findings[0]?.finding).toMatchObject({
    message: 'a[0](1) and docs',
    fix: { text: 'Use another.' },
  })
})

it('reads what several runs say of one place once for each program', () => {
  const one = result({ line: 9 })
  expect(read(run('a', [one, one]), run('a', [one]), run('b', [one])).findings.map(({ by }) => by)).toEqual([
    'a',
    'b',
  ])
})
