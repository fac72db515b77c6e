import type { SecretHit } from './find.ts'
import { isPlaceholder } from './looks-random.ts'
import { mayNameSecret, namedSecret, plainName, secretUnder } from './named-value.ts'

const NAME_MAX = 48
const VALUE_MAX = 512
const URL_MAX = 512

/** `name = value`, `name: value`, `"name": "value"`, `name => value`, `name := value`, `?name=value`. */
export function atAssignment(text: string, at: number, ahead: Ahead): SecretHit | undefined {
  let value = at + 1
  if (text[value] === '>' || text[value] === '=') value += 1
  value = skipSpace(text, value)
  const quote = quoteAt(text, value)
  value += quote.length
  if (value + 6 > text.length) return undefined
  const name = nameBefore(text, at)
  if (name.length < 3) return undefined
  const plain = plainName(name)
  if (!mayNameSecret(plain)) return undefined
  const end = valueEnd(text, value, quote, ahead)
  const scheme = /^(?:Bearer|Basic|Token|ApiKey)\s+/i.exec(text.slice(value, Math.min(end + 16, value + 16)))
  if (scheme !== null) return undefined
  const kind = secretUnder(plain, text.slice(value, end))
  return kind === undefined ? undefined : { kind, start: value, end }
}

/** At a colon: a password in the user part of a URL, else an assignment. */
export function atColon(text: string, at: number, ahead: Ahead): SecretHit | undefined {
  if (text[at + 1] === '/' && text[at + 2] === '/')
    return ahead.at.from(at + 3) - at - 3 >= Math.min(URL_MAX, text.length - at - 3)
      ? undefined
      : urlPassword(text, at)
  const next = text.charCodeAt(at + 1)
  if (next === 58 || next === 47) return undefined
  return atAssignment(text, next === 61 ? at + 1 : at, ahead)
}

/** Where a character of a class comes next. Asked at places that go forward, it reads the text once. */
class Next {
  readonly #text: string
  readonly #pattern: RegExp
  #from = 0
  #at = -1

  /** `pattern` matches one character and is global. */
  constructor(text: string, pattern: RegExp) {
    this.#text = text
    this.#pattern = pattern
  }

  /** At `place` or behind it; the length of the text where there is none. */
  from(place: number): number {
    if (place >= this.#from && place <= this.#at) return this.#at
    this.#pattern.lastIndex = place
    this.#at = this.#pattern.exec(this.#text)?.index ?? this.#text.length
    this.#from = place
    return this.#at
  }
}

/** What the search for values looks ahead for; one for each text. */
export interface Ahead {
  readonly at: Next
  readonly stop: Next
}

const AT_SIGN = /@/g
const END_OF_VALUE = /[ \t\r\n"'`,;<>(){}[\]|&\\]/g

export function aheadIn(text: string): Ahead {
  return { at: new Next(text, AT_SIGN), stop: new Next(text, END_OF_VALUE) }
}

const DATABASES =
  /^(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|oracle|clickhouse|cockroachdb|couchdb|cassandra|neo4j|bolt|ldaps?|nats|kafka|jdbc)/i

function urlPassword(text: string, colon: number): SecretHit | undefined {
  const user = colon + 3
  let separator = -1
  let last = -1
  for (let i = user; i < text.length && i - user < URL_MAX; i += 1) {
    const code = text.charCodeAt(i)
    if (code <= 32 || code === 34 || code === 39 || code === 60 || code === 62 || code === 96) break
    // A slash ends the host; before the last @ it may be part of a badly written password.
    if ((code === 47 || code === 63 || code === 35) && last !== -1) break
    if (code === 58 && separator === -1) separator = i
    if (code === 64 && separator !== -1) last = i
  }
  if (separator === -1 || last <= separator + 1) return undefined
  const password = text.slice(separator + 1, last)
  if (
    /[/?#]/.test(text.slice(user, separator)) ||
    isPlaceholder(password) ||
    /^(?:pass(?:word)?|pwd|secret|token|\W+)$/i.test(password)
  )
    return undefined
  // host:443/a@b is a port and a path.
  if (/^\d{1,5}[/?#]/.test(password)) return undefined
  const scheme = /[a-z][a-z0-9+.-]*$/i.exec(text.slice(Math.max(0, colon - 24), colon))?.[0] ?? ''
  return { kind: DATABASES.test(scheme) ? 'database_url' : 'url_password', start: separator + 1, end: last }
}

const PROSE =
  /\bpass(?:word|code|phrase|wort)s?(?: for [^\s.]{1,40}| to [^\s.]{1,40})? (?:is|was|ist|lautet)(?: now)?:? ["'`\u201c]?([^\s"'`\u201d]{6,64})/gi

const KEY_PROSE = /\b(?:token|key|secret)s? (?:is|was)(?: now)?:? ["'`\u201c]?([\w+/=.~-]{16,256})/gi

// The words to look for before a pattern is tried: a plain search costs next to nothing.
const IN_PROSE = [
  { name: 'password', pattern: PROSE, words: ['pass', 'Pass', 'PASS'] },
  { name: 'token', pattern: KEY_PROSE, words: ['oken ', 'key ', 'ecret ', 'KEY ', 'Key '] },
] as const

/** “The password is …”, “my token is …” in a sentence. */
export function namedInProse(text: string): SecretHit[] {
  const hits: SecretHit[] = []
  for (const { name, pattern, words } of IN_PROSE) {
    if (!words.some((word) => text.includes(word))) continue
    for (const match of text.matchAll(pattern)) {
      const value = match[1]!.replace(/[.,;:!?)]+$/, '')
      const start = match.index + match[0].length - match[1]!.length
      const kind = namedSecret(name, value)
      if (kind !== undefined) hits.push({ kind, start, end: start + value.length })
    }
  }
  return hits
}

function nameBefore(text: string, at: number): string {
  let end = at
  if (text[end - 1] === ':' || text[end - 1] === '?') end -= 1
  while (end > 0 && at - end < 4 && ' \t'.includes(text[end - 1]!)) end -= 1
  while (end > 0 && at - end < 8 && '"\'`]\\'.includes(text[end - 1]!)) end -= 1
  let start = end
  while (start > 0 && end - start < NAME_MAX && isNamePart(text.charCodeAt(start - 1))) start -= 1
  return text.slice(start, end)
}

function isNamePart(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) ||
    code === 95 || code === 45 || code === 46 || code === 32 || code > 127
  ) // prettier-ignore
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at - from < 4 && (text[at] === ' ' || text[at] === '\t')) at += 1
  return at
}

function quoteAt(text: string, at: number): string {
  const escaped = text[at] === '\\' ? '\\' : ''
  const mark = text[at + escaped.length]
  return mark === '"' || mark === "'" || mark === '`' ? escaped + mark : ''
}

function valueEnd(text: string, from: number, quote: string, ahead: Ahead): number {
  // One character more than a value may have tells that it is too long.
  const most = Math.min(text.length, from + VALUE_MAX + 1)
  if (quote === '') return Math.min(ahead.stop.from(from), most)
  const mark = quote.at(-1)
  let end = from
  while (end < most && text[end] !== mark && text[end] !== '\r' && text[end] !== '\n') end += 1
  return quote.length === 2 && text[end - 1] === '\\' ? end - 1 : end
}
