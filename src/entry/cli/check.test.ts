import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, inject } from 'vitest'

const BELAY = inject('launcher')
const BAD = `import { execSync } from 'node:child_process'
import express from 'express'
const app = express()
app.get('/ping', (req, res) => {
  res.json(execSync('ping ' + req.query.host).toString())
})
`
const GOOD = `export const one = 1\n`

let folder = ''
const put = (path: string, text: string): void => writeFileSync(join(folder, path), text)
const git = (...args: string[]): void => {
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    cwd: folder,
    stdio: 'pipe',
  })
}

function check(...args: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BELAY, 'check', ...args], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

/** Rules and standings of a JSON report. */
function standings({ out }: { out: string }): string[] {
  const { findings } = JSON.parse(out) as { findings: readonly { rule: string; standing: string }[] }
  return findings
    .filter(({ rule }) => rule === 'value-flow/command-injection')
    .map(({ standing }) => standing)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-check-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('tells what it finds with its way, and exits with 1; with 0 where there is nothing', () => {
  put('bad.ts', BAD)
  const bad = check()
  expect(bad.code).toBe(1)
  expect(bad.out).toContain('bad.ts:5:')
  expect(bad.out).toMatch(/error {2}value-flow\/command-injection {2}CWE-78/)
  expect(bad.out).toContain('fix:')
  expect(bad.out).not.toContain('\u001b')
  put('bad.ts', GOOD)
  expect(check()).toMatchObject({ code: 0, err: '' })
})

it('takes files, folders, formats and rules', () => {
  mkdirSync(join(folder, 'a'))
  put('a/bad.ts', BAD)
  put('good.ts', GOOD)
  expect(check('good.ts').code).toBe(0)
  expect(standings(check('a/bad.ts', 'good.ts', '--json'))).toEqual(['new'])
  expect(standings(check('a', '--json', '--rules', '!command-injection'))).toEqual([])
  expect(check('a', '--rules', 'performance/*').code).toBe(0)
  const { out } = check('a', '--format', 'sarif', '--rules', 'command-injection')
  expect(JSON.parse(out)).toMatchObject({ version: '2.1.0', runs: [{ results: [{ level: 'error' }] }] })
  const written = check('a', '--format', 'sarif', '--output', 'out.sarif')
  expect([written.code, written.out]).toEqual([1, ''])
  expect(JSON.parse(readFileSync(join(folder, 'out.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' })
})

it('knows what a baseline lists, wherever it has moved to', () => {
  put('bad.ts', BAD)
  expect(check('--update-baseline').code).toBe(0)
  put('bad.ts', `// moved\n\n${BAD}`)
  const known = check('--json')
  expect([known.code, standings(known)]).toEqual([0, ['known']])
  put('belay-baseline.json', 'nonsense')
  expect(check()).toMatchObject({ code: 2 })
  expect(check().err).toContain('--update-baseline')
})

it('blocks what is new since a revision, and what is staged as it is staged', () => {
  git('init', '-q')
  put('old.ts', BAD)
  git('add', '-A')
  git('commit', '-qm', 'x')
  put('new.ts', GOOD)
  const since = check('--since', 'HEAD', '--json')
  expect([since.code, standings(since)]).toEqual([0, ['unchanged']])
  put('new.ts', BAD)
  expect(check('--since', 'HEAD').code).toBe(1)
  git('add', 'new.ts')
  put('new.ts', GOOD)
  expect(check('--staged').code).toBe(1)
  git('add', 'new.ts')
  put('new.ts', BAD)
  expect(check('--staged').code).toBe(0)
  expect(check('--since', 'nowhere')).toMatchObject({ code: 2 })
})

it('lists what is suppressed in the code with its reason, and says what it skipped', () => {
  put(
    'bad.ts',
    BAD.replace(
      '  res.json',
      '  // belay-ignore command-injection: the gateway lets names of hosts alone through\n  res.json',
    ),
  )
  put('broken.ts', 'const = = 1')
  put('.gitignore', 'ignored.ts\n')
  git('init', '-q')
  put('ignored.ts', BAD)
  const { code, out } = check()
  expect(code).toBe(0)
  expect(out).toContain('command-injection: the gateway lets names of hosts alone through')
  expect(out).toContain('broken.ts: syntax error')
  expect(out).toContain('git ignores')
  expect(out).not.toContain('ignored.ts')
})

it('merges what another program has found', () => {
  put('good.ts', GOOD)
  const result = {
    ruleId: 'x',
    level: 'error',
    message: { text: 'from elsewhere' },
    locations: [{ physicalLocation: { artifactLocation: { uri: 'good.ts' }, region: { startLine: 1 } } }],
  }
  put(
    'log.sarif',
    JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name: 'Other' } }, results: [result] }] }),
  )
  expect(check('--merge', 'log.sarif')).toMatchObject({ code: 1 })
  expect(check('--merge', 'log.sarif').out).toContain('found by Other')
})

it.each([
  [['nowhere']],
  [['--format', 'xml']],
  [['--fail-on', 'sometimes']],
  [['--staged', '--since', 'HEAD']],
  [['--since', 'HEAD']],
  [['--with', 'rm']],
  [['--merge', 'none.sarif']],
  [['--baseline', 'none.json']],
])('answers usage with 2: %j', (args) => {
  put('good.ts', GOOD)
  expect(check(...args)).toMatchObject({ code: 2, out: '' })
  expect(existsSync(join(folder, 'belay-baseline.json'))).toBe(false)
})

it('checks again when a file changes', async () => {
  put('a.ts', GOOD)
  const child = spawn(process.execPath, [BELAY, 'check', '--watch'], { cwd: folder })
  try {
    let out = ''
    const printed = async (pattern: RegExp): Promise<void> => {
      for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
        out += String(part)
        if (pattern.test(out)) return
      }
    }
    await printed(/no findings/)
    put('a.ts', BAD)
    await printed(/command-injection/)
    expect(out).toContain('a.ts:5:')
  } finally {
    child.kill('SIGKILL')
  }
})
