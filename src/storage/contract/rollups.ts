import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  COUNTS,
  LATENCY_BUCKETS,
  type HourlySum,
  type RollupStep,
  type SessionPart,
  type Span,
} from '../rollups.ts'
import type { Store } from '../store.ts'
import type { StoreUnderTest } from './samples.ts'

const HOUR = 3_600_000

export function rollupsContract(open: () => Promise<StoreUnderTest>): void {
  describe('rollups', () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(() => under.close())

    const apply = (step: Partial<RollupStep>): Promise<boolean> =>
      store.rollups.apply({ chain: 'main', from: 0, to: 1, spans: [], sums: [], sessions: [], ...step })

    test('a step is written whole with its position, and only from the position before', async () => {
      const span = spanOf('a-1')
      expect(await store.rollups.position('main')).toBe(0)
      expect(await apply({ to: 5, spans: [{ value: span, replaces: null }], sums: [sumOf(0)] })).toBe(true)
      expect(await store.rollups.position('main')).toBe(5)
      expect(await store.rollups.position('another')).toBe(0)
      for (const from of [0, 4, 6]) {
        const late = { from, to: 9, spans: [{ value: spanOf('a-2'), replaces: null }] }
        expect(await apply(late)).toBe(false)
      }
      expect(await store.rollups.spans(['a-1', 'a-2'])).toEqual([span])
      expect(await store.rollups.position('main')).toBe(5)
    })

    test('a span that has moved meanwhile takes the whole step back', async () => {
      await apply({ to: 1, spans: [{ value: spanOf('a-1'), replaces: null }] })
      const moved = spanOf('a-1', {
        version: 2,
        state: 'succeeded',
        outcome: 'succeeded',
        endedAt: 9,
        cost: 12,
        approval: { startedAt: 3, endedAt: 4, state: 'approved', name: 'finance' },
      })
      for (const replaces of [null, 2]) {
        const step = { from: 1, to: 2, spans: [{ value: moved, replaces }], sums: [sumOf(0)] }
        expect(await apply(step)).toBe(false)
      }
      expect(await store.rollups.sums('main', [{ hour: 0, key: 'k' }])).toEqual([])
      expect(await apply({ from: 1, to: 2, spans: [{ value: moved, replaces: 1 }] })).toBe(true)
      expect(await store.rollups.spans(['a-1'])).toEqual([moved])
    })

    test('sums are as they were written last, and add up over chains, hours and groups', async () => {
      const latency = Array.from({ length: LATENCY_BUCKETS }, (_, n) => Number(n === 7))
      await apply({ to: 1, sums: [sumOf(0, { actions: 1 })] })
      await apply({ from: 1, to: 2, sums: [sumOf(0, { actions: 3, cost: 10, timed: 1, latency })] })
      await apply({ chain: 'b', sums: [sumOf(0, { actions: 4, cost: 5, timed: 1, latency })] })
      await apply({ chain: 'c', sums: [sumOf(HOUR, { actions: 7 }), sumOf(2 * HOUR, { actions: 99 })] })
      expect(await store.rollups.sums('main', [{ hour: 0, key: 'k' }])).toMatchObject([
        { hour: 0, actions: 3, cost: 10, latency },
      ])
      const query = { from: 0, to: 2 * HOUR, limit: 10 }
      const [all] = await store.rollups.stats({ ...query, by: [] })
      expect(all).toMatchObject({ keys: [], actions: 14, cost: 15, timed: 2 })
      expect(all?.latency[7]).toBe(2)
      expect(all?.decisions).toEqual({ allow: 14, transform: 0, require_approval: 0, deny: 0 })
      const series = await store.rollups.stats({ ...query, by: ['hour', 'agent'] })
      expect(series.map(({ keys, actions }) => [keys, actions])).toEqual([
        [[0, 'clerk'], 7],
        [[HOUR, 'clerk'], 7],
      ])
      expect(await store.rollups.stats({ ...query, by: ['agent'], agent: 'nobody' })).toEqual([])
      expect(await store.rollups.stats({ ...query, by: [], agent: "' or 1=1 --" })).toEqual([])
    })

    test('groups by prompt, model, release, decision and reason, the busiest first', async () => {
      const denied = {
        ...sumOf(0, { actions: 2 }),
        key: 'd',
        dimensions: {
          ...sumOf(0).dimensions,
          decision: 'deny' as const,
          reason: 'pii:email',
          model: 'm-1',
          promptName: 'greeting',
          promptVersion: '3',
          promptDigest: 'sha256:1',
          release: 'r2',
        },
      }
      await apply({ sums: [sumOf(0, { actions: 5 }), denied] })
      const query = { from: 0, to: HOUR, limit: 10 }
      const by = async (name: 'prompt' | 'model' | 'release' | 'decision' | 'reason') =>
        (await store.rollups.stats({ ...query, by: [name] })).map(({ keys, actions }) => [keys[0], actions])
      expect(await by('prompt')).toEqual([
        [null, 5],
        ['greeting@3', 2],
      ])
      expect(await by('model')).toEqual([
        [null, 5],
        ['m-1', 2],
      ])
      expect(await by('release')).toContainEqual(['r2', 2])
      expect(await by('decision')).toEqual([
        ['allow', 5],
        ['deny', 2],
      ])
      expect(await by('reason')).toContainEqual(['pii:email', 2])
      for (const filter of [
        { model: 'm-1' },
        { prompt: 'greeting' },
        { promptVersion: '3' },
        { release: 'r2' },
        { decision: 'deny' },
        { reason: 'pii:email' },
      ]) {
        const [found] = await store.rollups.stats({ ...query, by: [], ...filter })
        expect(found?.actions).toBe(2)
      }
      expect(await store.rollups.stats({ ...query, by: ['model'], limit: 1 })).toHaveLength(1)
    })

    test('sums of a tag stand beside those of all actions, and are grouped and filtered by its values', async () => {
      const tagged = (name: string, value: string, changes: Partial<HourlySum> = {}): HourlySum =>
        sumOf(0, { key: `${name}=${value}`, tag: { name, value }, ...changes })
      await apply({
        spans: [{ value: spanOf('a-1', { tags: { campaign: 'spring' } }), replaces: null }],
        sums: [
          sumOf(0, { actions: 9, cost: 90 }),
          tagged('campaign', 'spring', { actions: 5, cost: 50 }),
          tagged('campaign', "' or 1=1 --", { actions: 2, cost: 20 }),
          tagged('customer', 'acme', { actions: 4, cost: 40 }),
        ],
      })
      await apply({ chain: 'b', sums: [tagged('campaign', 'spring', { actions: 1, cost: 5 })] })
      const query = { from: 0, to: HOUR, limit: 10 }
      expect((await store.rollups.spans(['a-1']))[0]?.tags).toEqual({ campaign: 'spring' })
      expect(await store.rollups.stats({ ...query, by: ['agent'] })).toMatchObject([{ actions: 9, cost: 90 }])
      const found = await store.rollups.stats({ ...query, by: ['tag:campaign', 'agent'] })
      expect(found.map(({ keys, cost }) => [keys, cost])).toEqual([
        [['spring', 'clerk'], 55],
        [["' or 1=1 --", 'clerk'], 20],
      ])
      expect(await store.rollups.stats({ ...query, by: ['tag:shoe'] })).toEqual([])
      const tag = { name: 'customer', value: 'acme' }
      expect(await store.rollups.stats({ ...query, by: ['agent'], tag })).toMatchObject([{ cost: 40 }])
      expect(await store.rollups.sums('main', [{ hour: 0, key: 'customer=acme' }])).toMatchObject([{ tag }])
      expect(await store.rollups.costs({ from: 0, to: HOUR })).toEqual([
        { hour: 0, agent: 'clerk', cost: 90 },
      ])
      expect(await store.rollups.costs({ from: 0, to: HOUR, agent: 'nobody' })).toEqual([])
      expect(await store.rollups.tagNames({ from: 0, to: HOUR }, 10)).toEqual(['campaign', 'customer'])
      expect(await store.rollups.tagNames({ from: 0, to: HOUR }, 1)).toEqual(['campaign'])
      expect(await store.rollups.tagNames({ from: HOUR, to: 2 * HOUR }, 10)).toEqual([])
      expect(await store.rollups.tagNames({ from: 0, to: HOUR, agent: 'nobody' }, 10)).toEqual([])
      const names = (await store.rollups.tagsIn('main', 0, 10)).map(({ name, value }) => `${name}=${value}`)
      expect(names.toSorted()).toEqual(["campaign=' or 1=1 --", 'campaign=spring', 'customer=acme'])
      expect(await store.rollups.tagsIn('main', 0, 1)).toHaveLength(1)
      expect(await store.rollups.tagsIn('main', HOUR, 10)).toEqual([])
    })

    test('sessions by their last sign of life, each once, whoever knows of it', async () => {
      await apply({ sessions: [partOf('s-1', 10, { cost: 7 }), partOf('s-2', 20), partOf('s-3', 30)] })
      await apply({
        chain: 'b',
        sessions: [partOf('s-1', 40, { startedAt: 2, cost: 5, models: ['m-2'] }), partOf('s-2', 15)],
      })
      const found = await store.rollups.sessions({ limit: 10 })
      expect(found.map(({ session, seenAt }) => [session, seenAt])).toEqual([
        ['s-1', 40],
        ['s-3', 30],
        ['s-2', 20],
      ])
      expect(found[0]).toMatchObject({ startedAt: 2, actions: 2, cost: 12, models: ['m-2', 'm-1'] })
      const page = await store.rollups.sessions({ limit: 2 })
      const last = page.at(-1) as SessionPart
      expect(
        (await store.rollups.sessions({ limit: 2, before: last })).map(({ session }) => session),
      ).toEqual(['s-2'])
      const names = async (filter: object): Promise<string[]> =>
        (await store.rollups.sessions({ limit: 10, ...filter })).map(({ session }) => session)
      expect(await names({ from: 20, to: 40 })).toEqual(['s-3', 's-2'])
      expect(await names({ model: 'm-2' })).toEqual(['s-1'])
      expect(await names({ model: 'm' })).toEqual([])
      expect(await names({ prompt: 'greeting' })).toEqual(['s-1', 's-3', 's-2'])
      expect(await names({ prompt: 'greeting@2' })).toEqual(['s-1', 's-3', 's-2'])
      expect(await names({ prompt: 'greet' })).toEqual([])
      expect(await names({ minCost: 12 })).toEqual(['s-1'])
      expect(await names({ agent: 'nobody' })).toEqual([])
      expect(await names({ reason: '%' })).toEqual([])
      expect(await store.rollups.session({ agent: 'clerk', session: 's-1' })).toEqual(found[0])
      expect(await store.rollups.session({ agent: 'another', session: 's-1' })).toBeUndefined()
    })

    test('the spans of one session, in pages', async () => {
      const spans = ['a-1', 'a-2', 'a-3'].map((id) => spanOf(id))
      const others = [spanOf('b-1', { agent: 'writer' }), spanOf('b-2', { session: null })]
      await apply({ spans: [...spans, ...others].map((value) => ({ value, replaces: null })) })
      const key = { agent: 'clerk', session: 's-1' }
      expect(await store.rollups.spansOf(key, null, 10)).toEqual(spans)
      expect((await store.rollups.spansOf(key, 'a-1', 1)).map(({ id }) => id)).toEqual(['a-2'])
    })
  })
}

