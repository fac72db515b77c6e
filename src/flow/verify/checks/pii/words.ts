import { hash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { countrySpecs, isValidIBAN } from 'ibantools'
import { codiceFiscale, nir, spanishId } from './checksums.ts'
import { isAlnum, isDigit, wholeAt, type PiiHit, type Search } from './hit.ts'
import type { PiiKind } from './kinds.ts'

const WORD_MAX = 128

const NINO = /(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]/iy
const CODICE_FISCALE = /[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]/iy
const DNI = /(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]/iy
const NIR_CORSICA = /[12] ?\d\d ?\d\d ?2[AB] ?\d{3} ?\d{3} ?\d\d/iy
const MAC =
  /[0-9A-F]{2}(?::[0-9A-F]{2}:[0-9A-F]{2}:[0-9A-F]{2}:[0-9A-F]{2}:[0-9A-F]{2}|-[0-9A-F]{2}-[0-9A-F]{2}-[0-9A-F]{2}-[0-9A-F]{2}-[0-9A-F]{2})/iy
const ETHEREUM = /0x[0-9a-f]{40}/iy
const BECH32 = /bc1[ac-hj-np-z02-9]{11,71}/iy
const BASE58 = /[13][1-9A-HJ-NP-Za-km-z]{25,34}/y
const IBAN_HEAD = /[A-Z]{2}\d{2}/iy
const DOCUMENT = /(?=[A-Z-]{0,3}\d)[A-Z0-9][A-Z0-9-]{4,18}[A-Z0-9]/iy

/** What is told from letters and digits together, in the word from `start` to `end` and what follows it. */
export function wordHit(search: Search, start: number, end: number, pure: boolean): PiiHit | undefined {
  const length = end - start
  if (length > WORD_MAX) return undefined
  return (
    (pure ? undefined : mixedWordHit(search, start, length)) ??
    nationalHit(search, start, length, pure) ??
    (length <= 4 ? hardware(search, start, end) : undefined)
  )
}

function mixedWordHit(search: Search, start: number, length: number): PiiHit | undefined {
  const { text, wants } = search
  const first = text.charCodeAt(start)
  if (wants.has('iban') && isLetter(first) && length >= 4) {
    const iban = ibanAt(text, start)
    if (iban !== undefined) return iban
  }
  if (length === 16) {
    const match = wholeAt(CODICE_FISCALE, text, start)
    if (match !== null && codiceFiscale(match[0])) return hitOf(search, 'national_id', match)
  }
  if (length === 42 && first === 48) return hitOf(search, 'crypto', wholeAt(ETHEREUM, text, start))
  if (length >= 14 && (first === 98 || first === 66))
    return hitOf(search, 'crypto', wholeAt(BECH32, text, start))
  if (length >= 26 && length <= 35 && (first === 49 || first === 51)) {
    const match = wholeAt(BASE58, text, start)
    if (match !== null && base58check(match[0])) return hitOf(search, 'crypto', match)
  }
  return undefined
}

function nationalHit(search: Search, start: number, length: number, pure: boolean): PiiHit | undefined {
  const { text } = search
  if (length <= 9) {
    const national = spanishOrCorsican(text, start, length)
    if (national !== null) return hitOf(search, 'national_id', national)
  }
  if (pure && length > 6) return undefined
  if (!pure)
    return length === 4 || length === 8 || length === 9
      ? hitOf(search, 'nino', wholeAt(NINO, text, start))
      : undefined
  return text[start - 1] === ' ' && isLetter(text.charCodeAt(start - 2))
    ? hitOf(search, 'nino', wholeAt(NINO, text, start - 3))
    : undefined
}

function hitOf(search: Search, kind: PiiKind, match: RegExpExecArray | null): PiiHit | undefined {
  if (match === null || !search.wants.has(kind)) return undefined
  return { kind, start: match.index, end: match.index + match[0].length }
}

function spanishOrCorsican(text: string, start: number, length: number): RegExpExecArray | null {
  const first = text.charCodeAt(start)
  const spanish = length >= 8 || (first > 57 && length === 1) ? wholeAt(DNI, text, start) : null
  if (spanish !== null && spanishId(spanish[0].replaceAll('-', ''))) return spanish
  if (first !== 49 && first !== 50) return null
  const corsican = wholeAt(NIR_CORSICA, text, start)
  return corsican !== null && nir(corsican[0].replaceAll(' ', '')) ? corsican : null
}

/** A document number right after the words for it: no checksum tells one from an order number. */
export function documentHit(search: Search, start: number, length: number): PiiHit | undefined {
  const { text, wants, near } = search
  if (length < 5 || length > 19) return undefined
  if (!hasDigits(text, start, length, 4)) return undefined
  for (const [kind, topic] of [
    ['passport', 'passport'],
    ['driver_licence', 'licence'],
  ] as const) {
    if (!wants.has(kind) || !near(topic, start, 24)) continue
    const match = wholeAt(DOCUMENT, text, start)
    if (match !== null) return { kind, start, end: start + match[0].length }
  }
  return undefined
}

function hasDigits(text: string, start: number, length: number, least: number): boolean {
  let count = 0
  for (let i = start; i < start + length; i += 1) if (isDigit(text.charCodeAt(i))) count += 1
  return count >= least
}

function ibanAt(text: string, start: number): PiiHit | undefined {
  if (!isIbanHead(text, start)) return undefined
  const chars = countrySpecs[text.slice(start, start + 2).toUpperCase()]?.chars
  if (chars === undefined || chars === null) return undefined
  let compact = ''
  let at = start
  while (compact.length < chars && at < start + 2 * chars) {
    const code = text.charCodeAt(at)
    if (isAlnum(code)) compact += text[at]
    else if (code !== 32 && code !== 45) return undefined
    at += 1
  }
  if (compact.length < chars || isAlnum(text.charCodeAt(at)) || !isValidIBAN(compact.toUpperCase()))
    return undefined
  return { kind: 'iban', start, end: at }
}

function isIbanHead(text: string, start: number): boolean {
  IBAN_HEAD.lastIndex = start
  return IBAN_HEAD.test(text)
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Bitcoin's Base58Check: 21 bytes and the first four of their double SHA-256. */
function base58check(text: string): boolean {
  let value = 0n
  for (const letter of text) value = value * 58n + BigInt(ALPHABET.indexOf(letter))
  const hex = value.toString(16).padStart(50, '0')
  if (hex.length !== 50) return false
  const payload = Buffer.from(hex.slice(0, 42), 'hex')
  return hash('sha256', hash('sha256', payload, 'buffer'), 'hex').startsWith(hex.slice(42))
}

/** MAC and IPv6: the run of hex digits and colons around the word. */
export function hardware(search: Search, start: number, end: number): PiiHit | undefined {
  const { text, wants } = search
  const before = text[start - 1]
  const after = text[end]
  if (before !== ':' && before !== '-' && after !== ':' && after !== '-') return undefined
  let from = start
  while (from > 0 && start - from < 46 && isHexOr(text.charCodeAt(from - 1), before === '-' ? 45 : 58))
    from -= 1
  if (wants.has('mac')) {
    const mac = wholeAt(MAC, text, from)
    if (mac !== null) return { kind: 'mac', start: from, end: from + mac[0].length }
  }
  if (!wants.has('ip')) return undefined
  let to = end
  while (to < text.length && to - start < 46 && (isHexOr(text.charCodeAt(to), 58) || text[to] === '.'))
    to += 1
  while (to > from && (text[to - 1] === '.' || (text[to - 1] === ':' && text[to - 2] !== ':'))) to -= 1
  const run = text.slice(from, to)
  if (isAlnum(text.charCodeAt(from - 1)) || isAlnum(text.charCodeAt(to))) return undefined
  // Shorter ones, such as ::1 or d::, are loopback or the scope operator of a programming language.
  return run.length >= 7 && run.includes(':') && isIPv6(run)
    ? { kind: 'ip', start: from, end: to }
    : undefined
}

function isHexOr(code: number, other: number): boolean {
  return (
    code === other || (code >= 48 && code <= 57) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102)
  )
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}
