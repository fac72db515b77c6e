import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SseParser, writeEvent } from './sse.ts'

function parse(chunks: readonly Buffer[], parser = new SseParser()) {
  return [...chunks.flatMap((chunk) => parser.feed(chunk)), ...parser.end()]
}

function parseText(text: string) {
  return parse([Buffer.from(text)])
}

describe('SseParser', () => {
  it('reads data, and the name where there is one', () => {
    expect(parseText('data: {"a":1}\n\nevent: error\ndata: {"b":2}\n\ndata: [DONE]\n\n')).toEqual([
      { event: null, data: '{"a":1}' },
      { event: 'error', data: '{"b":2}' },
      { event: null, data: '[DONE]' },
    ])
  })

  it('joins several data lines, takes away one space only, and knows all line ends', () => {
    expect(parseText('data:one\r\ndata:  two\r\rdata: three\n\n')).toEqual([
      { event: null, data: 'one\n two' },
      { event: null, data: 'three' },
    ])
  })

  it('drops comments, other fields, a byte order mark and events without data', () => {
    expect(
      parseText('\u{feff}: keep-alive\n\nid: 7\nretry: 10\ndata: x\n\nevent: ping\n\ndata:\n\n'),
    ).toEqual([{ event: null, data: 'x' }])
  })

  it('does not carry the name of an event without data to the next', () => {
    expect(parseText('event: error\n\ndata: x\n\n')).toEqual([{ event: null, data: 'x' }])
  })

  it('answers an event as soon as its empty line is there, and the open one at the end', () => {
    const parser = new SseParser()
    expect(parser.feed(Buffer.from('data: a\n'))).toEqual([])
    expect(parser.feed(Buffer.from('\ndata: b'))).toEqual([{ event: null, data: 'a' }])
    expect(parser.end()).toEqual([{ event: null, data: 'b' }])
  })

  it('makes replacement characters of bytes that are no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('data: '), Buffer.of(0xff), Buffer.from('\n\n')])
    expect(parse([bytes])).toEqual([{ event: null, data: '\u{fffd}' }])
  })

  it.each([
    ['one line', (index: number) => (index === 0 ? 'data: ' : 'xxxxxxxxxx')],
    ['many lines', () => 'data: x\n'],
    ['comments', () => ': comment\n'],
  ])('stops at an event that is too long: %s', (_name, piece) => {
    const parser = new SseParser(1_000)
    expect(() => {
      for (let index = 0; index < 1_000; index++) parser.feed(Buffer.from(piece(index)))
    }).toThrow(RangeError)
  })

  it('takes any number of events that are not too long', () => {
    const parser = new SseParser(100)
    const event = Buffer.from(`data: ${'x'.repeat(80)}\n\n`)
    for (let index = 0; index < 1_000; index++) expect(parser.feed(event)).toHaveLength(1)
  })

  it('reads the same however the bytes are cut', () => {
    const line = fc.constantFrom(
      'data: ä€😀',
      'data:x',
      'event: n',
      ': c',
      'id: 1',
      '',
      '',
      'data',
      'other: y',
    )
    const end = fc.constantFrom('\n', '\r\n', '\r')
    const stream = fc.array(fc.tuple(line, end).map(([text, lineEnd]) => text + lineEnd))
    fc.assert(
      fc.property(stream, fc.array(fc.nat(30)), (lines, cuts) => {
        const bytes = Buffer.from(lines.join(''))
        const chunks: Buffer[] = []
        let at = 0
        for (const cut of cuts) chunks.push(bytes.subarray(at, (at += cut)))
        chunks.push(bytes.subarray(at))
        expect(parse(chunks)).toEqual(parse([bytes]))
      }),
    )
  })
})

describe('writeEvent', () => {
  it.each(['data: {"a":1}\n\n', 'event: response.completed\ndata: {"type":"response.completed"}\n\n'])(
    'writes what a provider wrote: %j',
    (text) => {
      expect(parseText(text).map(writeEvent).join('')).toBe(text)
    },
  )

  it('never lets data begin another field or event', () => {
    const event = { event: null, data: 'one\n\nevent: x\rdata: y\r\nz' }
    expect(parseText(writeEvent(event))).toEqual([{ event: null, data: 'one\n\nevent: x\ndata: y\nz' }])
  })
})
