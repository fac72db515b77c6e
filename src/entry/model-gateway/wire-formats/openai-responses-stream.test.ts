import { describe, expect, it } from 'vitest'
import type { JsonObject, JsonValue } from '../../../action/json.ts'
import { eventData } from './event-data.ts'
import { openaiResponses } from './openai-responses.ts'
import { responsesStream } from './openai-responses-stream.ts'
import type { StreamEvent } from './wire-format.ts'

let sequence = 0

function event(type: string, data: JsonObject): StreamEvent {
  return { event: type, data: JSON.stringify({ type, sequence_number: sequence++, ...data }) }
}

const textPart = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })

function message(index: number, text: string): { item: JsonObject; events: StreamEvent[] } {
  const id = `msg_${index}`
  const place = { item_id: id, output_index: index, content_index: 0 }
  const item = { id, type: 'message', role: 'assistant', status: 'completed', content: [textPart(text)] }
  const half = Math.ceil(text.length / 2)
  const events = [
    event('response.output_item.added', {
      output_index: index,
      item: { ...item, status: 'in_progress', content: [] },
    }),
    event('response.content_part.added', { ...place, part: textPart('') }),
    event('response.output_text.delta', { ...place, delta: text.slice(0, half), logprobs: [] }),
    event('response.output_text.delta', { ...place, delta: text.slice(half), logprobs: [{ token: text }] }),
    event('response.output_text.done', { ...place, text, logprobs: [] }),
    event('response.content_part.done', { ...place, part: textPart(text) }),
    event('response.output_item.done', { output_index: index, item }),
  ]
  return { item, events }
}

function call(index: number, name: string, args: string): { item: JsonObject; events: StreamEvent[] } {
  const id = `fc_${index}`
  const place = { item_id: id, output_index: index }
  const item = {
    id,
    type: 'function_call',
    call_id: `call_${index}`,
    name,
    arguments: args,
    status: 'completed',
  }
  const events = [
    event('response.output_item.added', {
      output_index: index,
      item: { ...item, arguments: '', status: 'in_progress' },
    }),
    event('response.function_call_arguments.delta', { ...place, delta: args.slice(0, 3) }),
    event('response.function_call_arguments.delta', { ...place, delta: args.slice(3) }),
    event('response.function_call_arguments.done', { ...place, arguments: args }),
    event('response.output_item.done', { output_index: index, item }),
  ]
  return { item, events }
}

const RESPONSE = { id: 'resp_1', object: 'response', model: 'gpt-5', error: null, incomplete_details: null }
const USAGE = { input_tokens: 5, output_tokens: 7, total_tokens: 12 }

function created(): StreamEvent {
  return event('response.created', { response: { ...RESPONSE, status: 'in_progress', output: [] } })
}

function completed(output: JsonValue[]): StreamEvent {
  return event('response.completed', { response: { ...RESPONSE, status: 'completed', output, usage: USAGE } })
}

const open = () => responsesStream.open(openaiResponses.readRequest({ model: 'm', input: 'hi' }, {}))

function readAll(events: readonly StreamEvent[]) {
  const reader = open()
  const readings = events.map((read) => reader.read(read))
  return { answer: reader.answer(), readings, ended: reader.ended }
}

/** What a gate does that changes every text. */
function edit(events: readonly StreamEvent[], change: (text: string) => string): StreamEvent[] {
  const reader = open()
  const released: string[] = []
  return events.flatMap((read) => {
    const reading = reader.read(read)
    if (reading.text !== null) released[reading.part] = (released[reading.part] ?? '') + change(reading.text)
    if (reading.repeats === true) return responsesStream.finalText?.(read, released) ?? []
    return reading.text === null ? read : (responsesStream.withText(read, change(reading.text)) ?? [])
  })
}

