import { expect, test } from 'vitest'
import type { Span } from './queries.ts'
import { treeOf, visibleOf } from './span-tree.ts'

const span = (id: string, parent: string | null, more: Partial<Span> = {}): Span => ({
  id,
  parent,
  kind: parent === null ? 'session' : 'tool',
  name: id,
  agent: 'writer',
  state: parent === null ? null : 'succeeded',
  decision: null,
  started_at: '2026-01-01T00:00:00.000Z',
  ended_at: '2026-01-01T00:00:01.000Z',
  cost_usd: 0,
  tokens: { input: 0, output: 0 },
  ...more,
})
const names = (spans: readonly Span[]) => treeOf(spans).nodes.map((node) => `${node.depth}${node.span.id}`)

test('descendants follow their node, siblings in the order in which they came', () => {
  expect(names([span('s', null), span('a', 's'), span('b', 's'), span('a1', 'a'), span('a2', 'a')])).toEqual([
    '0s',
    '1a',
    '2a1',
    '2a2',
    '1b',
  ])
})

test('a span whose parent is not there stands under the session; a circle is not followed', () => {
  expect(names([span('s', null), span('a', 'gone'), span('b', 'c'), span('c', 'b')])).toEqual(['0s', '1a'])
  expect(names([])).toEqual([])
})

test('a chain of ten thousand calls is a tree too', () => {
  const spans = Array.from({ length: 10_000 }, (_, n) => span(`${n}`, n === 0 ? null : `${n - 1}`))
  const { nodes } = treeOf(spans)
  expect(nodes.at(-1)?.depth).toBe(9_999)
  expect(nodes[0]?.end).toBe(10_000)
})

test('what is folded hides its descendants and nothing else', () => {
  const { nodes } = treeOf([span('s', null), span('a', 's'), span('a1', 'a'), span('b', 's')])
  const shown = (...folded: string[]) => visibleOf(nodes, new Set(folded)).map((at) => nodes[at]!.span.id)
  expect(shown()).toEqual(['s', 'a', 'a1', 'b'])
  expect(shown('a')).toEqual(['s', 'a', 'b'])
  expect(shown('b')).toEqual(['s', 'a', 'a1', 'b'])
  expect(shown('s', 'a')).toEqual(['s'])
})

test('problems come worst first: failed, denied, waiting', () => {
  const { nodes, problems } = treeOf([
    span('s', null),
    span('held', 's', { state: 'held' }),
    span('held/approval', 'held', { kind: 'approval', state: 'held' }),
    span('denied', 's', { state: 'denied' }),
    span('failed', 's', { state: 'failed' }),
    span('fine', 's'),
    span('unknown', 's', { state: 'unknown' }),
  ])
  expect(problems.map((at) => nodes[at]!.span.id)).toEqual(['failed', 'unknown', 'denied', 'held'])
})

test('the times are those of everything in it; what runs has no end', () => {
  const { startedAt, endedAt, nodes } = treeOf([
    span('s', null),
    span('a', 's', { started_at: '2026-01-01T00:00:05.000Z', ended_at: null }),
  ])
  expect(endedAt - startedAt).toBe(5_000)
  expect(nodes[1]?.endedAt).toBeNull()
})
