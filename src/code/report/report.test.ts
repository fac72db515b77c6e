import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { expect, it } from 'vitest'
import type { CodeFinding } from '../finding.ts'
import type { CheckReport, Standing } from './check-report.ts'
import { failing } from './check-report.ts'
import { jsonReport } from './json-report.ts'
import { prettyReport } from './pretty.ts'
import { sarifReport } from './sarif.ts'

const VIEW = 'const id = req.query.id\n\treturn find(id)\n'
const DB = 'export function find(id) {\n  return pool.query(`SELECT * FROM t WHERE id = ${id}`)\n}\n'
const place = (path: string, line: number, column: number, endColumn: number): CodeFinding['location'] => ({
  path,
  line,
  column,
  endLine: line,
  endColumn,
})

const INJECTION: CodeFinding = {
  rule: 'value-flow/sql-injection',
  cwe: 'CWE-89',
  severity: 'error',
  message: 'id, from the query string, becomes part of an SQL statement.',
  location: place('src/a b/db.ts', 2, 10, 52),
  path: [
    { location: place('src/view.ts', 1, 12, 24), message: 'untrusted: a query parameter' },
    { location: place('src/view.ts', 2, 14, 16), message: 'passed to find' },
    { location: place('src/a b/db.ts', 2, 10, 52), message: 'sent to the database' },
  ],
  fix: { text: 'Pass it as a parameter.', edits: [{ path: 'src/a b/db.ts', at: 30, end: 40, text: '$1' }] },
  fingerprint: 'f1',
}
const CATCH: CodeFinding = {
  rule: 'silent-failure/swallowed',
  cwe: null,
  severity: 'warning',
  message: 'Nobody hears of it.',
  location: place('src/view.ts', 2, 2, 8),
  path: [],
  fingerprint: 'f2',
}

function report(...found: readonly (readonly [CodeFinding, Standing])[]): CheckReport {
  const texts = new Map([
    ['src/view.ts', VIEW],
    ['src/a b/db.ts', DB],
  ])
  return {
    folder: '/project',
    findings: found.map(([finding, standing]) => ({ finding, standing })),
    skipped: [
      { path: 'dist/x.min.js', reason: 'it is minified' },
      { path: '', reason: 'a pack failed' },
    ],
    rules: [
      {
        id: 'value-flow/sql-injection',
        title: 'SQL from untrusted text',
        cwe: 'CWE-89',
        tags: ['OWASP A03:2021'],
        severity: 'error',
        help: 'Use parameters.',
      },
    ],
    files: 2,
    lines: 1_234,
    milliseconds: 1_500,
    compared: true,
    textOf: (path) => texts.get(path),
  }
}

const NEW: Standing = { name: 'new' }

it('shows the way from source to sink, with the code', () => {
  const text = prettyReport(
    report([INJECTION, NEW], [CATCH, { name: 'suppressed', reason: 'logged\u001b[31m elsewhere', line: 1 }]),
    (_colour, plain) => plain,
  )
  expect(text).toBe(`src/a b/db.ts:2:10  error  value-flow/sql-injection  CWE-89
  id, from the query string, becomes part of an SQL statement.
    ┌ src/view.ts
  1 │ const id = req.query.id
    │            ^^^^^^^^^^^^ untrusted: a query parameter
  2 │ return find(id)
    │             ^^ passed to find
    ┌ src/a b/db.ts
  2 │ return pool.query(\`SELECT * FROM t WHERE id = \${id}\`)
    │        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ sent to the database
  fix: Pass it as a parameter.

Suppressed in the code:
  src/view.ts:2:2  silent-failure/swallowed: logged\u{fffd}[31m elsewhere

Skipped:
  dist/x.min.js: it is minified
  a pack failed

1 error, 1 suppressed (2 files, 1,234 lines in 1.5 s)
`)
})

