import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Check } from './check.ts'
import type { Policy, PolicyFault } from './policy.ts'
import { watchPolicy } from './watch-policy.ts'
import type { PolicyWatch } from './watch-policy.ts'

const words: Check = {
  name: 'words',
  options: { type: 'object', properties: { file: { type: 'string' } }, required: ['file'] },
  prepare({ file }, setup) {
    setup.readLines(file as string)
    return () => []
  },
}

let folder: string
let path: string
let watching: PolicyWatch | undefined
let changed: Policy[]
let rejected: (readonly PolicyFault[])[]
let notify: () => void

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-watch-'))
  path = join(folder, 'belay.yaml')
  changed = []
  rejected = []
  notify = () => {}
})
afterEach(() => {
  watching?.close()
  watching = undefined
  rmSync(folder, { recursive: true })
})

function start(text = 'version: 1\nmode: enforce'): PolicyWatch {
  writeFileSync(path, text)
  watching = watchPolicy(path, {
    checks: [words],
    onChange: (policy) => {
      changed.push(policy)
      notify()
    },
    onRejected: (faults) => {
      rejected.push(faults)
      notify()
    },
  })
  return watching
}

const told = (): Promise<void> => new Promise((resolve) => (notify = resolve))

test('takes a changed file', async () => {
  const watch = start()
  const before = watch.current()
  const event = told()
  writeFileSync(path, 'version: 1\nmode: observe')
  await event
  expect(watch.current().mode).toBe('observe')
  expect(changed).toEqual([watch.current()])
  expect(before.mode).toBe('enforce')
})

test('takes a file that an editor put in the place of the old one, twice', async () => {
  const watch = start()
  for (const mode of ['observe', 'enforce']) {
    const event = told()
    writeFileSync(join(folder, '.belay.yaml.swp'), `version: 1\nmode: ${mode}`)
    renameSync(join(folder, '.belay.yaml.swp'), path)
    await event
    expect(watch.current().mode).toBe(mode)
  }
})

test('takes a changed file that the policy names', async () => {
  writeFileSync(join(folder, 'words.txt'), 'one\n')
  const watch = start('version: 1\nactions: { a: { verify: [{ words: { file: words.txt } }] } }')
  const { digest } = watch.current()
  const event = told()
  writeFileSync(join(folder, 'words.txt'), 'one\ntwo\n')
  await event
  expect(watch.current().digest).not.toBe(digest)
})

test('keeps the old policy when the new file is bad, says so once, and recovers', async () => {
  const watch = start()
  const before = watch.current()
  const event = told()
  writeFileSync(path, 'version: 1\nmode: nonsense')
  await event
  expect(watch.current()).toBe(before)
  expect(rejected).toMatchObject([[{ line: 2, column: 7 }]])
  expect(watch.reload()).toBe(false)
  expect(rejected).toHaveLength(1)
  rmSync(path)
  expect(watch.reload()).toBe(false)
  expect(rejected).toHaveLength(2)
  expect(watch.current()).toBe(before)
  writeFileSync(path, 'version: 1\nmode: observe')
  expect(watch.reload()).toBe(true)
  expect(watch.current().mode).toBe('observe')
})

test('says nothing when only the spelling changed', () => {
  const watch = start()
  writeFileSync(path, '# a comment\nversion: 1\nmode: enforce')
  expect(watch.reload()).toBe(false)
  expect(changed).toEqual([])
})

test('does nothing after it was closed', () => {
  const watch = start()
  watch.close()
  writeFileSync(path, 'version: 1\nmode: observe')
  expect(watch.reload()).toBe(false)
  expect(changed).toEqual([])
})

test('does not begin with a bad file', () => {
  expect(() => start('version: 3')).toThrow(
    /1 fault\(s\) in .*belay\.yaml:1:10: expected version: 1; found 3/,
  )
})
