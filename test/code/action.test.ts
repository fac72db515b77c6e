import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const ROOT = join(import.meta.dirname, '../..')
const BELAY = join(ROOT, 'bin/belay.js')
const HEAD = `import subprocess\nfrom flask import Flask, request\napp = Flask(__name__)\n`
const OLD = `@app.route("/old")\ndef old():\n    return subprocess.check_output("ls " + request.args["d"], shell=True)\n`

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>
  readonly runs: {
    readonly steps: readonly { readonly run?: string; readonly env?: Record<string, string> }[]
  }
}

let folder = ''
let project = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-action-'))
  project = join(folder, 'project')
  mkdirSync(join(folder, 'bin'))
  mkdirSync(project)
  // What npx would fetch is this checkout; the arguments of npx are kept.
  const npx = join(folder, 'bin/npx')
  writeFileSync(
    npx,
    `#!/bin/bash\nprintf '%s\\n' "$@" > "${folder}/npx"\nwhile [ "$1" != belay ]; do shift; done\nshift\nexec "${process.execPath}" "${BELAY}" "$@"\n`,
  )
  chmodSync(npx, 0o755)
  git('init', '-q', '-b', 'main')
  git('config', 'user.name', 'Coder')
  git('config', 'user.email', 'coder@example.com')
  writeFileSync(join(project, 'app.py'), HEAD + OLD)
  git('add', '.')
  git('commit', '-qm', 'first')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function git(...args: readonly string[]): void {
  execFileSync('git', args, { cwd: project })
}

/** Runs the action's own script, with its inputs put in as GitHub puts them in. */
function act(inputs: Readonly<Record<string, string>>): {
  readonly code: number | null
  readonly out: string
} {
  const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action
  const step = action.runs.steps.find((each) => each.run !== undefined)!
  const value = (text: string): string =>
    text.replaceAll(
      /\$\{\{ inputs\.([\w-]+) \}\}/g,
      (_, name: string) => inputs[name] ?? action.inputs[name]!.default,
    )
  const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, value(text)]))
  // No input stands in the script itself: there it would be code.
  expect(step.run).not.toContain('${{')
  const { status, stdout, stderr } = spawnSync('bash', ['-eo', 'pipefail', '-c', step.run!], {
    cwd: project,
    encoding: 'utf8',
    env: { PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}`, HOME: folder, ...env },
  })
  return { code: status, out: stdout + stderr }
}

describe('the GitHub Action', () => {
  it('fails on what the project has, and says where', () => {
    const { code, out } = act({})
    expect(code).toBe(1)
    expect(out).toContain('app.py:6')
    expect(readFileSync(join(folder, 'npx'), 'utf8')).toContain('@belay/harness@latest')
  })

  it('fails on nothing that was there before, and writes SARIF', () => {
    writeFileSync(join(project, 'fine.py'), 'ONE = 1\n')
    expect(act({ since: 'main', sarif: 'out.sarif' }).code).toBe(0)
    const log = JSON.parse(readFileSync(join(project, 'out.sarif'), 'utf8')) as { version: string }
    expect(log.version).toBe('2.1.0')
  })

  it('takes no input for code', () => {
    act({ paths: '$(touch hacked) `touch hacked`', since: '; touch hacked' })
    expect(() => readFileSync(join(project, 'hacked'))).toThrow('ENOENT')
  })
})

it('the entry for pre-commit refuses what is staged, and lets the repaired pass', () => {
  const [hook] = parse(readFileSync(join(ROOT, '.pre-commit-hooks.yaml'), 'utf8')) as [{ entry: string }]
  const hooks = join(project, '.git/hooks')
  mkdirSync(hooks, { recursive: true })
  const program = hook.entry.replace(/^belay /, `"${process.execPath}" "${BELAY}" `)
  writeFileSync(join(hooks, 'pre-commit'), `#!/bin/sh\nexec ${program}\n`)
  chmodSync(join(hooks, 'pre-commit'), 0o755)
  writeFileSync(join(project, 'new.py'), HEAD + OLD)
  git('add', 'new.py')
  expect(() => git('commit', '-qm', 'second')).toThrow(/new\.py:6/)
  writeFileSync(join(project, 'new.py'), 'ONE = 1\n')
  git('add', 'new.py')
  git('commit', '-qm', 'second')
})
