import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../action/json.ts'
import { geminiGenerate } from './gemini-generate.ts'

const ANSWER: JsonObject = {
  candidates: [
    {
      index: 0,
      finishReason: 'STOP',
      content: {
        role: 'model',
        parts: [
          { text: 'Thinking.', thought: true },
          { text: 'I look.' },
          { functionCall: { name: 'weather', args: { city: 'Bonn' } }, thoughtSignature: 'c2ln' },
          { functionCall: { id: 'fc_2', name: 'wind' } },
        ],
      },
      groundingMetadata: { webSearchQueries: ['a', 'b'] },
    },
  ],
  usageMetadata: {
    promptTokenCount: 100,
    toolUsePromptTokenCount: 20,
    cachedContentTokenCount: 30,
    candidatesTokenCount: 40,
    thoughtsTokenCount: 60,
    totalTokenCount: 220,
    promptTokensDetails: [
      { modality: 'TEXT', tokenCount: 90 },
      { modality: 'AUDIO', tokenCount: 10 },
    ],
    candidatesTokensDetails: [{ modality: 'AUDIO', tokenCount: 5 }],
  },
  modelVersion: 'gemini-2.5-flash-001',
  responseId: 'r1',
}

describe('an answer', () => {
  it('is read in neutral words', () => {
    expect(geminiGenerate.readAnswer(ANSWER)).toEqual({
      id: 'r1',
      model: 'gemini-2.5-flash-001',
      systemFingerprint: null,
      texts: ['Thinking.', 'I look.'],
      toolCalls: [
        { id: 'call_0', name: 'weather', arguments: '{"city":"Bonn"}' },
        { id: 'fc_2', name: 'wind', arguments: '{}' },
      ],
      finishReasons: ['STOP'],
      usage: {
        input: 120,
        output: 100,
        cacheRead: 30,
        cacheWrite: 0,
        cacheWriteHour: 0,
        reasoning: 60,
        inputAudio: 10,
        outputAudio: 5,
        webSearches: 2,
      },
    })
  })

  it('may refuse the prompt', () => {
    const blocked = {
      promptFeedback: { blockReason: 'SAFETY' },
      usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 },
    }
    expect(geminiGenerate.readAnswer(blocked)).toMatchObject({
      texts: [],
      finishReasons: ['SAFETY'],
      usage: { input: 4, output: 0 },
    })
  })

  it('counts what only the total tells, and nothing that is no count', () => {
    const usage = (usageMetadata: JsonObject) =>
      geminiGenerate.readAnswer({ candidates: [], usageMetadata }).usage
    expect(usage({ promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 40 })).toMatchObject({
      output: 30,
    })
    expect(usage({ promptTokenCount: '10' })).toBeNull()
    expect(usage({ candidatesTokenCount: 5 })).toBeNull()
    expect(usage({ promptTokenCount: 0 })).toMatchObject({ input: 0, output: 0 })
    expect(geminiGenerate.readAnswer({ candidates: [] }).usage).toBeNull()
  })

  it('gets other texts and refusals in place of calls', () => {
    const changed = geminiGenerate.rewriteAnswer(ANSWER, {
      texts: ['T', 'Edited.'],
      refusals: new Map([[0, 'Not Bonn.']]),
    })
    expect(geminiGenerate.readAnswer(changed)).toMatchObject({
      texts: ['T', 'Edited.', 'Not Bonn.'],
      toolCalls: [{ id: 'fc_2', name: 'wind' }],
      finishReasons: ['STOP'],
    })
    expect(JSON.stringify(changed)).not.toContain('Bonn"')
    expect(geminiGenerate.rewriteAnswer(ANSWER, {})).toBe(ANSWER)
  })

  it.each<[string, JsonObject]>([
    ['an error', { error: { code: 500, message: 'x' } }],
    ['candidates that are none', { candidates: {} }],
    ['a candidate that is none', { candidates: ['x'] }],
    ['parts that are none', { candidates: [{ content: { parts: 'x' } }] }],
    ['a text that is none', { candidates: [{ content: { parts: [{ text: 5 }] } }] }],
    ['a call without a name', { candidates: [{ content: { parts: [{ functionCall: {} }] } }] }],
    [
      'a call in pieces',
      { candidates: [{ content: { parts: [{ functionCall: { name: 'f', willContinue: true } }] } }] },
    ],
  ])('is not %s', (_, body) => {
    expect(() => geminiGenerate.readAnswer(body)).toThrow('malformed')
  })
})
