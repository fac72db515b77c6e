import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PolicyFault } from '../../policy/policy.ts'
import { openHarness, type Harness } from '../harness.ts'

let folder: string
let harness: Harness
let versions: string[]
let faults: (readonly PolicyFault[])[]
let heard: () => void
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-prompts-'))
  mkdirSync(join(folder, 'prompts'))
  versions = []
  faults = []
  heard = () => undefined
})
afterEach(async () => {
  await harness.close()
  rmSync(folder, { recursive: true, force: true })
})

const write = (name: string, text: string): void => writeFileSync(join(folder, 'prompts', name), text)

async function open(policy = 'prompts: prompts\n'): Promise<void> {
  writeFileSync(join(folder, 'belay.yaml'), `version: 1\n${policy}`)
  harness = await openHarness({
    config: join(folder, 'belay.yaml'),
    data: join(folder, 'data'),
    onPromptVersion: (ref) => {
      versions.push(ref)
      heard()
    },
    onPromptFaults: (found) => {
      faults.push(found)
      heard()
    },
    onFault: (error) => {
      throw error
    },
  })
}

async function after(change: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  heard = resolve
  change()
  await promise
}

test('files become versions at the start; what is unchanged stays the version that it is', async () => {
  write('greet.md', '---\nlabels: [production]\nconfig: { model: small }\n---\nHello {{name}}\n')
  write('other.yaml', 'text: Other\n')
  await open()
  expect(versions).toEqual(['greet@1', 'other@1'])
  await harness.close()
  await open()
  expect(versions).toEqual(['greet@1', 'other@1'])
  const version = await harness.prompts.get('greet', { label: 'production' })
  expect(version).toMatchObject({ version: 1, createdBy: 'file:greet.md', config: { model: 'small' } })
})

test('a changed file is a new version while it runs; a bad one changes nothing and says so', async () => {
  write('greet.md', '---\nlabels: [production]\n---\nHello\n')
  await open()
  await harness.prompts.move('greet', 'canary', 1, 'ann')
  await after(() => write('greet.md', '---\nlabels: [production]\n---\nHi\n'))
  expect(versions).toEqual(['greet@1', 'greet@2'])
  expect((await harness.prompts.get('greet', { label: 'canary' })).version).toBe(1)
  expect(await harness.prompts.render('greet', { label: 'production' }, {})).toMatchObject({ text: 'Hi' })
  await after(() => write('greet.md', '---\nlabels: [production\n---\nBad\n'))
  expect(faults.at(-1)).toMatchObject([{ code: 'policy:yaml', line: 3 }])
  expect((await harness.prompts.get('greet')).version).toBe(2)
  await after(() => write('greet.md', 'Good again\n'))
  expect(versions.at(-1) === 'greet@3' || faults.at(-1)?.length === 0).toBe(true)
})

test('what a person moved, a restart does not move back', async () => {
  write('greet.md', '---\nlabels: [production]\n---\nHello\n')
  await open()
  await harness.prompts.push(
    { name: 'greet', content: { kind: 'text', text: 'By hand' }, config: {}, note: null },
    { by: 'ann' },
  )
  await harness.prompts.move('greet', 'production', 2, 'ann')
  write('greet.md', 'By hand\n')
  await harness.close()
  await open()
  expect((await harness.prompts.get('greet', { label: 'production' })).version).toBe(2)
})

test('a folder that is not there is a fault, no reason not to start', async () => {
  rmSync(join(folder, 'prompts'), { recursive: true })
  await open()
  expect(faults).toMatchObject([[{ expected: 'a folder of prompts' }]])
})
