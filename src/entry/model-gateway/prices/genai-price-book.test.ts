import { calcPrice, findProvider } from '@pydantic/genai-prices'
import type { ModelInfo, ModelPrice as TablePrices, Provider } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadPolicy } from '../../../policy/load-policy.ts'
import type { Policy } from '../../../policy/policy.ts'
import { NO_USAGE } from '../model-call.ts'
import { VENDORS } from '../providers/vendors.ts'
import { compilePrice } from './compile-price.ts'
import { openPriceBook } from './genai-price-book.ts'
import { cardOf } from './genai-rates.ts'
import type { PriceBook } from './price-book.ts'

const PROVIDERS = `
  anthropic arcee avian aws azure baseten cerebras cloudflare cohere cursor deepseek doubleword fireworks github-copilot google groq huggingface_cerebras huggingface_fireworks-ai huggingface_groq huggingface_hyperbolic huggingface_nebius huggingface_novita huggingface_nscale huggingface_ovhcloud huggingface_publicai huggingface_sambanova huggingface_together minimax mistral modal moonshotai novita openai openrouter ovhcloud perplexity quicksilverpro together typesafe voyageai x-ai zai zhipuai`
  .trim()
  .split(/\s+/)

const table: readonly { readonly name: string; readonly prices: TablePrices }[] = PROVIDERS.flatMap(
  (providerId) => {
    const provider = findProvider({ providerId })!
    return provider.models.flatMap(({ id, prices }) =>
      (Array.isArray(prices) ? prices.map((one) => one.prices) : [prices]).map((one) => ({
        name: `${providerId}/${id}`,
        prices: one,
      })),
    )
  },
)

const FACTS = { id: 'm', source: 'test', contextWindow: null, maxOutput: null }

function theirs(prices: TablePrices, usage: Record<string, number>): number {
  const model: ModelInfo = { id: 'm', match: { equals: 'm' }, prices }
  const provider: Provider = { id: 'p', name: 'p', api_pattern: 'p', models: [model] }
  return calcPrice(usage, 'm', { provider })!.total_price * 1e9
}

const part = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400_000 }))
const parts = fc.record({
  text: part,
  read: part,
  written: part,
  hour: part,
  audio: part,
  readAudio: part,
  image: part,
  video: part,
  readImage: part,
  out: part,
  thought: part,
  spoken: part,
  drawn: part,
  filmed: part,
  searches: fc.integer({ min: 0, max: 5 }),
})

