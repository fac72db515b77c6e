import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { NO_USAGE } from '../model-call.ts'
import { openaiCompletions } from './openai-completions.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { openaiModels } from './openai-models.ts'
import { openaiResponses } from './openai-responses.ts'
import { readUsage } from './openai-usage.ts'

describe('embeddings', () => {
  const read = (input: JsonObject['']) =>
    openaiEmbeddings.readRequest({ model: 'e', input: input ?? null, dimensions: 8 }, {})

  it('reads texts, and takes token ids as none', () => {
    expect(read('a')).toMatchObject({
      model: 'e',
      texts: [{ role: 'user', text: 'a' }],
      maxTokens: 0,
      params: { dimensions: 8 },
    })
    expect(read(['a', 'b']).texts.map(({ text }) => text)).toEqual(['a', 'b'])
    expect(read([[1, 2], [3]]).texts).toEqual([])
  })

  it.each([[null], [5], [{}], [[{}]], [[['a']]]])('refuses %j', (input) => {
    expect(() => read(input)).toThrow(expect.objectContaining({ code: 'input:invalid' }))
  })

  it('rewrites texts and model but sets no limit', () => {
    const changes = { texts: new Map([[1, 'B']]), model: 'f', maxTokens: 5 }
    expect(openaiEmbeddings.rewriteRequest({ model: 'e', input: ['a', 'b'] }, changes, {})).toEqual({
      model: 'f',
      input: ['a', 'B'],
    })
  })

  it('reads the usage', () => {
    const body = {
      object: 'list',
      model: 'e-1',
      data: [{ embedding: [0.1] }],
      usage: { prompt_tokens: 8, total_tokens: 8 },
    }
    expect(openaiEmbeddings.readAnswer(body)).toMatchObject({ model: 'e-1', usage: { input: 8, output: 0 } })
    expect(() => openaiEmbeddings.readAnswer({ error: {} })).toThrow('malformed')
  })
})

describe('models', () => {
  it('matches the list and one model', () => {
    expect(openaiModels.match('GET', '/models')).toEqual({})
    expect(openaiModels.match('GET', '/models/gpt-5')).toEqual({ model: 'gpt-5' })
    expect(openaiModels.match('GET', '/models/a%2Fb')).toEqual({ model: 'a/b' })
    expect(openaiModels.match('GET', '/models/')).toBeUndefined()
    expect(openaiModels.match('GET', '/models/%')).toBeUndefined()
    expect(openaiModels.match('DELETE', '/models/gpt-5')).toBeUndefined()
  })

  it('costs nothing', () => {
    expect(openaiModels.readRequest({}, { model: 'gpt-5' })).toMatchObject({
      model: 'gpt-5',
      maxTokens: 0,
      texts: [],
    })
    expect(openaiModels.readAnswer({ object: 'list', data: [] }).usage).toEqual(NO_USAGE)
    expect(() => openaiModels.readAnswer({})).toThrow('malformed')
  })
})

describe('completions', () => {
  it('counts an answer for each prompt', () => {
    const body = { model: 'm', prompt: ['a', 'b'], suffix: 's', n: 2, best_of: 3, max_tokens: 16 }
    expect(openaiCompletions.readRequest(body, {})).toMatchObject({ answers: 6, maxTokens: 16 })
    expect(openaiCompletions.readRequest(body, {}).texts.map(({ text }) => text)).toEqual(['a', 'b', 's'])
    expect(openaiCompletions.readRequest({ prompt: [1, 2, 3] }, {}).answers).toBe(1)
  })

  it('reads and rewrites whole and streamed texts', () => {
    const body = {
      id: 'c',
      choices: [{ index: 0, text: 'hi', logprobs: { tokens: ['hi'] }, finish_reason: 'stop' }],
    }
    expect(openaiCompletions.readAnswer(body)).toMatchObject({ texts: ['hi'], finishReasons: ['stop'] })
    const changed = openaiCompletions.rewriteAnswer(body, { texts: ['#'] })
    expect(JSON.stringify(changed)).not.toContain('hi')
    const event = { event: null, data: JSON.stringify(body) }
    const reader = openaiCompletions.stream?.open(openaiCompletions.readRequest({ prompt: 'x' }, {}))
    expect(reader?.read(event)).toMatchObject({ text: 'hi', part: 0, tool: false })
    expect(openaiCompletions.stream?.withText(event, '#')?.data).not.toContain('hi')
  })

  it('adds a correction to each prompt', () => {
    const correct = (prompt: string | string[]) =>
      openaiCompletions.rewriteRequest({ prompt }, { correction: 'Shorter.' }, {})['prompt']
    expect(correct('a')).toBe('a\n\nShorter.\n\n')
    expect(correct(['a', 'b'])).toEqual(['a\n\nShorter.\n\n', 'b\n\nShorter.\n\n'])
  })
})

describe('responses', () => {
  it('takes the creation only', () => {
    expect(openaiResponses.match('POST', '/responses')).toEqual({})
    for (const [method, path] of [
      ['GET', '/responses/resp_1'],
      ['DELETE', '/responses/resp_1'],
      ['POST', '/responses/resp_1/cancel'],
    ] as const)
      expect(openaiResponses.match(method, path)).toBeUndefined()
  })
})

describe('readUsage', () => {
  it('keeps an explicit zero', () => {
    expect(readUsage({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })).toMatchObject({
      input: 0,
      output: 0,
    })
  })

  it('counts reasoning that a provider has in the total only', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 40,
      completion_tokens_details: { reasoning_tokens: 25 },
    }
    expect(readUsage(usage)).toMatchObject({ input: 10, output: 30, reasoning: 25 })
  })

  it('reads cache hits that a provider names in its own way, and never more than there was', () => {
    expect(readUsage({ prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 4 })).toMatchObject({
      cacheRead: 4,
    })
    const details = { cached_tokens: 99, cache_write_tokens: 99 }
    const usage = { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: details }
    expect(readUsage(usage)).toMatchObject({ cacheRead: 10, cacheWrite: 0 })
  })

  it.each([
    null,
    5,
    'x',
    [],
    {},
    { prompt_tokens: '5', completion_tokens: 1 },
    { prompt_tokens: -1, completion_tokens: 1 },
    { prompt_tokens: 1.5, completion_tokens: 1 },
    { prompt_tokens: 5 },
  ])('takes %j as not reported', (usage) => {
    expect(readUsage(usage as JsonObject)).toBeNull()
  })
})
