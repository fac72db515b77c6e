import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BelayError } from '../../errors/catalogue.ts'
import type { JsonObject } from '../../action/json.ts'
import { inputOf, SNIPPET_LIMITS, snippetFrom } from './snippet.ts'
import { layFiles, writtenFiles } from './written-files.ts'

const good = { language: 'python', code: 'print(1)' }

describe('a snippet', () => {
  it('has limits where none are asked for, and comes back from the input of its action as it was', () => {
    const snippet = snippetFrom({
      ...good,
      files: { 'a/b.txt': 'text', 'c.bin': { base64: 'AAEC' } },
      stdin: 'in',
      limits: { wall_time_ms: 500 },
    })
    expect(snippet.limits).toEqual({ ...SNIPPET_LIMITS, wallTime: 500 })
    expect(snippetFrom(inputOf(snippet))).toEqual(snippet)
  })

  it.each<[string, JsonObject, string]>([
    ['another language', { ...good, language: 'perl' }, 'language'],
    ['a language of prototypes', { ...good, language: 'constructor' }, 'language'],
    ['no code', { language: 'shell' }, 'code'],
    ['code without end', { ...good, code: 'x'.repeat(300_000) }, 'code'],
    ['a member of no meaning', { ...good, network: 'host' }, 'network'],
    ['files that are a list', { ...good, files: ['a'] }, 'files'],
    ['a path upwards', { ...good, files: { '../a': '' } }, 'files'],
    ['an absolute path', { ...good, files: { '/etc/passwd': '' } }, 'files'],
    ['a path with a hidden step up', { ...good, files: { 'a/./../../b': '' } }, 'files'],
    ['a null character in a path', { ...good, files: { 'a\u0000b': '' } }, 'files'],
    ['a backslash in a path', { ...good, files: { 'a\\b': '' } }, 'files'],
    ['an endless path', { ...good, files: { ['a/'.repeat(50) + 'b']: '' } }, 'files'],
    ['the name of the code', { ...good, files: { 'main.py': '' } }, 'files'],
    ['a file that is a folder', { ...good, files: { a: '', 'a/b': '' } }, 'files'],
    [
      'too many files',
      { ...good, files: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`f${n}`, ''])) },
      'files',
    ],
    ['bytes that are no base64', { ...good, files: { a: { base64: '~~' } } }, 'files.a'],
    ['a file that is a number', { ...good, files: { a: 7 } }, 'files.a'],
    ['a limit of no meaning', { ...good, limits: { disk: 1 } }, 'limits.disk'],
    ['no time', { ...good, limits: { wall_time_ms: 0 } }, 'limits.wall_time_ms'],
    ['more memory than may be', { ...good, limits: { memory_bytes: 1e12 } }, 'limits.memory_bytes'],
    ['half a process', { ...good, limits: { processes: 1.5 } }, 'limits.processes'],
    ['a limit that is a text', { ...good, limits: { cpu: '1' } }, 'limits.cpu'],
  ])('with %s is refused', (_, input, where) => {
    let thrown: unknown
    try {
      snippetFrom(input)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(BelayError)
    expect((thrown as BelayError).code).toBe('input:invalid')
    expect((thrown as BelayError).details['where']).toBe(where)
  })
})

describe('what a run has written', () => {
  let folder: string
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'belay-written-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const modes = { mode: 0o666, folderMode: 0o777 }
  const bounds = { files: 10, bytes: 1_000 }

  it('is what is new and what changed, not what came with the snippet', () => {
    const before = layFiles(
      folder,
      {
        'same.txt': 'same',
        'in/changed.txt': 'old',
        'big.bin': { base64: Buffer.alloc(5_000).toString('base64') },
      },
      modes,
    )
    writeFileSync(join(folder, 'in/changed.txt'), 'new')
    writeFileSync(join(folder, 'out.bin'), Buffer.from([0, 255]))
    const { files, leftOut } = writtenFiles(folder, before, bounds)
    expect(files.map(({ path, bytes }) => [path, [...bytes]])).toEqual([
      ['in/changed.txt', [...Buffer.from('new')]],
      ['out.bin', [0, 255]],
    ])
    expect(leftOut).toBe(0)
  })

  it('leads nowhere else: no links to files or folders, no pipes, no devices', () => {
    const outside = mkdtempSync(join(tmpdir(), 'belay-outside-'))
    try {
      writeFileSync(join(outside, 'secret'), 'secret')
      symlinkSync(join(outside, 'secret'), join(folder, 'file-link'))
      symlinkSync(outside, join(folder, 'folder-link'))
      symlinkSync('/dev/zero', join(folder, 'device-link'))
      execFileSync('mkfifo', [join(folder, 'pipe')])
      writeFileSync(join(folder, 'mine'), 'mine')
      const { files, leftOut } = writtenFiles(folder, new Map(), bounds)
      expect(files.map(({ path }) => path)).toEqual(['mine'])
      expect(leftOut).toBe(4)
    } finally {
      rmSync(outside, { recursive: true, force: true })
    }
  })

  it('is bounded in number, bytes and depth, and by names that can be told', () => {
    for (let n = 0; n < 15; n++) writeFileSync(join(folder, `f${String(n).padStart(2, '0')}`), 'x')
    expect(writtenFiles(folder, new Map(), bounds).files).toHaveLength(10)
    expect(writtenFiles(folder, new Map(), bounds).leftOut).toBe(5)
    expect(writtenFiles(folder, new Map(), { files: 100, bytes: 3 })).toMatchObject({ leftOut: 12 })
    rmSync(folder, { recursive: true })
    mkdirSync(join(folder, 'd/'.repeat(30)), { recursive: true })
    writeFileSync(join(folder, 'd/'.repeat(30), 'deep'), 'x')
    writeFileSync(join(folder, 'line\nbreak'), 'x')
    expect(writtenFiles(folder, new Map(), bounds)).toEqual({ files: [], leftOut: 2 })
  })

  it('is as large as the file says, also of a file with holes', () => {
    execFileSync('truncate', ['-s', '1T', join(folder, 'holes')])
    mkdirSync(join(folder, 'closed'))
    chmodSync(join(folder, 'closed'), 0o000)
    expect(writtenFiles(folder, new Map(), bounds).files).toEqual([])
  })
})
