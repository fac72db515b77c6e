import { createHmac, hash, timingSafeEqual } from 'node:crypto'

/** How far a request's time may be from ours, s: what Slack advises against replay. */
const WINDOW = 5 * 60
const MAX_SEEN = 100_000

export type SignatureVerdict = 'genuine' | 'repeated' | 'forged'

/** Checks that requests come from Slack: `v0=` HMAC-SHA256 of `v0:timestamp:rawBody`, within five minutes, once. */
export class SlackSignatures {
  readonly #secret: string
  readonly #now: () => number
  /** Signatures that were accepted, oldest first, with when they may be forgotten (s). */
  readonly #seen = new Map<string, number>()

  /** `now`: epoch ms. */
  constructor(secret: string, now: () => number) {
    this.#secret = secret
    this.#now = now
  }

  check(timestamp: unknown, signature: unknown, rawBody: Buffer): SignatureVerdict {
    if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return 'forged'
    if (typeof signature !== 'string' || signature.length > 100) return 'forged'
    const expected = slackSignature(this.#secret, timestamp, rawBody)
    const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
    const now = Math.floor(this.#now() / 1_000)
    if (!timingSafeEqual(digest(signature), digest(expected))) return 'forged'
    if (Math.abs(now - Number(timestamp)) > WINDOW) return 'forged'
    for (const [seen, until] of this.#seen) {
      if (until >= now && this.#seen.size < MAX_SEEN) break
      this.#seen.delete(seen)
    }
    if (this.#seen.has(expected)) return 'repeated'
    this.#seen.set(expected, Math.max(now, Number(timestamp)) + WINDOW)
    return 'genuine'
  }
}

export function slackSignature(secret: string, timestamp: string, rawBody: Buffer): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(rawBody).digest('hex')}`
}
