import type { NanoUsd } from '../../../action/money.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import type { TokenUsage } from '../model-call.ts'
import type { ModelPrice } from './price-book.ts'
import type { Pico, RateCard, Rates } from './rates.ts'

type Facts = Pick<ModelPrice, 'id' | 'source' | 'contextWindow' | 'maxOutput' | 'imageTokens'>

const PICO_PER_NANO = 1000

/** The dearest rates that a prompt of more than `above` tokens can meet. */
interface Ceiling {
  readonly above: number
  readonly input: Pico
  readonly output: Pico
}

/** A rate card as a price. All sums are exact; one above nine thousand dollars is refused (`input:invalid_amount`). */
export function compilePrice(card: RateCard, facts: Facts): ModelPrice {
  const ceilings = ceilingsOf(card)
  return Object.freeze({
    ...facts,
    cost: (usage: TokenUsage) => nanoOf(picoOf(card, usage)),
    worst(inputTokens: number, outputTokens: number): NanoUsd {
      const { input, output } = reached(ceilings, whole(inputTokens))
      return nanoOf(inputTokens * input + whole(outputTokens) * output + card.request)
    },
    affordable(room: NanoUsd, inputTokens: number): number {
      const { input, output } = reached(ceilings, whole(inputTokens))
      const left =
        Math.min(Math.floor(room) * PICO_PER_NANO, Number.MAX_SAFE_INTEGER) -
        inputTokens * input -
        card.request
      if (!(left >= 0)) return 0
      if (output === 0) return Infinity
      return (left - (left % output)) / output
    },
  })
}

/** A price that is never below either of two: for the time when one gives way to the other. */
export function dearerOf(one: ModelPrice, other: ModelPrice): ModelPrice {
  return Object.freeze({
    ...one,
    cost: (usage: TokenUsage) => Math.max(one.cost(usage), other.cost(usage)),
    worst: (input: number, output: number) => Math.max(one.worst(input, output), other.worst(input, output)),
    affordable: (room: NanoUsd, input: number) =>
      Math.min(one.affordable(room, input), other.affordable(room, input)),
  })
}

function picoOf(card: RateCard, usage: TokenUsage): Pico {
  const hour = whole(usage.cacheWriteHour)
  const written = Math.max(whole(usage.cacheWrite), hour)
  // A provider that reports parts larger than their whole is charged for the parts.
  const input = Math.max(whole(usage.input), whole(usage.cacheRead) + written, whole(usage.inputAudio))
  const output = Math.max(whole(usage.output), whole(usage.reasoning), whole(usage.outputAudio))
  const rates = ratesFor(card, input)
  const writeRate = rates.cacheWrite ?? rates.input
  const cached = (written - hour) * writeRate + hour * (rates.cacheWriteHour ?? writeRate)
  const spoken = rates.outputAudio === null ? 0 : usage.outputAudio
  const thought = rates.reasoning === null ? 0 : Math.min(usage.reasoning, output - spoken)
  return (
    promptOf(rates, input - written, usage) +
    cached +
    spoken * (rates.outputAudio ?? 0) +
    thought * (rates.reasoning ?? 0) +
    (output - spoken - thought) * rates.output +
    whole(usage.webSearches) * card.webSearch +
    card.request
  )
}

/**
 * Input that was not written into a cache. Nobody reports how much of the audio was read from the cache, so the
 * dearest possible share counts; the sum is linear in the share, so it is dearest at one end.
 */
function promptOf(rates: Rates, input: number, { cacheRead, inputAudio }: TokenUsage): Pico {
  const read = rates.cacheRead === null ? 0 : cacheRead
  const audio = rates.inputAudio === null ? 0 : Math.min(inputAudio, input)
  const withShare = (share: number): Pico =>
    (input - read - audio + share) * rates.input +
    (read - share) * (rates.cacheRead ?? 0) +
    (audio - share) * (rates.inputAudio ?? 0) +
    share * (rates.cacheAudioRead ?? 0)
  return Math.max(withShare(Math.max(0, read + audio - input)), withShare(Math.min(read, audio)))
}

function ratesFor({ tiers }: RateCard, input: number): Rates {
  let { rates } = tiers[0]!
  for (const tier of tiers) if (input > tier.above) rates = tier.rates
  return rates
}

/** A shorter prompt may meet dearer rates than a longer one, so each tier counts those before it too. */
function ceilingsOf({ tiers }: RateCard): readonly Ceiling[] {
  let input = 0
  let output = 0
  return tiers.map(({ above, rates }) => {
    input = Math.max(
      input,
      rates.input,
      rates.cacheRead ?? 0,
      rates.cacheWrite ?? 0,
      rates.cacheWriteHour ?? 0,
      rates.inputAudio ?? 0,
      rates.cacheAudioRead ?? 0,
    )
    output = Math.max(output, rates.output, rates.outputAudio ?? 0, rates.reasoning ?? 0)
    return { above, input, output }
  })
}

function reached(ceilings: readonly Ceiling[], input: number): Ceiling {
  let ceiling = ceilings[0]!
  for (const next of ceilings) if (input > next.above) ceiling = next
  return ceiling
}

/** Division of safe integers by 1000 may round the rest away; the remainder never does. */
function nanoOf(pico: Pico): NanoUsd {
  if (!(pico <= Number.MAX_SAFE_INTEGER)) throw refusal('cost', String(pico))
  const rest = pico % PICO_PER_NANO
  return (pico - rest) / PICO_PER_NANO + (rest > 0 ? 1 : 0)
}

function whole(tokens: number): number {
  if (Number.isSafeInteger(tokens) && tokens >= 0) return tokens
  throw refusal('tokens', String(tokens))
}

function refusal(where: string, got: string): BelayError {
  return new BelayError('input:invalid_amount', { where, got, max: '9007' })
}