function spanOf(id: string, changes: Partial<Span> = {}): Span {
  return {
    id,
    version: 1,
    ...sumOf(0).dimensions,
    session: 's-1',
    parent: null,
    trace: null,
    state: 'executing',
    proposedAt: 1,
    startedAt: 2,
    endedAt: null,
    outcome: null,
    cost: 0,
    inputTokens: 0,
    outputTokens: 0,
    responded: null,
    fingerprint: null,
    approval: null,
    undo: null,
    tags: null,
    ...changes,
  }
}

function sumOf(hour: number, changes: Partial<HourlySum> = {}): HourlySum {
  const counts = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Record<
    (typeof COUNTS)[number],
    number
  >
  return {
    hour,
    key: 'k',
    dimensions: {
      agent: 'clerk',
      action: 'social.comment',
      model: null,
      promptName: null,
      promptVersion: null,
      promptDigest: null,
      release: null,
      decision: 'allow',
      effective: 'allow',
      reason: null,
    },
    tag: null,
    ...counts,
    latency: [],
    ...changes,
  }
}

function partOf(session: string, seenAt: number, changes: Partial<SessionPart> = {}): SessionPart {
  return {
    agent: 'clerk',
    session,
    startedAt: 5,
    seenAt,
    actions: 1,
    modelCalls: 0,
    denied: 0,
    held: 0,
    failed: 0,
    cost: 0,
    inputTokens: 0,
    outputTokens: 0,
    models: ['m-1'],
    prompts: ['greeting@2'],
    releases: [],
    decisions: ['allow'],
    reasons: [],
    ...changes,
  }
}
