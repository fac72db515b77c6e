import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { copyFile, digestNow, putBack } from './file-copy.ts'

let folder: string
beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-copy-')))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)

describe('a kept file', () => {
  it('is put back with its bytes and mode, and nothing is left beside it', () => {
    writeFileSync(at('run.sh'), Buffer.from([0, 255, 10]))
    chmodSync(at('run.sh'), 0o750)
    const copy = copyFile(at('run.sh'))
    expect(digestNow(copy)).toBe(copy.digest)
    rmSync(at('run.sh'))
    writeFileSync(at('run.sh'), 'other', { mode: 0o600 })
    putBack(copy, digestNow(copy))
    expect([...readFileSync(at('run.sh'))]).toEqual([0, 255, 10])
    expect(statSync(at('run.sh')).mode & 0o777).toBe(0o750)
    expect(readdirSync(folder)).toEqual(['run.sh'])
  })

  it('that was not there is removed again, in folders that were not there either', () => {
    const copy = copyFile(at('new/deep/file'))
    expect([copy.content, copy.digest, digestNow(copy)]).toEqual([null, 'none', 'none'])
    mkdirSync(at('new/deep'), { recursive: true })
    writeFileSync(at('new/deep/file'), 'made')
    putBack(copy, digestNow(copy))
    expect(existsSync(at('new/deep/file'))).toBe(false)
    rmSync(at('new'), { recursive: true })
    expect(digestNow(copy)).toBe('none')
    putBack(copy, 'none')
  })

  it('that was removed is there again, unless its folder is gone', () => {
    mkdirSync(at('in'))
    writeFileSync(at('in/file'), 'text')
    const copy = copyFile(at('in/file'))
    rmSync(at('in/file'))
    putBack(copy, 'none')
    expect(readFileSync(at('in/file'), 'utf8')).toBe('text')
    rmSync(at('in'), { recursive: true })
    expect(() => putBack(copy, 'none')).toThrow('ENOENT')
  })

  it('is where the path leads, and no link in its place is followed', () => {
    mkdirSync(at('real'))
    writeFileSync(at('real/file'), 'mine')
    symlinkSync(at('real'), at('way'))
    const copy = copyFile(at('way/file'))
    expect(copy.path).toBe(at('real/file'))
    writeFileSync(at('victim'), 'precious')
    rmSync(at('real/file'))
    symlinkSync(at('victim'), at('real/file'))
    expect(() => digestNow(copy)).toThrow('a link')
    renameSync(at('real'), at('moved'))
    mkdirSync(at('elsewhere'))
    writeFileSync(at('elsewhere/file'), 'precious')
    symlinkSync(at('elsewhere'), at('real'))
    expect(digestNow(copy)).toBe('none')
    expect(() => putBack(copy, 'none')).toThrow(/ENOTDIR|ELOOP/)
    expect([readFileSync(at('victim'), 'utf8'), readFileSync(at('elsewhere/file'), 'utf8')]).toEqual([
      'precious',
      'precious',
    ])
  })

  it('is not put back over what is not what was looked at', () => {
    writeFileSync(at('file'), 'before')
    const copy = copyFile(at('file'))
    writeFileSync(at('file'), 'left')
    const seen = digestNow(copy)
    writeFileSync(at('file'), 'a person was faster')
    expect(() => putBack(copy, seen)).toThrow('was changed')
    expect(readFileSync(at('file'), 'utf8')).toBe('a person was faster')
    expect(() => digestNow({ ...copy, host: 'another' })).toThrow('another machine')
  })

  it.each([
    ['a folder', () => mkdirSync(at('x')), 'no plain file'],
    ['a file of more than a megabyte', () => writeFileSync(at('x'), Buffer.alloc(1024 * 1024 + 1)), 'larger'],
    ['a link to nowhere', () => symlinkSync(at('none'), at('x')), 'a link'],
    ['a link to itself', () => symlinkSync(at('x'), at('x')), 'leads nowhere'],
  ])('is none of %s', (_, make, why) => {
    make()
    expect(() => copyFile(at('x'))).toThrow(why)
  })

  it('is none of another user', () => {
    writeFileSync(at('file'), 'theirs')
    const uid = vi.spyOn(process, 'getuid').mockReturnValue(statSync(at('file')).uid + 1)
    expect(() => copyFile(at('file'))).toThrow('another user')
    uid.mockRestore()
  })
})
