import { randomBytes } from 'node:crypto'
import { globMatches } from '../../action/glob.ts'
import { hostMatches } from '../../policy/admit-request.ts'
import { usable, type SecretRule } from '../../policy/compile-egress.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Header } from './http1/head.ts'
import { Scrubber } from './scrubber.ts'

interface Secret {
  readonly name: string
  readonly value: string
  readonly placeholder: string
  readonly hosts: readonly (readonly string[])[]
}

/** What became of the placeholders in a request's headers. */
export type PutIn =
  | { readonly status: 'done'; readonly headers: readonly Header[]; readonly used: readonly string[] }
  /** A placeholder of a secret that is not for this host. */
  | { readonly status: 'elsewhere'; readonly secret: string }

const BASIC = /^basic[ ]+([A-Za-z0-9+/=]{1,16384})$/i

/**
 * The secrets of one agent for one run. The agent knows placeholders, which are worth nothing; values are put in where
 * requests leave, into headers, toward the hosts that they are for.
 */
export class Secrets {
  readonly #secrets: readonly Secret[]

  /** Throws `egress:secret_missing` where a value cannot be had: an agent without its secret fails in worse ways. */
  constructor(
    rules: readonly SecretRule[],
    agent: string,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#secrets = rules
      .filter(({ agents }) => agents === null || agents.some((pattern) => globMatches(pattern, agent)))
      .map(({ name, value: written, hosts }) => {
        const value = written.startsWith('$') ? env[written.slice(1)] : written
        if (value === undefined || !usable(value))
          throw new BelayError('egress:secret_missing', {
            name,
            variable: written.startsWith('$') ? written.slice(1) : name,
          })
        const placeholder = `belay_${name}_${randomBytes(16).toString('hex')}`
        return { name, value, placeholder, hosts: hosts.map((host) => host.split('.')) }
      })
  }

  /** For the agent's environment. */
  get env(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#secrets.map(({ name, placeholder }) => [name, placeholder]))
  }

  /** Whether requests to the host may carry one, so that its answers may as well. */
  hasFor(host: string): boolean {
    return this.#for(host).length > 0
  }

  /** Which secret a text outside the headers names; nothing is ever put in there. */
  namedIn(text: string): string | undefined {
    return this.#secrets.find(({ placeholder }) => text.includes(placeholder))?.name
  }

  /** Looks for placeholders in a body as it passes; `null` where there is nothing to look for. */
  watch(): { seen(piece: Buffer): string | undefined } | null {
    if (this.#secrets.length === 0) return null
    const longest = Math.max(...this.#secrets.map(({ placeholder }) => placeholder.length))
    let tail: Buffer = Buffer.alloc(0)
    return {
      seen: (piece) => {
        const bytes = tail.length === 0 ? piece : Buffer.concat([tail, piece])
        tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - longest + 1)))
        return this.#secrets.find(({ placeholder }) => bytes.includes(placeholder, 0, 'latin1'))?.name
      },
    }
  }

  putIn(headers: readonly Header[], host: string): PutIn {
    if (this.#secrets.length === 0) return { status: 'done', headers, used: [] }
    const used = new Set<string>()
    const changed: Header[] = []
    for (const header of headers) {
      const basic = header.lower === 'authorization' ? BASIC.exec(header.value) : null
      const before = basic === null ? header.value : Buffer.from(basic[1]!, 'base64').toString('latin1')
      let after = before
      for (const secret of this.#secrets) {
        if (header.name.includes(secret.placeholder)) return { status: 'elsewhere', secret: secret.name }
        if (!after.includes(secret.placeholder)) continue
        if (header.lower === 'host' || !isFor(secret, host))
          return { status: 'elsewhere', secret: secret.name }
        used.add(secret.name)
        after = after.replaceAll(secret.placeholder, () => secret.value)
      }
      if (after === before) changed.push(header)
      else
        changed.push({
          ...header,
          value: basic === null ? after : `Basic ${Buffer.from(after, 'latin1').toString('base64')}`,
        })
    }
    return { status: 'done', headers: changed, used: [...used] }
  }

  /** Takes the values out of what the host answers; `null` where it has never been sent any. */
  scrubberFor(host: string): Scrubber | null {
    const own = this.#for(host)
    return own.length === 0 ? null : new Scrubber(own.flatMap(({ value }) => formsOf(value)))
  }

  #for(host: string): readonly Secret[] {
    return this.#secrets.filter((secret) => isFor(secret, host))
  }
}

function isFor({ hosts }: Secret, host: string): boolean {
  return hosts.some((pattern) => hostMatches(pattern, host))
}

const AS_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

/**
 * As it is, and as servers write what they were sent: in an address or a form, in JSON, in HTML, in hexadecimal, in
 * UTF-16, in Base64 wherever it begins.
 */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value, 'latin1')
  const inAddress = encodeURIComponent(value)
  const inJson = JSON.stringify(value).slice(1, -1)
  const entities = value.replace(/[&<>"]/g, (one) => AS_ENTITIES[one]!)
  const wide = Buffer.from(value, 'utf16le').toString('latin1')
  const forms = new Set([
    value,
    inAddress,
    inAddress.replace(/%[0-9A-F]{2}/g, (one) => one.toLowerCase()),
    inAddress.replaceAll('%20', '+'),
    inJson,
    inJson.replaceAll('/', '\\/'),
    entities,
    entities.replaceAll("'", '&#39;'),
    entities.replaceAll("'", '&#x27;'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    // Of either order of bytes: what lies between the first zero and the last.
    wide.slice(0, -1),
  ])
  for (const shift of [0, 1, 2]) {
    // Of the characters at both ends some bits belong to what stands beside it.
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const begin = shift === 0 ? 0 : shift + 1
    const end = text.length - ((shift + bytes.length) % 3 === 0 ? 0 : 1)
    const inside = text.slice(begin, end)
    forms.add(inside)
    forms.add(inside.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return [...forms].filter((form) => form.length >= 8)
}