describe('reading', () => {
  it('puts an answer together, each text once', () => {
    const one = message(0, 'Hello')
    const two = message(1, 'World')
    const events = [created(), ...one.events, ...two.events, completed([one.item, two.item])]
    const { answer, readings, ended } = readAll(events)
    expect(readings.flatMap(({ text, part }) => (text === null ? [] : [[text, part]]))).toEqual([
      ['Hel', 0],
      ['lo', 0],
      ['Wor', 1],
      ['ld', 1],
    ])
    expect(answer).toMatchObject({
      id: 'resp_1',
      model: 'gpt-5',
      texts: ['Hello', 'World'],
      finishReasons: ['completed'],
      usage: { input: 5, output: 7 },
    })
    expect(ended).toBe(true)
  })

  it('marks what repeats texts', () => {
    const { item, events } = message(0, 'Hello')
    const all = [...events, completed([item])]
    const repeats = readAll(all).readings.flatMap((reading, index) =>
      reading.repeats === true ? [index] : [],
    )
    expect(repeats).toEqual([4, 5, 6, 7])
  })

  it('reads refusals and reasoning as texts of their own', () => {
    const place = { item_id: 'x', output_index: 0 }
    const { answer } = readAll([
      event('response.reasoning_summary_text.delta', { ...place, summary_index: 0, delta: 'Hm' }),
      event('response.reasoning_text.delta', { ...place, content_index: 0, delta: 'So' }),
      event('response.refusal.delta', { ...place, output_index: 1, content_index: 0, delta: 'No' }),
      event('response.audio.transcript.delta', { delta: 'spoken' }),
    ])
    expect(answer.texts).toEqual(['Hm', 'So', 'No', 'spoken'])
  })

  it('takes a text that no delta told as new', () => {
    const { item } = message(0, 'Hello')
    const { answer, readings } = readAll([event('response.output_item.done', { output_index: 0, item })])
    expect(readings).toEqual([{ text: 'Hello', part: 0, tool: false, unasked: false, repeats: true }])
    expect(answer.texts).toEqual(['Hello'])
  })

  it('puts calls together and marks everything after the first', () => {
    const said = message(0, 'Hello')
    const called = call(1, 'f', '{"x":1}')
    const events = [...said.events, ...called.events, completed([said.item, called.item])]
    const { answer, readings } = readAll(events)
    expect(readings.map(({ tool }) => tool)).toEqual([
      ...said.events.map(() => false),
      ...called.events.map(() => true),
      true,
    ])
    expect(answer.toolCalls).toEqual([{ id: 'call_1', name: 'f', arguments: '{"x":1}' }])
  })

  it('sees a call that only the last event has', () => {
    const { answer, readings } = readAll([completed([call(0, 'f', '{}').item])])
    expect(readings[0]?.tool).toBe(true)
    expect(answer.toolCalls).toHaveLength(1)
  })

  it('ends with a failure or an error of the provider', () => {
    const failed = event('response.failed', {
      response: { ...RESPONSE, status: 'failed', output: [], usage: USAGE },
    })
    expect(readAll([failed])).toMatchObject({
      ended: true,
      answer: { finishReasons: ['failed'], usage: { input: 5 } },
    })
    const error = event('error', { code: 'server_error', message: 'x', param: null })
    expect(readAll([error])).toMatchObject({ ended: true, answer: { finishReasons: ['error'] } })
    expect(readAll([created()]).ended).toBe(false)
  })

  it('throws when events contradict each other about a call', () => {
    const { events, item } = call(0, 'f', '{"x":1}')
    const done = (change: JsonObject) =>
      event('response.output_item.done', { output_index: 0, item: { ...item, ...change } })
    expect(() => readAll([...events, done({ name: 'g' })])).toThrow('malformed')
    expect(() => readAll([...events, done({ arguments: '{"x":2}' })])).toThrow('malformed')
    expect(() => readAll([...events, done({ arguments: '{ "x": 1 }' })])).not.toThrow()
  })

  it.each([
    ['response.output_text.delta', { output_index: 0, content_index: 0, delta: 5 }],
    ['response.output_text.delta', { output_index: 'x', content_index: 0, delta: 'x' }],
    ['response.output_item.done', { output_index: 0, item: 5 }],
    ['response.output_item.done', { output_index: 0, item: { type: 'message', content: {} } }],
    ['response.completed', { response: 5 }],
    ['response.completed', { response: { output: 5 } }],
    ['response.function_call_arguments.delta', { output_index: 0, delta: '{}' }],
    ['response.function_call_arguments.done', { output_index: 0, arguments: '{}' }],
  ])('throws for a malformed %s: %j', (type, data) => {
    expect(() => readAll([event(type, data)])).toThrow('malformed')
  })
})

