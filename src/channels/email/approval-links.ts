import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a personal link says: this person may decide this step, about exactly this action, until then. */
export interface LinkClaims {
  readonly approvalId: string
  readonly step: number
  readonly person: string
  readonly actionDigest: string
  /** Epoch ms. */
  readonly expiresAt: number
}

const MAX_TOKEN = 512
const TOKEN = /^[A-Za-z0-9_-]{1,450}\.[A-Za-z0-9_-]{43}$/

/**
 * Personal links as signed statements (HMAC-SHA256, RFC 2104). Nothing is stored: a link works once because a vote
 * counts once, and no longer than its approval waits.
 */
export class ApprovalLinks {
  readonly #key: Buffer

  constructor(key: Buffer) {
    if (key.length < 16) throw new TypeError('the key of the links needs at least 16 bytes')
    this.#key = hash('sha256', key, 'buffer')
  }

  token({ approvalId, step, person, actionDigest, expiresAt }: LinkClaims): string {
    const said = Buffer.from(JSON.stringify([approvalId, step, person, actionDigest, expiresAt])).toString(
      'base64url',
    )
    return `${said}.${this.#seal('link', said)}`
  }

  /** `undefined` for anything that this installation has not signed. An expired link is still read. */
  read(token: string): LinkClaims | undefined {
    if (token.length > MAX_TOKEN || !TOKEN.test(token)) return undefined
    const [said = '', seal = ''] = token.split('.')
    if (!same(seal, this.#seal('link', said))) return undefined
    const [approvalId, step, person, actionDigest, expiresAt] = JSON.parse(
      Buffer.from(said, 'base64url').toString('utf8'),
    ) as [string, number, string, string, number]
    return { approvalId, step, person, actionDigest, expiresAt }
  }

  /** What the form of a page must bring back: only who has read the page knows it. */
  formField(token: string): string {
    return this.#seal('form', token)
  }

  isFormField(token: string, value: string): boolean {
    return same(value, this.formField(token))
  }

  #seal(purpose: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${purpose}:${text}`).digest('base64url')
  }
}

/** The key in the data folder, made on first use, mode 0600. */
export function linkKey(folder: string): Buffer {
  const file = join(folder, 'links.key')
  try {
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url')
}

function same(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'))
}
