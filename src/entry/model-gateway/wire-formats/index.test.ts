import { describe, expect, it } from 'vitest'
import { formatFor, wireFormats } from './index.ts'
import type { Protocol } from './wire-format.ts'

describe('formatFor', () => {
  it.each<[Protocol, string, string, string, object]>([
    ['openai', 'POST', '/chat/completions', 'openai-chat', {}],
    ['openai', 'POST', '/completions', 'openai-completions', {}],
    ['openai', 'POST', '/responses', 'openai-responses', {}],
    ['openai', 'POST', '/embeddings', 'openai-embeddings', {}],
    ['openai', 'GET', '/models', 'openai-models', {}],
    ['anthropic', 'POST', '/messages', 'anthropic-messages', {}],
    ['anthropic', 'POST', '/messages/count_tokens', 'anthropic-count-tokens', {}],
    ['anthropic', 'GET', '/models', 'anthropic-models', {}],
    ['anthropic', 'GET', '/models/claude-opus-4', 'anthropic-models', { model: 'claude-opus-4' }],
    ['gemini', 'POST', '/models/g-1:generateContent', 'gemini-generate', { model: 'g-1', stream: false }],
    [
      'gemini',
      'POST',
      '/models/g-1:streamGenerateContent',
      'gemini-generate',
      { model: 'g-1', stream: true },
    ],
    ['gemini', 'POST', '/models/g-1%3AgenerateContent', 'gemini-generate', { model: 'g-1', stream: false }],
    [
      'gemini',
      'POST',
      '/tunedModels/t:generateContent',
      'gemini-generate',
      { model: 'tunedModels/t', stream: false },
    ],
    ['gemini', 'POST', '/publishers/google/models/g:countTokens', 'gemini-count-tokens', { model: 'g' }],
    ['gemini', 'POST', '/models/e:embedContent', 'gemini-embed', { model: 'e' }],
    ['gemini', 'POST', '/models/e:batchEmbedContents', 'gemini-embed', { model: 'e' }],
    ['gemini', 'GET', '/models', 'gemini-models', {}],
    ['gemini', 'GET', '/models/g-1', 'gemini-models', { model: 'g-1' }],
  ])('%s %s %s is %s', (protocol, method, path, name, route) => {
    const found = formatFor(protocol, method, path)
    expect(found?.format.name).toBe(name)
    expect(found?.route).toEqual(route)
  })

  it.each<[Protocol, string, string]>([
    ['anthropic', 'POST', '/messages/batches'],
    ['anthropic', 'GET', '/messages'],
    ['anthropic', 'POST', '/chat/completions'],
    ['anthropic', 'DELETE', '/models/x'],
    ['anthropic', 'GET', '/models/'],
    ['anthropic', 'GET', '/models/a/b'],
    ['gemini', 'POST', '/models/:generateContent'],
    ['gemini', 'POST', '/models/g:predict'],
    ['gemini', 'POST', '/models/g:generateContent:x'],
    ['gemini', 'POST', '/files/g:generateContent'],
    ['gemini', 'POST', '/models/%E0%A4%A:generateContent'],
    ['gemini', 'POST', '/models/a%2Fb:generateContent'],
    ['gemini', 'GET', '/models/g:generateContent'],
    ['gemini', 'POST', ''],
    ['openai', 'POST', ':generateContent'],
  ])('%s %s %s is no format of ours', (protocol, method, path) => {
    expect(formatFor(protocol, method, path)).toBeUndefined()
  })

  it('knows every format by one name', () => {
    expect(new Set(wireFormats.map((format) => format.name)).size).toBe(wireFormats.length)
  })
})
