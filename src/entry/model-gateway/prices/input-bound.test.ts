import { expect, test } from 'vitest'
import { NO_MEDIA } from '../model-call.ts'
import { compilePrice } from './compile-price.ts'
import { FREE_CARD } from './genai-rates.ts'
import { imageTokens, UNKNOWN_IMAGE } from './image-tokens.ts'
import { inputBound } from './input-bound.ts'

const price = (contextWindow: number | null, tokens?: number) =>
  compilePrice(FREE_CARD, {
    id: 'm',
    source: 'test',
    contextWindow,
    maxOutput: null,
    ...(tokens !== undefined && { imageTokens: tokens }),
  })

test('a token is at least a byte of the body, and vendors add some that are not in it', () => {
  expect(inputBound(10_000, NO_MEDIA, price(null), true)).toBe(12_600)
  expect(inputBound(10_000, NO_MEDIA, price(null), false)).toBe(10_032)
})

test('bytes of inline images are no text, images count', () => {
  expect(
    inputBound(1_010_000, { ...NO_MEDIA, images: 2, inlineBytes: 1_000_000 }, price(null, 4784), true),
  ).toBe(10_000 + 2 * 4784 + 2600)
})

test('an image of an unknown vendor counts as the largest known', () => {
  expect(inputBound(0, { ...NO_MEDIA, images: 1 }, price(null), true)).toBe(UNKNOWN_IMAGE + 2600)
})

test('the context of the model bounds everything', () => {
  expect(inputBound(10_000_000, NO_MEDIA, price(128_000), true)).toBe(128_000)
})

test.each([
  ['what the body does not hold', { ...NO_MEDIA, unbounded: true }],
  ['tools that the provider runs', { ...NO_MEDIA, hosted: ['web_search'] }],
])('%s is bounded by the context alone, and else by nothing', (_name, media) => {
  expect(inputBound(100, media, price(128_000), true)).toBe(128_000)
  expect(inputBound(100, media, price(null), true)).toBe(Infinity)
})

test('more inline bytes than the body has are no discount', () => {
  expect(inputBound(100, { ...NO_MEDIA, inlineBytes: 1000 }, price(null), true)).toBe(2600)
})

test.each([
  ['openai', 'gpt-4o-mini-2024-07-18', 48_169],
  ['openai', 'gpt-4o', 24_600],
  ['anthropic', 'claude-opus-4-7', 4784],
  ['google', 'gemini-3-pro', 2240],
  ['google', 'gemini-2.5-pro', UNKNOWN_IMAGE],
  ['google', 'claude-opus-4', UNKNOWN_IMAGE],
  ['openrouter', 'openai/gpt-4o', UNKNOWN_IMAGE],
  [null, 'anything', UNKNOWN_IMAGE],
  ['__proto__', 'anything', UNKNOWN_IMAGE],
])('an image for %s %s is at most %d tokens', (vendor, model, tokens) => {
  expect(imageTokens(vendor, model)).toBe(tokens)
})
