import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkProject, type OtherFinder, type OtherFindings } from '../check-project.ts'
import { LINTERS } from './linters.ts'
import { runProgram } from './run-program.ts'
import { sarifFile, sarifProgram } from './sarif-programs.ts'
import { TYPE_CHECKERS } from './type-checkers.ts'

let folder = ''
const put = (path: string, text: string): void => writeFileSync(join(folder, path), text)
const run = async (finders: readonly OtherFinder[]): Promise<OtherFindings[]> =>
  Promise.all(finders.map((each) => each.find(folder, {})))
const places = (all: readonly OtherFindings[]): string[] =>
  all.flatMap(({ findings }) =>
    findings.map(({ finding: { rule, location } }) => `${rule} ${location.path}:${location.line}`),
  )

const PATH = process.env['PATH']
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-programs-'))
})
afterEach(() => {
  process.env['PATH'] = PATH
  rmSync(folder, { recursive: true, force: true })
})

it('runs the type checkers that fit the project', async () => {
  put('tsconfig.json', '{"compilerOptions":{"strict":true,"types":[]},"files":["a.ts"]}')
  put('a.ts', "export const x: number = 'a'\n")
  put('pyproject.toml', '')
  put('b.py', 'def f(a: int) -> str:\n    return a\n')
  expect(places(await run(TYPE_CHECKERS))).toEqual(['types/TS2322 a.ts:1', 'types/reportReturnType b.py:2'])
})

it('runs the linters, over code that is not test code', async () => {
  put('a.js', 'debugger\n')
  put('b.py', 'import subprocess\ndef f(a):\n    subprocess.call(a, shell=True)\n')
  put('test_b.py', 'import subprocess\nsubprocess.call(a, shell=True)\n')
  expect(places(await run(LINTERS))).toEqual(['lint/no-debugger a.js:1', 'ruff/S602 b.py:3'])
})

it('has nothing to say where there is nothing to check', async () => {
  expect(await run(TYPE_CHECKERS)).toMatchObject([
    { findings: [], skipped: [] },
    { findings: [], skipped: [] },
  ])
})

const LOG = JSON.stringify({
  version: '2.1.0',
  runs: [
    {
      tool: { driver: { name: 'Bandit' } },
      results: [
        {
          ruleId: 'B602',
          message: { text: 'm' },
          locations: [{ physicalLocation: { artifactLocation: { uri: 'b.py' }, region: { startLine: 3 } } }],
        },
      ],
    },
  ],
})

function installed(name: string, script: string): void {
  put(name, `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
  process.env['PATH'] = `${folder}${delimiter}${PATH}`
}

it('reads what a program on the PATH has written', async () => {
  installed(
    'bandit',
    `for last; do [ "$before" = --output ] && out=$last; before=$last; done; cat > "$out" <<'X'\n${LOG}\nX`,
  )
  expect(places(await run([sarifProgram('bandit')]))).toEqual(['bandit/b602 b.py:3'])
})

it('says that a program failed, and why', async () => {
  installed('semgrep', 'echo "no rules" >&2; exit 7')
  expect(await run([sarifProgram('semgrep')])).toMatchObject([
    { findings: [], skipped: [{ reason: 'semgrep did not run: no rules' }] },
  ])
})

it('is an error to ask for a program that is not there', () => {
  process.env['PATH'] = folder
  expect(() => sarifProgram('semgrep')).toThrow('semgrep is not on the PATH.')
  expect(() => sarifProgram('rm')).toThrow(/It can run: semgrep/)
})

it('merges a log that lies there', async () => {
  put('log.sarif', LOG)
  expect(places(await run([sarifFile(join(folder, 'log.sarif'))]))).toEqual(['bandit/b602 b.py:3'])
  await expect(sarifFile(join(folder, 'none.sarif')).find(folder, {})).rejects.toThrow(/cannot be read/)
})

it('tells once what it found itself and another program found too', async () => {
  put(
    'a.py',
    `import os, pickle
from flask import request

def lookup():
    os.system(
        'host ' + request.args['name']
    )
    return pickle.loads(b'x')
`,
  )
  const results = [
    { ruleId: 'shell', line: 5, endLine: 7 },
    { ruleId: 'pickle', line: 8, endLine: 8 },
  ].map(({ ruleId, line, endLine }) => ({
    ruleId,
    message: { text: 'm' },
    locations: [
      { physicalLocation: { artifactLocation: { uri: 'a.py' }, region: { startLine: line, endLine } } },
    ],
  }))
  const rules = [
    { id: 'shell', properties: { tags: ['external/cwe/cwe-077', 'external/cwe/cwe-078'] } },
    { id: 'pickle', properties: { tags: ['CWE-502: Deserialization of Untrusted Data'] } },
  ]
  put(
    'log.sarif',
    JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name: 'X', rules } }, results }] }),
  )
  const others = [sarifFile(join(folder, 'log.sarif')), ...LINTERS]
  const told = async (rules?: readonly string[]): Promise<string[]> =>
    (await checkProject(folder, { others, ...(rules === undefined ? {} : { rules }) })).findings.map(
      ({ finding, by }) => `${by ?? 'ours'} ${finding.rule}`,
    )
  // ruff says both too: S605 and S301.
  expect(await told()).toEqual(['ours value-flow/command-injection', 'X x/pickle'])
  // Whoever asks for that program alone gets all that it has found.
  expect(await told(['x/shell'])).toEqual(['X x/shell'])
})

it('ends a program that takes too long, with all that it has started', async () => {
  put('child.sh', 'sleep 600 & echo $! > pid; wait')
  await expect(runProgram(['sh', 'child.sh'], folder, { timeLimit: 300 })).rejects.toThrow(
    'it took longer than 0.3 s',
  )
})