describe('edits', () => {
  it('reach every event that repeats the text', () => {
    const { item, events } = message(0, 'secret words')
    const all = [created(), ...events, completed([{ ...item, output_text: 'x' }])]
    const edited = edit(all, () => '#')
    expect(readAll(edited).answer.texts).toEqual(['##'])
    expect(edited.map(({ data }) => data).join('')).not.toMatch(/secret|words/)
    expect((eventData(edited.at(-1) as StreamEvent)['response'] as JsonObject)['usage']).toEqual(USAGE)
  })

  it('change nothing when the text is the same', () => {
    const { item, events } = message(0, 'fine')
    const all = [created(), ...events, completed([item])]
    const same = edit(all, (text) => text)
    expect(same.filter((now) => eventData(now)['type'] !== 'response.output_text.delta')).toEqual(
      all.filter((was) => eventData(was)['type'] !== 'response.output_text.delta'),
    )
  })

  it('replace a final text that the deltas never told', () => {
    const { events } = message(0, 'fine')
    const other = message(0, 'evil').item
    const edited = edit([...events, completed([other])], (text) => text)
    expect(edited.at(-1)?.data).not.toContain('evil')
    expect(edited.at(-1)?.data).toContain('fine')
  })

  it('leave out a delta without a text', () => {
    const { events } = message(0, 'ab')
    expect(edit(events, () => '').filter(({ event: name }) => name === 'response.output_text.delta')).toEqual(
      [],
    )
  })
})

describe('refuse', () => {
  function numbers(events: readonly StreamEvent[]): number[] {
    return events.map((one) => eventData(one)['sequence_number'] as number)
  }

  it('puts a message in the place of the refused call', () => {
    const one = call(1, 'f', '{"x":1}')
    const two = call(2, 'g', '{"y":2}')
    const held = [...one.events, ...two.events, completed([message(0, 'Hi').item, one.item, two.item])]
    const events = responsesStream.refuse(held, new Map([[0, 'f is not allowed.']]))
    const { answer } = readAll([...message(0, 'Hi').events, ...events])
    expect(answer).toMatchObject({
      texts: ['Hi', 'f is not allowed.'],
      toolCalls: [{ id: 'call_2', name: 'g', arguments: '{"y":2}' }],
      finishReasons: ['completed'],
    })
    const order = numbers(events)
    expect(order[0]).toBe(numbers(held)[0])
    expect(order).toEqual(order.map((_, index) => (order[0] as number) + index))
    expect(events.map(({ data }) => data).join('')).not.toContain('"fc_1"')
  })

  it('refuses calls whose events are mixed', () => {
    const one = call(0, 'f', '{"x":1}')
    const two = call(1, 'g', '{"y":2}')
    const mixed = one.events.flatMap((first, index) => [first, two.events[index] as StreamEvent])
    const refusals = new Map([
      [0, 'No f.'],
      [1, 'No g.'],
    ])
    const events = responsesStream.refuse([...mixed, completed([one.item, two.item])], refusals)
    expect(readAll(events).answer).toMatchObject({ texts: ['No f.', 'No g.'], toolCalls: [] })
    expect(events.map(({ data }) => data).join('')).not.toContain('function_call')
  })

  it('refuses a call that only the last event has', () => {
    const events = responsesStream.refuse([completed([call(0, 'f', '{}').item])], new Map([[0, 'No.']]))
    expect(readAll(events).answer).toMatchObject({ texts: ['No.'], toolCalls: [] })
  })
})

describe('failure', () => {
  it('goes on with the numbers', () => {
    const [error] = responsesStream.failure('c', 'm', event('x', {}))
    expect(eventData(error as StreamEvent)).toMatchObject({
      type: 'error',
      code: 'c',
      message: 'm',
      sequence_number: sequence,
      error: { code: 'c', message: 'm' },
    })
  })
})
