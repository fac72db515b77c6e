import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import { geminiCountTokens } from './gemini-count-tokens.ts'
import { geminiEmbed } from './gemini-embed.ts'
import { geminiGenerate } from './gemini-generate.ts'
import { geminiModels } from './gemini-models.ts'

const ROUTE = { model: 'gemini-2.5-flash', stream: true }

const REQUEST: JsonObject = {
  systemInstruction: { parts: { text: 'You are brief.' } },
  contents: [
    { role: 'user', parts: [{ text: 'Weather?' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
    {
      role: 'model',
      parts: [
        { text: 'I ask.', thought: true },
        { functionCall: { name: 'weather', args: { city: 'Bonn' } }, thoughtSignature: 'c2ln' },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { name: 'weather', response: { output: '21 °C' } } },
        { functionResponse: { id: 'fc_9', name: 'wind', response: { error: 'down', code: 5 } } },
      ],
    },
  ],
  tools: [{ functionDeclarations: [{ name: 'weather' }, { name: 'wind' }] }, { googleSearch: {} }],
  generationConfig: {
    maxOutputTokens: 512,
    candidateCount: 2,
    temperature: 0,
    topK: 4,
    thinkingConfig: { thinkingBudget: 128 },
  },
}

const SNAKE: JsonObject = {
  system_instruction: { parts: [{ text: 'You are brief.' }] },
  contents: {
    parts: [
      { text: 'Look' },
      { inline_data: { mime_type: 'image/png', data: 'AAAA' } },
      { file_data: { file_uri: 'x' } },
    ],
  },
  tools: { function_declarations: { name: 'weather' } },
  generation_config: { max_output_tokens: 512, thinking_config: { thinking_budget: 128 }, top_p: 0.5 },
}

function refusalOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof BelayError && error.code === 'input:invalid') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

describe('a request', () => {
  it('is read in neutral words', () => {
    const read = geminiGenerate.readRequest(REQUEST, ROUTE)
    expect(read.texts.map(({ role, text }) => `${role}: ${text}`)).toEqual([
      'system: You are brief.',
      'user: Weather?',
      'assistant: I ask.',
      'assistant: {"city":"Bonn"}',
      'tool: 21 °C',
      'tool: {"error":"down","code":5}',
    ])
    expect(read).toMatchObject({
      model: 'gemini-2.5-flash',
      stream: true,
      maxTokens: 512,
      answers: 2,
      tools: ['weather', 'wind'],
      toolResults: [
        { callId: 'call_0', text: '21 °C', failed: false },
        { callId: 'fc_9', text: '{"error":"down","code":5}', failed: true },
      ],
      media: { images: 1, inlineBytes: 4, unbounded: true, hosted: ['google_search'] },
      params: { temperature: 0, topK: 4, thinkingConfig: { thinkingBudget: 128 } },
    })
  })

  it('is read in snake_case and with single objects for lists', () => {
    const read = geminiGenerate.readRequest(SNAKE, ROUTE)
    expect(read.texts.map((text) => text.text)).toEqual(['You are brief.', 'Look'])
    expect(read).toMatchObject({
      tools: ['weather'],
      maxTokens: 512,
      params: { topP: 0.5, thinkingConfig: { thinkingBudget: 128 } },
      media: { images: 1, unbounded: true },
    })
    const edited = geminiGenerate.rewriteRequest(SNAKE, { texts: new Map([[1, 'x']]), maxTokens: 9 }, ROUTE)
    expect(geminiGenerate.readRequest(edited, ROUTE)).toMatchObject({
      maxTokens: 9,
      texts: [{}, { text: 'x' }],
    })
    expect(edited).not.toHaveProperty('generationConfig')
    expect(edited['contents']).not.toBeInstanceOf(Array)
  })

  it('reads text that comes as base64, and puts it back so', () => {
    const data = Buffer.from('My number is 12').toString('base64')
    const body = { contents: [{ parts: [{ inlineData: { mimeType: 'Text/Plain', data } }] }] }
    const read = geminiGenerate.readRequest(body, ROUTE)
    expect(read.texts).toEqual([{ role: 'user', text: 'My number is 12' }])
    expect(read.media).toMatchObject({ inlineBytes: 0, unbounded: false })
    const edited = geminiGenerate.rewriteRequest(body, { texts: new Map([[0, 'ünedited']]) }, ROUTE)
    expect(geminiGenerate.readRequest(edited, ROUTE).texts[0]?.text).toBe('ünedited')
  })

  it.each<[string, JsonObject]>([
    ['audio', { contents: [{ parts: [{ inlineData: { mimeType: 'audio/wav', data: 'AA' } }] }] }],
    ['a file', { contents: [{ parts: [{ fileData: { fileUri: 'https://example.com/v' } }] }] }],
    ['cached content', { contents: [], cachedContent: 'cachedContents/1' }],
    ['cached content in snake_case', { contents: [], cached_content: 'cachedContents/1' }],
    [
      'a file from a function',
      { contents: [{ parts: [{ functionResponse: { name: 'f', parts: [{ fileData: {} }] } }] }] },
    ],
  ])('is not bounded by its body with %s', (_, body) => {
    expect(geminiGenerate.readRequest(body, ROUTE).media.unbounded).toBe(true)
  })

  it('puts every changed text back in its place and leaves the rest alone', () => {
    const before = JSON.stringify(REQUEST)
    const { texts } = geminiGenerate.readRequest(REQUEST, ROUTE)
    for (const at of texts.keys()) {
      const edited = geminiGenerate.rewriteRequest(REQUEST, { texts: new Map([[at, 'EDITED']]) }, ROUTE)
      const expected = texts.map((text) => text.text)
      expected[at] = at === 3 ? '{"text":"EDITED"}' : 'EDITED'
      expect(geminiGenerate.readRequest(edited, ROUTE).texts.map((text) => text.text)).toEqual(expected)
    }
    expect(JSON.stringify(REQUEST)).toBe(before)
  })

  it('keeps JSON that stays JSON after an edit', () => {
    const edited = geminiGenerate.rewriteRequest(REQUEST, { texts: new Map([[5, '{"error":"x"}']]) }, ROUTE)
    expect(JSON.stringify(edited)).toContain('"response":{"error":"x"}')
  })

  it('is sent to another model by its path, and by its body where that names one', () => {
    expect(geminiGenerate.rewritePath?.('/models/a:generateContent', { model: 'b' })).toBe(
      '/models/b:generateContent',
    )
    expect(geminiGenerate.rewritePath?.('/models/a:generateContent', {})).toBe('/models/a:generateContent')
    expect(geminiGenerate.rewritePath?.('/models/a:generateContent', { model: '../b?c' })).toBe(
      '/models/..%2Fb%3Fc:generateContent',
    )
    expect(geminiGenerate.rewritePath?.('/models/a:countTokens', { model: 'tunedModels/t' })).toBe(
      '/tunedModels/t:countTokens',
    )
    expect(geminiGenerate.rewritePath?.('/publishers/google/models/a:generateContent', { model: 'b' })).toBe(
      '/publishers/google/models/b:generateContent',
    )
    expect(
      geminiGenerate.rewriteRequest({ model: 'models/a', contents: [] }, { model: 'b' }, ROUTE)['model'],
    ).toBe('models/b')
    expect(geminiGenerate.rewriteRequest({ contents: [] }, { model: 'b' }, ROUTE)).toEqual({ contents: [] })
  })

  it('gets a correction in the last turn of the user, but not among the results of functions', () => {
    const after = geminiGenerate.rewriteRequest(REQUEST, { correction: 'Again.' }, ROUTE)[
      'contents'
    ] as JsonObject[]
    expect(after[3]).toEqual({ role: 'user', parts: [{ text: 'Again.' }] })
    const joined = geminiGenerate.rewriteRequest(
      { contents: { parts: { text: 'Hi' } } },
      { correction: 'Again.' },
      ROUTE,
    )
    expect(joined['contents']).toEqual([{ parts: [{ text: 'Hi' }, { text: 'Again.' }] }])
  })

  it.each<[string, JsonObject, string]>([
    ['contents', { contents: 'hi' }, 'body.contents'],
    ['a content', { contents: ['hi'] }, 'body.contents[0]'],
    ['role', { contents: [{ role: 'root', parts: [] }] }, 'body.contents[0].role'],
    ['parts', { contents: [{ parts: 'x' }] }, 'body.contents[0].parts'],
    ['part', { contents: [{ parts: [7] }] }, 'parts[0]'],
    ['text', { contents: [{ parts: [{ text: 7 }] }] }, 'body.contents[0].parts[0].text'],
    [
      'inlineData',
      { contents: [{ parts: [{ inlineData: { mimeType: 5, data: '' } }] }] },
      'inlineData.mimeType',
    ],
    [
      'function response',
      { contents: [{ parts: [{ functionResponse: { response: 'x' } }] }] },
      'functionResponse.response',
    ],
    ['systemInstruction', { contents: [], systemInstruction: 'x' }, 'body.systemInstruction'],
    ['both spellings', { contents: [], systemInstruction: {}, system_instruction: {} }, 'not both'],
    [
      'both spellings of a limit',
      { generationConfig: { maxOutputTokens: 1, max_output_tokens: 9 } },
      'not both',
    ],
    [
      'maxOutputTokens',
      { generationConfig: { maxOutputTokens: '5' } },
      'body.generationConfig.maxOutputTokens',
    ],
    ['candidateCount', { generationConfig: { candidateCount: 1.5 } }, 'candidateCount'],
    ['temperature', { generationConfig: { temperature: {} } }, 'body.generationConfig.temperature'],
    ['tools', { tools: 'x' }, 'body.tools'],
    ['declaration', { tools: [{ functionDeclarations: [{}] }] }, 'functionDeclarations[0].name'],
    ['cachedContent', { cachedContent: {} }, 'body.cachedContent'],
    ['another model', { model: 'models/gemini-pro-dear' }, 'body.model'],
    [
      'calls in pieces',
      { toolConfig: { functionCallingConfig: { streamFunctionCallArguments: true } } },
      'streamFunctionCallArguments',
    ],
  ])('names the malformed member: %s', (_, member, where) => {
    expect(refusalOf(() => geminiGenerate.readRequest({ contents: [], ...member }, ROUTE))).toContain(where)
  })

  it('never fails otherwise, whatever comes', () => {
    const mostly = (usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
      fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() })
    const part = fc.record(
      {
        text: mostly(fc.string()),
        inlineData: mostly(
          fc.record({
            mimeType: mostly(fc.constantFrom('text/plain', 'image/png')),
            data: mostly(fc.base64String()),
          }),
        ),
        functionCall: mostly(fc.record({ name: fc.string(), args: fc.jsonValue() })),
        function_response: mostly(
          fc.record({ name: fc.string(), response: mostly(fc.dictionary(fc.string(), fc.jsonValue())) }),
        ),
        hologram: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    const content = fc.record(
      {
        role: mostly(fc.constantFrom('user', 'model')),
        parts: mostly(fc.oneof(part, fc.array(part, { maxLength: 3 }))),
      },
      { requiredKeys: [] },
    )
    const body = fc.record(
      {
        contents: mostly(fc.oneof(content, fc.array(content, { maxLength: 3 }))),
        systemInstruction: mostly(content),
        tools: mostly(fc.dictionary(fc.string(), fc.jsonValue())),
        generationConfig: mostly(
          fc.record({ maxOutputTokens: mostly(fc.nat()), topP: mostly(fc.double({ noNaN: true })) }),
        ),
        toolConfig: fc.oneof(fc.constant({}), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    let read = 0
    fc.assert(
      fc.property(fc.oneof(body, fc.dictionary(fc.string(), fc.jsonValue())), (generated) => {
        const request = generated as JsonObject
        try {
          const { texts } = geminiGenerate.readRequest(request, ROUTE)
          read++
          const same = new Map(texts.map((text, at) => [at, text.text]))
          expect(geminiGenerate.rewriteRequest(request, { texts: same }, ROUTE)).toEqual(request)
        } catch (error) {
          expect(error).toBeInstanceOf(BelayError)
        }
      }),
      { numRuns: 1000, seed: 7 },
    )
    expect(read).toBeGreaterThan(150)
  })
})

describe('counting, embedding and listing', () => {
  it('counts contents or a whole request', () => {
    const whole = { generateContentRequest: { model: 'models/gemini-2.5-flash', ...REQUEST } }
    expect(geminiCountTokens.readRequest(whole, ROUTE).texts).toHaveLength(6)
    expect(geminiCountTokens.readRequest(whole, ROUTE)).toMatchObject({ stream: false, maxTokens: null })
    const edited = geminiCountTokens.rewriteRequest(whole, { texts: new Map([[0, 'x']]), model: 'b' }, ROUTE)
    expect(geminiCountTokens.readRequest(edited, { model: 'b' }).texts[0]?.text).toBe('x')
    const both = { ...whole, contents: [] }
    expect(refusalOf(() => geminiCountTokens.readRequest(both, ROUTE))).toContain('body.contents')
    expect(geminiCountTokens.readAnswer({ totalTokens: 3 }).usage).toMatchObject({ input: 0 })
    expect(() => geminiCountTokens.readAnswer({})).toThrow('malformed')
  })

  it('embeds one content or many', () => {
    const route = { model: 'gemini-embedding-001' }
    const one = { model: 'models/gemini-embedding-001', title: 'T', content: { parts: [{ text: 'a' }] } }
    expect(geminiEmbed.readRequest(one, route).texts.map((text) => text.text)).toEqual(['T', 'a'])
    const many = { requests: [one, { content: { parts: { text: 'b' } } }] }
    expect(geminiEmbed.readRequest(many, route)).toMatchObject({
      model: 'gemini-embedding-001',
      stream: false,
    })
    const changes = { texts: new Map([[2, 'B']]), model: 'other' }
    const edited = geminiEmbed.rewriteRequest(many, changes, route)
    expect(edited).toEqual({
      requests: [{ ...one, model: 'models/other' }, { content: { parts: { text: 'B' } } }],
    })
    expect(refusalOf(() => geminiEmbed.readRequest(many, { model: 'x' }))).toContain('body.requests[0].model')
    expect(refusalOf(() => geminiEmbed.readRequest({ requests: [{}] }, route))).toContain(
      'body.requests[0].content',
    )
    expect(refusalOf(() => geminiEmbed.readRequest({ requests: 'x' }, route))).toContain('body.requests')
    expect(geminiEmbed.readAnswer({ embedding: { values: [0.1] } }).usage).toBeNull()
    expect(
      geminiEmbed.readAnswer({ embeddings: [], usageMetadata: { promptTokenCount: 9 } }).usage,
    ).toMatchObject({
      input: 9,
      output: 0,
    })
    expect(() => geminiEmbed.readAnswer({})).toThrow('malformed')
  })

  it('reads listings', () => {
    expect(geminiModels.readRequest({}, { model: 'm' })).toMatchObject({ model: 'm' })
    expect(geminiModels.readAnswer({ models: [] }).usage).toMatchObject({ input: 0 })
    expect(() => geminiModels.readAnswer({ error: {} })).toThrow('malformed')
  })
})
