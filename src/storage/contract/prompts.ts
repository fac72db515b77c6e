import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PromptChange, PromptVersion } from '../prompts.ts'
import type { CommitResult, Store } from '../store.ts'
import { insertOf, record, sampleAction, type StoreUnderTest } from './samples.ts'

export function promptsContract(open: () => Promise<StoreUnderTest>): void {
  describe('prompts', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    const put = (prompt: PromptChange): Promise<CommitResult> =>
      store.commit({ prompt, records: [record('prompt', null)] })

    test('versions and labels are kept as they were given', async () => {
      const first = version(1)
      const second = version(2, {
        content: { kind: 'chat', messages: [{ role: 'system', content: 'Grüße "{{name}}"' }] },
        config: { model: 'm', params: { temperature: 0.2 } },
        note: 'why',
        createdAt: 20,
      })
      expect(await put({ version: first })).toMatchObject({ status: 'committed', records: [{}] })
      expect(await put({ version: second, labels: [label(2, null)] })).toMatchObject({ status: 'committed' })
      expect(await put({ version: version(1, { name: 'other' }) })).toMatchObject({ status: 'committed' })
      const check = async (): Promise<void> => {
        expect(await store.prompts.versions('greeting')).toEqual([second, first])
        expect(await store.prompts.version('greeting', 1)).toEqual(first)
        expect(await store.prompts.version('greeting', 3)).toBeUndefined()
        expect(await store.prompts.latest('greeting')).toEqual(second)
        expect(await store.prompts.latest('nobody')).toBeUndefined()
        expect(await store.prompts.versions('nobody')).toEqual([])
        expect(await store.prompts.labels()).toEqual([label(2, null).value])
        expect(await store.prompts.labels('other')).toEqual([])
        expect(await store.prompts.list()).toEqual([
          { name: 'greeting', version: 2, createdAt: 10, updatedAt: 20 },
          { name: 'other', version: 1, createdAt: 10, updatedAt: 10 },
        ])
      }
      await check()
      store = await under.reopen()
      await check()
    })

    test('a version is made once and a label moves from where it was; a conflict leaves nothing behind', async () => {
      await put({ version: version(1), labels: [label(1, null)] })
      const before = await store.chains()
      const refused = { status: 'conflict', on: 'prompt' }
      expect(await put({ version: version(1, { note: 'another' }) })).toEqual(refused)
      expect(await put({ labels: [label(2, null)] })).toEqual(refused)
      expect(await put({ labels: [label(2, 7)] })).toEqual(refused)
      expect(await put({ version: version(2), labels: [label(2, 7)] })).toEqual(refused)
      expect(await store.chains()).toEqual(before)
      expect(await store.prompts.versions('greeting')).toEqual([version(1)])
      expect(await put({ version: version(2), labels: [label(2, 1)] })).toMatchObject({ status: 'committed' })
      expect(await store.prompts.labels('greeting')).toEqual([label(2, 1).value])
    })

    test('of rivals at the same moment one makes the version, beside others who write', async () => {
      const rivals = Array.from({ length: 20 }, (_, n) =>
        put({ version: version(1, { createdBy: `rival-${n}` }) }),
      )
      const [action, ...results] = await Promise.all([store.commit(insertOf(sampleAction('a-1'))), ...rivals])
      expect(action).toMatchObject({ status: 'committed' })
      const won = results.findIndex(({ status }) => status === 'committed')
      expect(results.filter(({ status }) => status === 'committed')).toHaveLength(1)
      expect((await store.prompts.latest('greeting'))?.createdBy).toBe(`rival-${won}`)
    })
  })
}

function version(number: number, changes: Partial<PromptVersion> = {}): PromptVersion {
  return {
    name: 'greeting',
    version: number,
    digest: `sha256:0${number}`,
    content: { kind: 'text', text: 'Hello {{name}}' },
    config: {},
    note: null,
    createdAt: 10,
    createdBy: 'admin',
    ...changes,
  }
}

function label(to: number, replaces: number | null): NonNullable<PromptChange['labels']>[number] {
  return {
    value: { name: 'greeting', label: 'production', version: to, movedAt: 5, movedBy: 'admin' },
    replaces,
  }
}
