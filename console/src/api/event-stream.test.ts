import { describe, expect, it } from 'vitest'
import { EventStreamReader } from './event-stream.ts'

const TEXT = [
  'retry: 1000\n\n',
  'id: a:1\nevent: decision\ndata: {"seq":1,"kind":"decision"}\n\n',
  ': still here\nid: a:2\n\n',
  'id: a:3\nevent: vote\ndata: not json\n\n',
  'id: a:4\nevent: agent\ndata: {"seq":4,"kind":"agent"}\n\n',
].join('')

const EVENTS = [
  ['a:1', 1],
  ['a:2', undefined],
  ['a:3', undefined],
  ['a:4', 4],
]

describe('reading the event stream', () => {
  it.each([1, 2, 3, 7, 64, TEXT.length])('gives the same events in pieces of %i characters', (size) => {
    const reader = new EventStreamReader()
    const seen = Array.from({ length: Math.ceil(TEXT.length / size) }, (_, index) =>
      reader.read(TEXT.slice(index * size, (index + 1) * size)),
    ).flat()
    expect(seen.map(({ id, record }) => [id, record?.seq])).toEqual(EVENTS)
  })

  it('gives nothing of an event that has not ended', () => {
    expect(new EventStreamReader().read('id: a:1\ndata: {"seq":1}\n')).toEqual([])
  })
})
