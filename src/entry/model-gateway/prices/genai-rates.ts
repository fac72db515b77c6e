import type { ModelPrice as TablePrices, TieredPrices } from '@pydantic/genai-prices'
import { picoPer } from './rates.ts'
import type { Pico, RateCard, Rates, RateTier } from './rates.ts'

/** Which keys of the table say a rate. Of several the dearest counts: usage does not tell their tokens apart. */
const RATE_KEYS: Readonly<Record<keyof Rates, readonly string[]>> = {
  input: ['input_mtok', 'input_image_mtok', 'input_video_mtok'],
  output: ['output_mtok', 'output_image_mtok', 'output_video_mtok'],
  cacheRead: ['cache_read_mtok', 'cache_image_read_mtok'],
  cacheWrite: ['cache_write_mtok'],
  cacheWriteHour: ['cache_write_1h_mtok'],
  inputAudio: ['input_audio_mtok'],
  cacheAudioRead: ['cache_audio_read_mtok'],
  outputAudio: ['output_audio_mtok'],
  reasoning: ['output_reasoning_mtok'],
}

const REQUEST_KEY = 'requests_kcount'
const SEARCH_KEY = 'web_searches_kcount'

/**
 * Known, but charged for tools that the provider runs, whose calls no usage counts: whoever lets a call use them
 * says what they may cost.
 */
const HOSTED_KEYS = ['storage_searches_kcount']

const KNOWN: ReadonlySet<string> = new Set([
  ...Object.values(RATE_KEYS).flat(),
  REQUEST_KEY,
  SEARCH_KEY,
  ...HOSTED_KEYS,
])

/** A web search where no price is known: the dearest that any vendor of the table has asked, $50 a thousand. */
const UNPRICED_SEARCH: Pico = 50_000_000_000

/**
 * A price of the table as rates. `undefined` when it charges by something that no usage tells (seconds, pages,
 * messages, citations) or says nothing of input: such a model has no price rather than one that leaves a part free.
 */
export function cardOf(prices: TablePrices): RateCard | undefined {
  const given = Object.entries(prices).filter(([, price]) => price !== undefined)
  if (given.some(([key]) => !KNOWN.has(key)) || prices['input_mtok'] === undefined) return undefined
  const starts = given.flatMap(([, price]) => (isTiered(price) ? price.tiers.map(({ start }) => start) : []))
  const tiers: RateTier[] = []
  for (const above of [-1, ...new Set(starts)].toSorted((a, b) => a - b)) {
    const rates = ratesAbove(prices, above)
    if (rates === undefined) return undefined
    tiers.push({ above, rates })
  }
  const request = prices[REQUEST_KEY] ?? 0
  const search = prices[SEARCH_KEY]
  if (isTiered(request) || isTiered(search)) return undefined
  const perRequest = picoPer(request, 1000)
  const perSearch = search === undefined ? UNPRICED_SEARCH : picoPer(search, 1000)
  if (perRequest === undefined || perSearch === undefined) return undefined
  return { tiers, request: perRequest, webSearch: perSearch }
}

/** The card of a model whose prices the policy declares, in dollars per million tokens. */
export function declaredCard(declared: {
  readonly input: number
  readonly output: number
  readonly cacheRead: number | null
  readonly cacheWrite: number | null
}): RateCard | undefined {
  const rate = (usd: number | null): Pico | null | undefined =>
    usd === null ? null : picoPer(usd, 1_000_000)
  const input = rate(declared.input)
  const output = rate(declared.output)
  const cacheRead = rate(declared.cacheRead)
  const cacheWrite = rate(declared.cacheWrite)
  if (input == null || output == null || cacheRead === undefined || cacheWrite === undefined) return undefined
  // What is kept for an hour costs twice the input where that is sold, and what is kept for minutes 1.25 times.
  const cacheWriteHour = cacheWrite === null ? null : Math.ceil(cacheWrite * 1.6)
  const none = { inputAudio: null, cacheAudioRead: null, outputAudio: null, reasoning: null }
  const rates = { input, output, cacheRead, cacheWrite, cacheWriteHour, ...none }
  return { tiers: [{ above: -1, rates }], request: 0, webSearch: UNPRICED_SEARCH }
}

const NOTHING: Rates = {
  input: 0,
  output: 0,
  cacheRead: null,
  cacheWrite: null,
  cacheWriteHour: null,
  inputAudio: null,
  cacheAudioRead: null,
  outputAudio: null,
  reasoning: null,
}

/** The card of models that run on one's own machine. */
export const FREE_CARD: RateCard = { tiers: [{ above: -1, rates: NOTHING }], request: 0, webSearch: 0 }

function ratesAbove(prices: TablePrices, above: number): Rates | undefined {
  const found: Partial<Record<keyof Rates, Pico | null>> = {}
  for (const [name, keys] of Object.entries(RATE_KEYS) as [keyof Rates, readonly string[]][]) {
    let dearest: Pico | null = null
    for (const key of keys) {
      const price = prices[key]
      if (price === undefined) continue
      const pico = picoPer(isTiered(price) ? tierAbove(price, above) : price, 1_000_000)
      if (pico === undefined) return undefined
      dearest = Math.max(dearest ?? 0, pico)
    }
    found[name] = dearest
  }
  const { input = null, output = null, cacheRead = null, inputAudio = null, cacheAudioRead = null } = found
  if (input === null || (cacheRead !== null && inputAudio !== null && cacheAudioRead === null))
    return undefined
  // Models without a price of output have none (embeddings); one that reports some all the same is not free.
  return { ...NOTHING, ...found, input, output: output ?? input }
}

/** The last tier that begins at or before `above`: a tier holds for prompts of more than its start. */
function tierAbove({ base, tiers }: TieredPrices, above: number): number {
  let price = base
  for (const tier of tiers.toSorted((a, b) => a.start - b.start)) if (tier.start <= above) ({ price } = tier)
  return price
}

function isTiered(price: number | TieredPrices | undefined): price is TieredPrices {
  return typeof price === 'object'
}
