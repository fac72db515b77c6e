import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ScoreRow } from '../scores.ts'
import type { Store } from '../store.ts'
import { insertOf, sampleAction, type StoreUnderTest } from './samples.ts'

export function scoresContract(open: () => Promise<StoreUnderTest>): void {
  describe('scores', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    test('are kept whole, also after opening again, and listed newest first', async () => {
      const unscored = score('qs_2', {
        verdict: 'unscored',
        score: null,
        label: null,
        error: 'quality:late',
        judgeAction: null,
        cached: true,
        timing: 'after',
        agent: 'other',
      })
      const rows = [score('qs_1'), unscored, score('qs_3', { action: 'act_2', rubric: 'risk' })]
      await store.scores.keep(rows, [])
      store = await under.reopen()
      expect(await store.scores.list({ limit: 10 })).toEqual(rows.toReversed())
      const ids = async (filter: object): Promise<string[]> =>
        (await store.scores.list({ limit: 10, ...filter })).map(({ id }) => id)
      expect(await ids({ before: 'qs_3', limit: 1 })).toEqual(['qs_2'])
      expect(await ids({ action: 'act_2' })).toEqual(['qs_3'])
      expect(await ids({ agent: 'other' })).toEqual(['qs_2'])
      expect(await ids({ rubric: 'voice' })).toEqual(['qs_2', 'qs_1'])
      expect(await ids({ verdict: 'accepted' })).toEqual(['qs_3', 'qs_1'])
    })

    test('kept again change nothing, and the first that a person said stands', async () => {
      await store.scores.keep([score('qs_1')], [{ action: 'act_1', outcome: 'reject', before: 100 }])
      await store.scores.keep(
        [score('qs_1', { score: 1 })],
        [{ action: 'act_1', outcome: 'approve', before: 100 }],
      )
      await store.scores.keep([], [])
      expect(await store.scores.list({ limit: 10 })).toEqual([score('qs_1', { person: 'reject' })])
    })

    test('what a person said of one action says nothing of another, nor of what is scored later', async () => {
      await store.scores.keep(
        [score('qs_1'), score('qs_2', { action: 'act_2' })],
        [{ action: 'act_1', outcome: 'edit', before: 100 }],
      )
      await store.scores.keep(
        [score('qs_3', { at: 99 }), score('qs_4', { at: 100 })],
        [{ action: 'act_1', outcome: 'approve', before: 100 }],
      )
      const people = (await store.scores.list({ limit: 10 })).map(({ person }) => person)
      expect(people).toEqual([null, 'approve', null, 'edit'])
    })

    test('of the same content is known: the newest, by the same judge and rubric, that was asked for', async () => {
      await store.scores.keep(
        [
          score('qs_1', { at: 10, score: 40 }),
          score('qs_2', { at: 20, score: 50 }),
          score('qs_3', { at: 30, score: 60, cached: true }),
          score('qs_4', { at: 30, verdict: 'unscored', score: null }),
          score('qs_5', { at: 30, score: 70, judgeDigest: 'sha256:other' }),
          score('qs_6', { at: 30, score: 80, rubricDigest: 'sha256:other' }),
          score('qs_7', { at: 30, score: 90, content: 'sha256:other' }),
        ],
        [],
      )
      const same = { rubricDigest: 'sha256:r', judgeDigest: 'sha256:j', content: 'sha256:c' }
      expect((await store.scores.known(same, 5))?.score).toBe(50)
      expect((await store.scores.known(same, 20))?.score).toBe(50)
      expect(await store.scores.known(same, 21)).toBeUndefined()
    })

    test('are counted beside what people said', async () => {
      const rows = [
        score('qs_1', { action: 'act_1' }),
        score('qs_2', { action: 'act_2' }),
        score('qs_3', { action: 'act_3', verdict: 'rejected', score: 3 }),
        score('qs_4', { action: 'act_4', verdict: 'unscored', score: null }),
        score('qs_5', { action: 'act_5', at: 1 }),
        score('qs_6', { action: 'act_6' }),
        score('qs_7', { action: 'act_7', rubric: 'risk' }),
      ]
      await store.scores.keep(rows, [
        { action: 'act_1', outcome: 'approve', before: 100 },
        { action: 'act_2', outcome: 'approve', before: 100 },
        { action: 'act_3', outcome: 'reject', before: 100 },
        { action: 'act_4', outcome: 'reject', before: 100 },
        { action: 'act_5', outcome: 'reject', before: 100 },
        { action: 'act_6', outcome: 'edit', before: 100 },
        { action: 'act_7', outcome: 'reject', before: 100 },
      ])
      const by = { rubricDigest: 'sha256:r', judge: 'openai/judge-1' }
      expect(await store.scores.agreement(5)).toEqual([
        { ...by, rubric: 'risk', verdict: 'accepted', person: 'reject', count: 1 },
        { ...by, rubric: 'voice', verdict: 'accepted', person: 'approve', count: 2 },
        { ...by, rubric: 'voice', verdict: 'rejected', person: 'reject', count: 1 },
      ])
    })

    test('go with their action when it is purged', async () => {
      const result = await store.commit(insertOf(sampleAction('act_1')))
      if (result.status !== 'committed') throw new Error('not committed')
      await store.scores.keep([score('qs_1'), score('qs_2', { action: 'act_2' })], [])
      const [{ chain, seq }] = result.records as [(typeof result.records)[0]]
      await store.purge([{ chain, seq, text: '{}' }], ['act_1'])
      expect((await store.scores.list({ limit: 10 })).map(({ id }) => id)).toEqual(['qs_2'])
    })
  })
}

function score(id: string, more: Partial<ScoreRow> = {}): ScoreRow {
  return {
    id,
    action: 'act_1',
    agent: 'clerk',
    name: 'social.post',
    at: 10,
    timing: 'before',
    rubric: 'voice',
    rubricDigest: 'sha256:r',
    judge: 'openai/judge-1',
    judgeDigest: 'sha256:j',
    content: 'sha256:c',
    verdict: 'accepted',
    score: 87,
    threshold: 10,
    label: 'on_brand',
    error: null,
    cached: false,
    judgeAction: 'act_9',
    person: null,
    ...more,
  }
}