describe('the compiled price is that of the table', () => {
  const priced = table.filter(({ prices }) => cardOf(prices) !== undefined)
  const usages = fc.sample(parts, { numRuns: 12, seed: 7 })

  test.each(PROVIDERS)('%s', (providerId) => {
    const wrong: string[] = []
    for (const { name, prices } of priced.filter((entry) => entry.name.startsWith(`${providerId}/`))) {
      const compiled = compilePrice(cardOf(prices)!, FACTS)
      const has = (key: string): boolean => prices[key] !== undefined
      for (const some of usages) {
        const used = {
          ...some,
          readAudio: has('cache_audio_read_mtok') ? some.readAudio : 0,
          readImage: has('cache_image_read_mtok') ? some.readImage : 0,
          image: has('input_image_mtok') ? some.image : 0,
          video: has('input_video_mtok') ? some.video : 0,
          drawn: has('output_image_mtok') ? some.drawn : 0,
          filmed: has('output_video_mtok') ? some.filmed : 0,
          thought: has('output_audio_mtok') ? 0 : some.thought,
          out: has('output_mtok') ? some.out : 0,
        }
        const own = {
          input:
            used.text +
            used.read +
            used.written +
            used.hour +
            used.audio +
            used.readAudio +
            used.image +
            used.video +
            used.readImage,
          cacheRead: used.read + used.readAudio + used.readImage,
          cacheWrite: used.written + used.hour,
          cacheWriteHour: used.hour,
          inputAudio: used.audio + used.readAudio,
          output: has('output_mtok') ? used.out + used.thought + used.spoken + used.drawn + used.filmed : 0,
          reasoning: has('output_mtok') ? used.thought : 0,
          outputAudio: has('output_mtok') ? used.spoken : 0,
          webSearches: has('web_searches_kcount') ? used.searches : 0,
        }
        const expected = theirs(prices, {
          input_tokens: own.input,
          cache_read_tokens: own.cacheRead,
          cache_write_tokens: own.cacheWrite,
          cache_write_1h_tokens: own.cacheWriteHour,
          input_audio_tokens: own.inputAudio,
          cache_audio_read_tokens: used.readAudio,
          input_image_tokens: used.image + used.readImage,
          cache_image_read_tokens: used.readImage,
          input_video_tokens: used.video,
          output_tokens: own.output,
          output_reasoning_tokens: own.reasoning,
          output_audio_tokens: own.outputAudio,
          output_image_tokens: used.drawn,
          output_video_tokens: used.filmed,
          web_searches: own.webSearches,
        })
        const cost = compiled.cost(own)
        const most = compiled.worst(own.input, own.output) + Math.ceil(own.webSearches * 5e7)
        // Rates are rounded up to a whole pico-dollar a token. Usage does not tell images, video and cached audio
        // apart: their dearest reading is above the table's.
        const rounding = (own.input + own.output) / 1000 + 1
        const above = APART.some(has) ? most : expected * (1 + 1e-9) + rounding
        if (cost < Math.floor(expected * (1 - 1e-12)) || cost > most || cost > above)
          wrong.push(`${name} ${JSON.stringify(used)}: ${cost}, the table ${expected}`)
      }
    }
    expect(wrong).toEqual([])
  })

  const APART = [
    'input_image_mtok',
    'input_video_mtok',
    'output_image_mtok',
    'output_video_mtok',
    'cache_image_read_mtok',
    'cache_audio_read_mtok',
  ]

  test('is exact for all but a few', () => {
    const exact = priced.filter(({ prices }) => !APART.some((key) => prices[key] !== undefined))
    const stated = table.filter(({ prices }) => Object.keys(prices).length > 0)
    expect(exact.length / stated.length).toBeGreaterThan(0.95)
  })

  test('refuses what charges by something that no usage tells, and nothing else', () => {
    const counted = /_mtok$|^requests_kcount$|^web_searches_kcount$|^storage_searches_kcount$/
    const refused = table.filter(({ prices }) => cardOf(prices) === undefined)
    const wrongly = refused.filter(({ prices }) => {
      const keys = Object.keys(prices)
      return (
        keys.includes('input_mtok') &&
        keys.every((key) => counted.test(key)) &&
        !keys.includes('output_citation_mtok')
      )
    })
    expect(wrongly).toEqual([])
  })

  test('a key that nobody has seen yet is refused', () => {
    expect(cardOf({ input_mtok: 1, output_mtok: 1, output_hologram_mtok: 99 })).toBeUndefined()
    expect(cardOf({})).toBeUndefined()
    expect(cardOf({ input_mtok: 1, input_audio_mtok: 2, cache_read_mtok: 1 })).toBeUndefined()
    expect(cardOf({ input_mtok: -1, output_mtok: 1 })).toBeUndefined()
  })

  test('output that the table has no price for is not free', () => {
    const price = compilePrice(cardOf({ input_mtok: 1 })!, FACTS)
    expect(price.cost({ ...NO_USAGE, output: 1000 })).toBe(1_000_000)
  })
})

function policy(providers = ''): Policy {
  const { policy: loaded, faults } = loadPolicy(
    { text: `version: 1\n${providers}`, path: null },
    { checks: [] },
  )
  expect(faults).toEqual([])
  return loaded!
}

/** A name that the entry matches, which is not always its id. */
function nameOf({ id, match }: ModelInfo): string {
  const [first = match] = 'or' in match ? match.or : [match]
  return 'equals' in first ? first.equals : id
}

describe('the book', () => {
  let book: PriceBook
  const bare = policy()
  beforeAll(async () => {
    book = openPriceBook(() => bare)
    await book.load()
  })

  test('names the entry that matched, and the version of the table', () => {
    const price = book.price('openai', 'gpt-4o-mini-2024-07-18')!
    expect(price.id).toBe('gpt-4o-mini')
    expect(price.source).toMatch(/^genai-prices \d+\.\d+\.\d+$/)
    expect(price.contextWindow).toBe(128_000)
    expect(price.cost({ ...NO_USAGE, input: 1_000_000, output: 1_000_000 })).toBe(750_000_000)
  })

  test.each(VENDORS.filter(({ priceId }) => priceId !== null).map(({ name, priceId }) => [name, priceId!]))(
    'the table knows the vendor %s as %s',
    (name, priceId) => {
      const provider = findProvider({ providerId: priceId })!
      expect(provider.id).toBe(priceId)
      const known = provider.models.filter((model) => book.price(name, nameOf(model)) !== undefined)
      expect(known.length).toBeGreaterThan(0)
    },
  )

  test.each([
    ['openai', 'no-such-model'],
    ['nobody', 'gpt-4o'],
    ['openai', ''],
    ['openai', `gpt-4o${'x'.repeat(300)}`],
    ['openai', '__proto__'],
    ['__proto__', 'gpt-4o'],
    ['groq', 'whisper-large-v3'],
    ['perplexity', 'sonar-deep-research'],
  ])('%s %s has no price', (provider, model) => {
    expect(book.price(provider, model)).toBeUndefined()
  })

  test("models on one's own machine are free", () => {
    expect(book.price('ollama', 'llama3')).toMatchObject({ source: 'local', contextWindow: null })
    expect(book.price('ollama', 'llama3')!.worst(1_000_000, 1_000_000)).toBe(0)
    expect(book.price('ollama', 'llama3')!.affordable(0, 1_000_000)).toBe(Infinity)
  })

  test('is asked before the table is loaded: throws rather than guessing', () => {
    expect(() => openPriceBook(() => bare).price('openai', 'gpt-4o')).toThrow('before it is loaded')
  })

  test('the same price is compiled once', () => {
    expect(book.price('openai', 'gpt-4o')).toBe(book.price('openai', 'gpt-4o'))
  })

  test('remembers no more names than it may, and stays right', () => {
    for (let at = 0; at < 5000; at++) expect(book.price('nobody', `model-${at}`)).toBeUndefined()
    expect(book.price('openai', 'gpt-4o')).toBeDefined()
  })
})