it('colours only where it is asked to, and cuts long lines around the place', () => {
  const coloured = prettyReport(report([INJECTION, NEW]), (colour, text) => `<${colour}>${text}</>`)
  expect(coloured).toContain('<red>error</>')
  const long = { ...CATCH, location: place('long.js', 1, 5_001, 5_005) }
  const text = prettyReport(
    { ...report([long, NEW]), textOf: () => `${'a'.repeat(5_000)}evil${'b'.repeat(5_000)}` },
    (_colour, plain) => plain,
  )
  const [frame = '', marks = ''] = text.split('\n').slice(3, 5)
  expect(frame.length).toBeLessThan(140)
  expect(frame.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('evil')
})

it('shows a place whose file is gone without its code', () => {
  const text = prettyReport({ ...report([CATCH, NEW]), textOf: () => undefined }, (_colour, plain) => plain)
  expect(text).toContain('src/view.ts:2:2  warning  silent-failure/swallowed\n  Nobody hears of it.')
})

// Draft 4 of JSON Schema, whose words in this schema mean the same in later drafts.
const {
  $schema: _,
  id: __,
  ...schema
} = JSON.parse(
  readFileSync(
    createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'),
    'utf8',
  ),
) as Record<string, unknown>
const validate = new Ajv({
  strict: false,
  unicodeRegExp: false,
  validateFormats: false,
  allErrors: true,
}).compile(schema)

it('is SARIF 2.1.0 by its schema, with rules, weaknesses, code flows, fingerprints, fixes and suppressions', () => {
  const log = sarifReport(
    report(
      [INJECTION, NEW],
      [CATCH, { name: 'suppressed', reason: 'logged', line: 1 }],
      [{ ...CATCH, fingerprint: 'f3' }, { name: 'known' }],
    ),
    '1.2.3',
  )
  validate(log)
  expect(validate.errors).toBeNull()
  const [run] = (log as { runs: readonly Record<string, unknown>[] }).runs
  expect(run).toMatchObject({
    tool: {
      driver: {
        semanticVersion: '1.2.3',
        rules: [
          {
            id: 'value-flow/sql-injection',
            name: 'ValueFlowSqlInjection',
            properties: {
              tags: ['security', 'external/cwe/cwe-89', 'OWASP A03:2021'],
              'security-severity': '8.5',
            },
            relationships: [{ target: { id: 'CWE-89', toolComponent: { name: 'CWE' } } }],
          },
          { id: 'silent-failure/swallowed' },
        ],
      },
    },
    taxonomies: [{ name: 'CWE', taxa: [{ id: 'CWE-89' }] }],
    originalUriBaseIds: { SRCROOT: { uri: 'file:///project/' } },
    results: [
      {
        ruleId: 'value-flow/sql-injection',
        ruleIndex: 0,
        level: 'error',
        baselineState: 'new',
        suppressions: [],
        partialFingerprints: { 'belay/v1': 'f1' },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: 'src/a%20b/db.ts', uriBaseId: 'SRCROOT' },
              region: { startLine: 2, startColumn: 10, endColumn: 52 },
            },
          },
        ],
        codeFlows: [
          {
            threadFlows: [
              { locations: [{ location: { message: { text: 'untrusted: a query parameter' } } }, {}, {}] },
            ],
          },
        ],
        fixes: [
          {
            artifactChanges: [
              {
                replacements: [
                  { deletedRegion: { charOffset: 30, charLength: 10 }, insertedContent: { text: '$1' } },
                ],
              },
            ],
          },
        ],
      },
      { suppressions: [{ kind: 'inSource', justification: 'logged' }], baselineState: 'unchanged' },
      { suppressions: [{ kind: 'external' }] },
    ],
    invocations: [
      {
        toolExecutionNotifications: [
          { message: { text: 'dist/x.min.js: it is minified' } },
          { message: { text: 'a pack failed' } },
        ],
      },
    ],
  })
})

it('is valid SARIF with nothing in it', () => {
  validate(sarifReport({ ...report(), rules: [], skipped: [] }, '0.0.0'))
  expect(validate.errors).toBeNull()
})

it('is JSON with everything that was found and what became of it', () => {
  expect(
    jsonReport(report([INJECTION, NEW], [CATCH, { name: 'suppressed', reason: 'logged', line: 1 }])),
  ).toMatchObject({
    version: 1,
    files: 2,
    lines: 1_234,
    milliseconds: 1_500,
    findings: [
      { rule: 'value-flow/sql-injection', standing: 'new', fingerprint: 'f1' },
      { standing: 'suppressed', reason: 'logged' },
    ],
    skipped: [{ path: 'dist/x.min.js', reason: 'it is minified' }, { path: '' }],
  })
})

it('fails for what is new and severe enough', () => {
  const all = report([INJECTION, { name: 'known' }], [CATCH, NEW])
  expect([failing(all, 'error'), failing(all, 'warning')].map((found) => found.length)).toEqual([0, 1])
})
