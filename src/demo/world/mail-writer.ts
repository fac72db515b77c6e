import type { Answer, Call } from './service.ts'
import { NOT_FOUND } from './service.ts'

/** Dollars for one call: a call personalises a whole batch of mails. */
const PRICE_USD = 4
/** What the owner of the campaign meant to spend in a day. */
const DAY_BUDGET_USD = 100
/** From this batch on, the answers are cut off in the middle; every call is billed all the same. */
const FIRST_BROKEN_BATCH = 13

/** A model provider that bills every call, whether or not the answer is any good. The money is simulated. */
export class MailWriter {
  #calls = 0
  #delivered = 0

  answer(call: Call): Answer {
    if (call.path[0] === 'damage') return { status: 200, body: this.damage() }
    if (call.path[0] === 'works') return { status: 200, body: { works: works(call.path[1]) } }
    if (call.method !== 'POST' || call.path[0] !== 'personalise') return NOT_FOUND
    this.#calls++
    const billed = { billed_usd: PRICE_USD }
    if (!works(call.body['batch'])) {
      return { status: 200, body: { ...billed, mails: '[{"to":"recipient-1","text":"Dear custo' } }
    }
    this.#delivered++
    return {
      status: 200,
      body: { ...billed, mails: JSON.stringify([{ to: 'recipient-1', text: 'Dear customer, …' }]) },
    }
  }

  damage(): Record<string, number> {
    const charged = this.#calls * PRICE_USD
    return {
      calls: this.#calls,
      delivered: this.#delivered,
      charged_usd: charged,
      over_budget_usd: Math.max(0, charged - DAY_BUDGET_USD),
    }
  }
}

function works(batch: unknown): boolean {
  return Number(batch) < FIRST_BROKEN_BATCH
}
