import { beforeAll, expect, it } from 'vitest'
import type { CodeFinding } from './finding.ts'
import type { Module } from './flow-graph/module.ts'
import { JAVASCRIPT } from './front-ends/javascript/javascript.ts'
import { PYTHON } from './front-ends/python/python.ts'
import { silence, suppressionsIn, suppressionsInText } from './suppressions.ts'

beforeAll(() => PYTHON.prepare?.())

function read(path: string, text: string): Module {
  const module = (path.endsWith('.py') ? PYTHON : JAVASCRIPT).parse({ path, text, test: false })
  if (!('main' in module)) throw new Error(module.reason)
  return module
}

const finding = (path: string, line: number, rule = 'value-flow/sql-injection'): CodeFinding => ({
  rule,
  cwe: 'CWE-89',
  severity: 'error',
  message: 'm',
  location: { path, line, column: 1, endLine: line, endColumn: 2 },
  path: [],
  fingerprint: `${path}${line}`,
})

/** Lines whose finding is silenced, and the complaints. */
function outcome(module: Module): readonly [silenced: readonly number[], complaints: readonly string[]] {
  const lines = module.text.split('\n').map((_, index) => index + 1)
  const { by, complaints } = silence(
    lines.map((line) => finding(module.path, line)),
    suppressionsIn(module),
    new Map([[module.path, module]]),
  )
  return [
    [...by.keys()].map(({ location }) => location.line),
    complaints.map(({ rule, location }) => `${rule}:${location.line}`),
  ]
}

it.each([
  ['at the end of the line', 'a.ts', 'a()\nb() // belay-ignore sql-injection: checked above\nc()', [2], []],
  [
    'above the line',
    'a.ts',
    '// belay-ignore value-flow/sql-injection: checked\n\n// more words\na()\nb()',
    [4],
    [],
  ],
  [
    'above a statement of several lines',
    'a.ts',
    '// belay-ignore sql-injection: checked\nq(\n  `a`,\n)\nb()',
    [2, 3, 4],
    [],
  ],
  [
    'above a statement with a body: its first line alone',
    'a.ts',
    'function f() {\n  // belay-ignore sql-injection: checked\n  if (a) {\n    b()\n  }\n}',
    [3],
    [],
  ],
  ['in a block comment', 'a.ts', '/* belay-ignore xss, sql-injection: checked */\na()', [2], []],
  ['in Python', 'a.py', 'a()\nb()  # belay-ignore sql-injection: checked\n', [2], []],
  ['in a string it is text', 'a.ts', 'a("// belay-ignore sql-injection: checked")', [], []],
  ['without a reason', 'a.ts', 'a() // belay-ignore sql-injection', [], ['suppression/no-reason:1']],
  ['with an empty reason', 'a.ts', 'a() // belay-ignore sql-injection:  ', [], ['suppression/no-reason:1']],
  ['of another rule', 'a.ts', 'a() // belay-ignore xss: checked', [], ['suppression/unused:1']],
  ['of part of a name', 'a.ts', 'a() // belay-ignore injection: checked', [], ['suppression/unused:1']],
])('%s', (_what, path, text, silenced, complaints) => {
  expect(outcome(read(path, text))).toEqual([silenced, complaints])
})

it('keeps the reason with the finding that it silences', () => {
  const module = read('a.ts', 'a() // belay-ignore sql-injection: the id is a number: see parse')
  const { by } = silence([finding('a.ts', 1)], suppressionsIn(module), new Map())
  expect([...by.values()]).toMatchObject([{ reason: 'the id is a number: see parse', line: 1 }])
})

it.each([
  ['x := 1 // belay-ignore sql: fine', 1],
  ['# belay-ignore sql: fine\n\nRUN x', 3],
  ['<!-- belay-ignore sql: fine -->\n<p>', 2],
])('is read in files that nothing parses: %s', (text, line) => {
  expect(suppressionsInText('a.x', text)).toMatchObject([
    { from: line, to: line, rules: ['sql'], reason: 'fine' },
  ])
})

it('is no suppression where no comment begins', () => {
  expect(suppressionsInText('a.md', 'write belay-ignore sql: fine\n')).toEqual([])
})
