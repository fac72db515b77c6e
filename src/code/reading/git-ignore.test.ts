import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { isIgnored, readIgnoreRules } from './git-ignore.ts'

const RULES = `
# a comment
node_modules
*.log
!keep.log
/only-root
docs/*.txt
build/
**/deep
a/**/z
logs/**
file[0-9a].ts
?.md
\\#odd
trailing   
sp\\ ace
*~
`

const PATHS = [
  'node_modules/x',
  'sub/node_modules/y',
  'a.log',
  'sub/b.log',
  'keep.log',
  'sub/keep.log',
  'only-root',
  'sub/only-root',
  'docs/a.txt',
  'docs/sub/a.txt',
  'sub/docs/a.txt',
  'build/x',
  'sub/build/x',
  'src/build',
  'deep',
  'x/y/deep',
  'a/z',
  'a/b/z',
  'a/b/c/z',
  'b/a/z',
  'logs/x',
  'logs/y/z',
  'sub/logs/x',
  'file1.ts',
  'filea.ts',
  'fileb.ts',
  'x.md',
  'xy.md',
  '#odd',
  'trailing',
  'sp ace',
  'back~',
  'plain.ts',
]

it('ignores what git ignores', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-ignore-'))
  execFileSync('git', ['init', '-q'], { cwd: folder })
  writeFileSync(join(folder, '.gitignore'), RULES)
  for (const path of PATHS) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), '')
  }
  const told = execFileSync('git', ['ls-files', '-z', '--others', '--exclude-standard'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const kept = new Set(told.split('\0'))
  const rules = readIgnoreRules(RULES, '')
  const ours = (path: string): boolean => {
    const steps = path.split('/')
    return steps.some((_, index) =>
      isIgnored(rules, steps.slice(0, index + 1).join('/'), index < steps.length - 1),
    )
  }
  expect(PATHS.filter((path) => !ours(path))).toEqual(PATHS.filter((path) => kept.has(path)))
  rmSync(folder, { recursive: true, force: true })
})

it('holds below its own folder, and the last rule wins', () => {
  const rules = [...readIgnoreRules('*.ts', ''), ...readIgnoreRules('!a.ts\n/b.ts', 'sub')]
  expect(['a.ts', 'sub/a.ts', 'sub/b.ts', 'sub/x/b.ts'].map((path) => isIgnored(rules, path, false))).toEqual(
    [true, false, true, true],
  )
})

it('takes no longer for a hostile pattern', () => {
  const rules = readIgnoreRules(`${'*a'.repeat(240)}b\n${'**/'.repeat(160)}x`, '')
  const started = performance.now()
  expect(isIgnored(rules, 'a'.repeat(4_000), false)).toBe(false)
  expect(isIgnored(rules, `${'a/'.repeat(2_000)}y`, false)).toBe(false)
  expect(performance.now() - started).toBeLessThan(1_000)
})
