import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { changedInIndex, changedSince, isChanged, stagedContents } from './changed-lines.ts'

let folder = ''
const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: 'pipe',
  })
const put = (path: string, text: string): void => writeFileSync(join(folder, path), text)
const commit = (): void => {
  git('add', '-A')
  git('commit', '-qm', 'x')
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-changed-'))
  git('init', '-q', '-b', 'main')
  put('a.ts', '1\n2\n3\n4\n5\n')
  put('gone.ts', 'x\n')
  commit()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('knows new lines, changed lines and new files, committed or not', async () => {
  put('a.ts', '1\n2a\n3\n4\n5\n6\n')
  put('b.ts', '--- a\n+++ b\n@@ -1 +1 @@\n')
  rmSync(join(folder, 'gone.ts'))
  commit()
  put('new name.ts', 'y\n')
  put('a.ts', '0\n1\n2a\n3\n4\n5\n6\n')
  const changed = await changedSince(folder, 'HEAD~1')
  expect(Object.fromEntries(changed)).toEqual({
    'a.ts': [
      { from: 1, to: 1 },
      { from: 3, to: 3 },
      { from: 7, to: 7 },
    ],
    'b.ts': 'all',
    'new name.ts': 'all',
  })
  expect([
    isChanged(changed, 'a.ts', 3),
    isChanged(changed, 'a.ts', 4),
    isChanged(changed, 'b.ts', 99),
    isChanged(changed, 'c.ts', 1),
  ]).toEqual([true, false, true, false])
})

it('counts the lines around a place where lines only went: a guard may have stood there', async () => {
  put('a.ts', '1\n4\n5\n')
  const changed = await changedSince(folder, 'HEAD')
  expect([1, 2, 3].map((line) => isChanged(changed, 'a.ts', line))).toEqual([true, true, false])
})

it('compares with where the branch parted, and follows a file that moved', async () => {
  git('checkout', '-qb', 'topic')
  git('mv', 'a.ts', 'moved.ts')
  put('moved.ts', '1\n2\n3\n4\n5!\n')
  commit()
  git('checkout', '-q', 'main')
  put('a.ts', 'other\n2\n3\n4\n5\n')
  commit()
  git('checkout', '-q', 'topic')
  expect(Object.fromEntries(await changedSince(folder, 'main'))).toEqual({ 'moved.ts': [{ from: 5, to: 5 }] })
})

it('is relative to the folder that is asked about', async () => {
  mkdirSync(join(folder, 'sub'))
  put('sub/ü.ts', 'x\n')
  put('a.ts', '')
  git('add', '-A')
  expect(Object.fromEntries(await changedInIndex(join(folder, 'sub')))).toEqual({ 'ü.ts': 'all' })
})

it('knows what is staged where the working tree has something else', async () => {
  put('a.ts', 'staged\n')
  git('add', 'a.ts')
  put('a.ts', 'working\n')
  put('untracked.ts', 'x\n')
  expect(Object.fromEntries(await stagedContents(folder))).toEqual({
    'a.ts': 'staged\n',
    'untracked.ts': null,
  })
  expect([...(await changedInIndex(folder)).keys()]).toEqual(['a.ts'])
})

it.each(['nowhere', '--output=/tmp/x', ''])('refuses a revision that is none: %s', async (revision) => {
  await expect(changedSince(folder, revision)).rejects.toThrow(/There is no revision/)
})

it('says that there is no repository', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'belay-none-'))
  await expect(changedInIndex(outside)).rejects.toThrow(/git/)
  rmSync(outside, { recursive: true })
})