describe('what the policy declares', () => {
  const declaring = policy(`providers:
  openai:
    models:
      gpt-4o: { input_usd_per_mtok: 1, output_usd_per_mtok: 2, context_window: 1000 }
      gpt-4.1: { context_window: 5000, max_output_tokens: 100 }
      free: { input_usd_per_mtok: 0, output_usd_per_mtok: 0 }
  ollama: { models: { llama3: { input_usd_per_mtok: 0.1, output_usd_per_mtok: 0.1 } } }
  house:
    base_url: https://models.example.com/v1
    models: { big: { input_usd_per_mtok: 3, output_usd_per_mtok: 15, cache_read_usd_per_mtok: 0.3, cache_write_usd_per_mtok: 3.75 } }`)
  let current = declaring
  const book = openPriceBook(() => current)
  beforeAll(() => book.load())

  test('wins over the table', () => {
    const price = book.price('openai', 'gpt-4o')!
    expect(price).toMatchObject({ id: 'gpt-4o', source: 'policy', contextWindow: 1000 })
    expect(price.cost({ ...NO_USAGE, input: 1000, output: 1000 })).toBe(3_000_000)
    expect(book.price('ollama', 'llama3')!.worst(1000, 0)).toBe(100_000)
  })

  test('adds to the table what it does not know', () => {
    expect(book.price('openai', 'gpt-4.1')).toMatchObject({
      source: expect.stringContaining('genai-prices') as string,
      contextWindow: 5000,
      maxOutput: 100,
    })
  })

  test('prices a provider that only the policy knows, caches included', () => {
    const price = book.price('house', 'big')!
    expect(price.cost({ ...NO_USAGE, input: 1000, cacheRead: 500, cacheWrite: 200 })).toBe(
      300 * 3000 + 500 * 300 + 200 * 3750,
    )
    expect(price.worst(1000, 0)).toBe(1000 * 6000)
    expect(book.price('house', 'small')).toBeUndefined()
  })

  test('zero is a price, but a search is never free', () => {
    const price = book.price('openai', 'free')!
    expect(price.worst(1000, 1000)).toBe(0)
    expect(price.cost({ ...NO_USAGE, webSearches: 1 })).toBe(50_000_000)
  })

  test('another policy, another price', () => {
    current = policy()
    expect(book.price('openai', 'gpt-4o')).toMatchObject({
      source: expect.stringContaining('genai') as string,
    })
    current = declaring
    expect(book.price('openai', 'gpt-4o')).toMatchObject({ source: 'policy' })
  })
})

describe('prices that depend on the time of day', () => {
  const at = (clock: string): number => Date.parse(`2026-11-02T${clock}:00Z`)
  const bare = policy()

  test('the dearer of two counts while a call may end under the next, and then the next one', async () => {
    const model = findProvider({ providerId: 'deepseek' })!.models.find(({ prices }) =>
      Array.isArray(prices),
    )!
    const cost = (clock: string): number =>
      calcPrice({ input_tokens: 1_000_000 }, model.id, {
        providerId: 'deepseek',
        timestamp: new Date(at(clock)),
      })!.total_price * 1e9
    let now = 0
    const book = openPriceBook(() => bare, { now: () => now })
    await book.load()
    for (let minute = 0; minute < 24 * 60; minute += 5) {
      const clock = new Date(at('00:00') + minute * 60_000).toISOString().slice(11, 16)
      now = at(clock)
      const later = new Date(now + 15 * 60_000).toISOString().slice(11, 16)
      const priced = book.price('deepseek', model.id)!.cost({ ...NO_USAGE, input: 1_000_000 })
      expect(`${clock} ${priced}`).toBe(`${clock} ${Math.ceil(Math.max(cost(clock), cost(later)))}`)
    }
  })
})
