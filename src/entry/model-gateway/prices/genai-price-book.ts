import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ModelDeclaration, Policy } from '../../../policy/policy.ts'
import { vendorOf } from '../providers/vendors.ts'
import { compilePrice, dearerOf } from './compile-price.ts'
import { cardOf, declaredCard, FREE_CARD } from './genai-rates.ts'
import { imageTokens } from './image-tokens.ts'
import type { ModelPrice, PriceBook } from './price-book.ts'
import type { RateCard } from './rates.ts'

type Table = typeof import('@pydantic/genai-prices')

/** Names of models come from agents: longer ones have no price, and the memory of them is bounded. */
const LONGEST_NAME = 200
const REMEMBERED = 2000
/** Prices that depend on the time are looked up again so often (ms) … */
const RECHECKED_EVERY = 60_000
/** … and a call may end under the next one: until then the dearer of both counts. */
const LONGEST_CALL = 15 * 60_000

interface Remembered {
  readonly price: ModelPrice | undefined
  /** When it must be looked up again. */
  readonly until: number
}

interface Found {
  readonly id: string
  readonly contextWindow: number | null
  readonly cards: readonly (RateCard | undefined)[]
  readonly timed: boolean
}

/**
 * Prices from the policy in force, else from genai-prices, else none; models on one's own machine are free. Each is
 * compiled once for every policy. `now` is epoch milliseconds.
 */
export function openPriceBook(
  policyOf: () => Policy,
  { now = Date.now }: { readonly now?: () => number } = {},
): PriceBook {
  let table: Table | undefined
  let version = ''
  let loading: Promise<void> | undefined
  let digest: string | undefined
  const remembered = new Map<string, Remembered>()

  const find = (priceId: string, model: string, at: number): Found | undefined => {
    if (table === undefined) throw new Error('the price table is used before it is loaded')
    try {
      const today = table.calcPrice({}, model, { providerId: priceId, timestamp: new Date(at) })
      if (today === null) return undefined
      const timed = Array.isArray(today.model.prices)
      const soon = timed
        ? table.calcPrice({}, model, { providerId: priceId, timestamp: new Date(at + LONGEST_CALL) })
        : null
      const prices = new Set([today.model_price, ...(soon === null ? [] : [soon.model_price])])
      return {
        id: today.model.id,
        contextWindow: today.model.context_window ?? null,
        cards: [...prices].map(cardOf),
        timed,
      }
    } catch {
      // The table refuses prices that contradict each other.
      return undefined
    }
  }

  const compile = (
    provider: string,
    model: string,
    declared: ModelDeclaration | null,
    at: number,
  ): Remembered => {
    const vendor = vendorOf(provider)
    const priceId = vendor?.priceId ?? null
    const found = priceId === null ? undefined : find(priceId, model, at)
    const facts = {
      contextWindow: declared?.contextWindow ?? found?.contextWindow ?? null,
      maxOutput: declared?.maxOutput ?? null,
      imageTokens: imageTokens(priceId, model),
    }
    const until = found?.timed === true ? at + RECHECKED_EVERY : Infinity
    if (declared !== null && declared.input !== null && declared.output !== null) {
      const card = declaredCard({ ...declared, input: declared.input, output: declared.output })
      const price = card && compilePrice(card, { ...facts, id: model, source: 'policy' })
      return { price, until }
    }
    if (vendor?.local === true)
      return { price: compilePrice(FREE_CARD, { ...facts, id: model, source: 'local' }), until }
    if (found === undefined) return { price: undefined, until }
    const named = { ...facts, id: found.id, source: `genai-prices ${version}` }
    const prices = found.cards.map((card) => card && compilePrice(card, named))
    const known = prices.filter((price) => price !== undefined)
    return { price: known.length < prices.length ? undefined : known.reduce(dearerOf), until }
  }

  return {
    load() {
      loading ??= import('@pydantic/genai-prices').then(
        (loaded) => {
          version = versionOf()
          table = loaded
        },
        (error: unknown) => {
          loading = undefined
          throw error
        },
      )
      return loading
    },

    price(provider, model) {
      if (model.length > LONGEST_NAME) return undefined
      const policy = policyOf()
      if (policy.digest !== digest) {
        remembered.clear()
        ;({ digest } = policy)
      }
      const key = `${provider}\n${model}`
      const known = remembered.get(key)
      const at = now()
      if (known !== undefined && at < known.until) return known.price
      const compiled = compile(provider, model, declarationOf(policy, provider, model), at)
      if (remembered.size >= REMEMBERED) remembered.clear()
      remembered.set(key, compiled)
      return compiled.price
    },
  }
}

function declarationOf({ providers }: Policy, provider: string, model: string): ModelDeclaration | null {
  if (!Object.hasOwn(providers, provider)) return null
  const { models } = providers[provider]!
  return Object.hasOwn(models, model) ? models[model]! : null
}

/** The package does not export its version, and a charge names the table that it was made by. */
function versionOf(): string {
  const entry = import.meta.resolve('@pydantic/genai-prices')
  const text = readFileSync(fileURLToPath(new URL('../package.json', entry)), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
