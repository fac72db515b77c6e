import { aheadIn, atAssignment, atColon, namedInProse } from './assignment.ts'
import { TOKEN_FORMATS } from './formats.ts'
import { looksRandom } from './looks-random.ts'
import { pemAt } from './pem.ts'
import { NAMED_VALUES } from './provider-values.ts'
import { compileShape, type Shape } from './shape.ts'

/** A stretch of text, in UTF-16 units: from `start` up to, not including, `end`. */
export interface SecretHit {
  readonly start: number
  readonly end: number
  /** A provider, or what kind of secret it is: `github`, `private_key`, `password`. */
  readonly kind: string
}

interface Format extends Shape {
  readonly kind: string
  readonly row: number
}

const FORMATS: readonly Format[] = Object.entries(TOKEN_FORMATS)
  .flatMap(([kind, templates]) => templates.map((template) => ({ kind, ...compileShape(template) })))
  .map((format, row) => ({ ...format, row }))

/** How many token formats the table holds. */
export const FORMAT_COUNT = FORMATS.length

/** Every kind that a find can have. */
export const SECRET_KINDS: ReadonlySet<string> = new Set([
  ...Object.keys(TOKEN_FORMATS),
  ...Object.keys(NAMED_VALUES),
  'private_key',
  'password',
  'named_secret',
  'database_url',
  'url_password',
])

// Two characters choose the few formats that can be there; all other positions cost one look at this table.
const BY_PAIR = new Uint16Array(128 * 128)
const BUCKETS: { readonly format: Format; readonly offset: number }[][] = [[]]
for (const format of FORMATS) {
  const { anchor } = format
  if (anchor.length < 2) throw new Error(`a format of ${format.kind} has no literal part of two characters`)
  const at = rarestPair(anchor)
  const pair = (anchor.charCodeAt(at) << 7) | anchor.charCodeAt(at + 1)
  if (BY_PAIR[pair] === 0) BY_PAIR[pair] = BUCKETS.push([]) - 1
  BUCKETS[BY_PAIR[pair]!]!.push({ format, offset: at })
}

/** Where in the anchor the two characters stand that are the rarest in prose: `t_` of `test_`, not `te`. */
function rarestPair(anchor: string): number {
  let best = 0
  let most = -1
  for (let at = 0; at + 1 < anchor.length; at += 1) {
    const rarity = rarityOf(anchor[at]!) + rarityOf(anchor[at + 1]!)
    if (rarity > most) [best, most] = [at, rarity]
  }
  return best
}

function rarityOf(character: string): number {
  if (/[_$~!+=0-9]/.test(character)) return 3
  if (/[A-Z.:/-]/.test(character)) return 2
  return /[jkqvwxz]/.test(character) ? 1 : 0
}

const EQUALS = 61
const COLON = 58
const DASH = 45
const DOT = 46

/**
 * Secrets in a text: tokens by their format, private keys, passwords in URLs, and values that a name beside them
 * makes secret. They may overlap; of two that are equal the first says more. One pass; the work at each place is
 * bounded.
 */
export function secretsIn(text: string): SecretHit[] {
  const hits: SecretHit[] = []
  const named: SecretHit[] = namedInProse(text)
  const tried = new Map<number, number>()
  const ahead = aheadIn(text)
  let before = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 128) {
      const bucket = BY_PAIR[(before << 7) | code]!
      if (bucket !== 0) {
        const hit = tokenAt(text, at - 1, BUCKETS[bucket]!, tried)
        if (hit !== undefined) hits.push(hit)
      }
      if (code <= EQUALS) {
        let hit: SecretHit | undefined
        if (code === EQUALS) hit = atAssignment(text, at, ahead)
        else if (code === COLON) hit = atColon(text, at, ahead)
        else if (code === DASH && before === DASH) hit = pemAt(text, at)
        else if (code === DOT && text.charCodeAt(at + 7) === DOT) hit = discordAt(text, at)
        // A format says more about a token than the name before it: where they are the same, it comes first.
        if (hit !== undefined) (code === EQUALS || code === COLON ? named : hits).push(hit)
        if (hit?.kind === 'private_key') at = hit.end - 1
      }
      before = code
    } else before = 0
  }
  return [...hits, ...named]
}

function tokenAt(
  text: string,
  pairAt: number,
  candidates: (typeof BUCKETS)[number],
  tried: Map<number, number>,
): SecretHit | undefined {
  for (const { format, offset } of candidates) {
    const anchorAt = pairAt - offset
    const start = anchorAt - format.offset
    if (start < 0 || !text.startsWith(format.anchor, anchorAt)) continue
    if (!format.distinctive && start > 0 && format.boundary.test(text[start - 1]!)) continue
    // A long run that was read once is not read again from each place within it.
    if ((tried.get(format.row) ?? -1) > start) continue
    format.pattern.lastIndex = start
    const match = format.pattern.exec(text)
    if (match === null) continue
    const end = start + match[0].length
    tried.set(format.row, end)
    if (isSecret(format, match[0])) return { kind: format.kind, start, end }
  }
  return undefined
}

function isSecret(format: Format, token: string): boolean {
  if (format.kind === 'basic_auth')
    return /^[!-9;-~]+:[ -~]+$/.test(Buffer.from(token.slice(6), 'base64').toString('latin1'))
  const body = format.offset === 0 ? token.slice(format.anchor.length) : token
  return looksRandom(body === '' ? token : body, body.length < 16 ? 2 : 2.8)
}

const DISCORD = /[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])/y

/** A Discord bot token has no mark: three parts, the first a number in Base64, which therefore starts with M, N or O. */
function discordAt(text: string, dot: number): SecretHit | undefined {
  for (let length = 24; length <= 26; length += 1) {
    const start = dot - length
    if (start < 0 || (start > 0 && /[\w-]/.test(text[start - 1]!))) continue
    DISCORD.lastIndex = start
    const match = DISCORD.exec(text)
    if (match !== null && looksRandom(match[0], 4))
      return { kind: 'discord', start, end: start + match[0].length }
  }
  return undefined
}
