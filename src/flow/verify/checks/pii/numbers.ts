import { isIPv4 } from 'node:net'
import { bsn, cpf, luhn, nir, steuerId, verhoeff } from './checksums.ts'
import { isAlnum, isDigit, wholeAt, type PiiHit, type Search } from './hit.ts'
import { isNorthAmerican, isPhone } from './phone.ts'
import type { PiiKind } from './kinds.ts'

interface Group {
  readonly start: number
  readonly end: number
}

const SEPARATORS = ' -./()_'
const GROUPS_MAX = 64
const WINDOW_MAX = 8
const DIGITS_MAX = 19

/**
 * Reads the row of digit groups that starts at `start`: digits, at most three separators, digits.
 * Whole words only: a group with letters in it ends the row before it.
 */
function rowAt(text: string, start: number): Group[] {
  const groups: Group[] = []
  let at = start
  while (groups.length < GROUPS_MAX) {
    let end = at
    while (isDigit(text.charCodeAt(end))) end += 1
    if (end === at || (isAlnum(text.charCodeAt(end)) && !isExtension(text, end))) break
    groups.push({ start: at, end })
    at = end
    while (at - end < 3 && at < text.length && SEPARATORS.includes(text[at]!)) at += 1
    if (at === end || !isDigit(text.charCodeAt(at))) break
  }
  return groups
}

function isExtension(text: string, at: number): boolean {
  return (text[at] === 'x' || text[at] === 'X') && isDigit(text.charCodeAt(at + 1))
}

/** Everything that is made of digits and separators, from the digit at `start` on. Answers where it stopped reading. */
export function findNumbers(search: Search, start: number, hits: PiiHit[]): number {
  const { text } = search
  const groups = rowAt(text, start)
  const last = groups.at(-1)
  if (last === undefined) {
    let end = start
    while (isAlnum(text.charCodeAt(end))) end += 1
    return end
  }
  const cut = groups.length === GROUPS_MAX ? GROUPS_MAX - WINDOW_MAX : groups.length
  let first = 0
  while (first < cut) {
    const found = longestFrom(search, groups, first)
    if (found !== undefined) hits.push(found.hit)
    first += found?.groups ?? 1
  }
  // A number that the end of a long row cuts in two is read again from its first group.
  return groups[first]?.start ?? last.end
}

function longestFrom(
  search: Search,
  groups: readonly Group[],
  first: number,
): { hit: PiiHit; groups: number } | undefined {
  const from = groups[first]!
  const address = search.wants.has('ip') ? ipFrom(search, from.start) : undefined
  if (address !== undefined) return { hit: address, groups: 4 }
  let length = 0
  let count = 0
  while (count < WINDOW_MAX && first + count < groups.length) {
    const group = groups[first + count]!
    if (length + group.end - group.start > DIGITS_MAX) break
    length += group.end - group.start
    count += 1
  }
  if (length < DIGITS_MIN) return undefined
  const windows = windowsOf(search.text, groups, first, count)
  for (const judge of JUDGES) {
    for (const window of windows) {
      const found = judge(search, window)
      if (found !== undefined) return { hit: found, groups: window.count }
    }
  }
  return undefined
}

/** The fewest digits that any kind has. */
const DIGITS_MIN = 7

/** Some groups in a row, read as one number. */
interface Window {
  readonly start: number
  readonly end: number
  readonly digits: string
  readonly groups: readonly Group[]
  readonly first: number
  readonly count: number
}

/** The windows that begin with the same group and have enough digits, the longest first. */
function windowsOf(text: string, groups: readonly Group[], first: number, most: number): Window[] {
  const windows: Window[] = []
  const { start } = groups[first]!
  let digits = ''
  for (let count = 1; count <= most; count += 1) {
    const group = groups[first + count - 1]!
    digits += text.slice(group.start, group.end)
    if (digits.length >= DIGITS_MIN) windows.unshift({ start, end: group.end, digits, groups, first, count })
  }
  return windows
}

function strongKind(search: Search, window: Window): PiiHit | undefined {
  const kind = kindOf(search, window)
  return kind !== undefined && search.wants.has(kind)
    ? { kind, start: window.start, end: window.end }
    : undefined
}

function kindOf(search: Search, window: Window): PiiKind | undefined {
  const { near } = search
  const { digits, start } = window
  // What costs nothing comes first: most rows of digits are none of these.
  switch (digits.length) {
    case 7:
    case 8:
    case 10:
      return undefined
    case 9:
      if (isSsn(digits) && (/^\d{3}-\d{2}-\d{4}$/.test(written(search, window)) || near('ssn', start, 32)))
        return 'ssn'
      if (near('bsn', start, 40) && bsn(digits)) return 'national_id'
      return undefined
    case 11:
      if (
        cpf(digits) &&
        (/^\d{3}\.\d{3}\.\d{3}-\d{2}$/.test(written(search, window)) || near('cpf', start, 40))
      )
        return 'national_id'
      if (near('steuer', start, 40) && steuerId(digits)) return 'national_id'
      return undefined
    case 12:
      if (
        /^[2-9]/.test(digits) &&
        ((window.count === 3 && sizesOf(window) === '4-4-4') || near('aadhaar', start, 40)) &&
        isTidy(search, window) &&
        verhoeff(digits)
      )
        return 'national_id'
      return undefined
    case 15:
      if (isNirGrouped(window) || near('nir', start, 40)) {
        if (nir(digits) && isTidy(search, window)) return 'national_id'
      }
      break
    default:
  }
  if (window.count > CARD_GROUPS_MAX || !luhn(digits) || !CARD_RANGES.test(digits)) return undefined
  return CARD_SIZES.test(sizesOf(window)) && isTidy(search, window) ? 'card' : undefined
}

function isNirGrouped(window: Window): boolean {
  if (window.count !== 7 && window.count !== 2) return false
  const sizes = sizesOf(window)
  return sizes === '1-2-2-2-3-3-2' || sizes === '13-2'
}

function written({ text }: Search, { start, end }: Window): string {
  return text.slice(start, end)
}

function isTidy(search: Search, window: Window): boolean {
  return !/[()/]/.test(written(search, window))
}

function sizesOf({ groups, first, count }: Window): string {
  return groups
    .slice(first, first + count)
    .map((group) => group.end - group.start)
    .join('-')
}

const CARD_GROUPS_MAX = 5
const CARD_SIZES = /^(?:\d\d|4-4-4-4|4-4-4-4-[1-3]|4-6-5|4-6-4|6-1\d|4-4-4-1|4-4-5|5-5-5)$/
const CARD_RANGES =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-59]|[689]\d)\d{11,16}|35\d{14,17}|(?:60|64|65|62|81)\d{14,17}|(?:5[06-9]|6\d)\d{11,17})$/

/** ISO/IEC 7812: 13 to 19 digits in a range that a network issues, with a right check digit, grouped as on a card. */
function isCard(digits: string, sizes: string): boolean {
  return CARD_SIZES.test(sizes) && CARD_RANGES.test(digits) && luhn(digits)
}

/** Numbers never issued: areas 000, 666, 900–999, group 00, serial 0000; and the two that became advertisements. */
function isSsn(digits: string): boolean {
  return (
    /^(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}$/.test(digits) &&
    digits !== '078051120' &&
    digits !== '219099999'
  )
}

const EXTENSION = / ?(?:x|ext\.? ?)\d{1,6}\b/iy

function shapedPhone(search: Search, { start, end, digits }: Window): PiiHit | undefined {
  return digits.length >= 10 && digits.length <= 13
    ? phoneKind(search, start, end, isNorthAmerican)
    : undefined
}

function knownPhone(search: Search, { start, end, digits }: Window): PiiHit | undefined {
  if (digits.length > 15) return undefined
  return phoneKind(search, start, end, (written) => isPhone(search, written, digits, start, end))
}

const JUDGES = [strongKind, shapedPhone, knownPhone]

function phoneKind(
  search: Search,
  start: number,
  end: number,
  judge: (written: string) => boolean,
): PiiHit | undefined {
  if (!search.wants.has('phone')) return undefined
  const { text } = search
  let from = start
  while (from > 0 && start - from < 2 && (text[from - 1] === '(' || text[from - 1] === '+')) from -= 1
  if (from === start && isGlued(text.charCodeAt(start - 1))) return undefined
  // Half of a longer row of numbers, such as a date or an IP address.
  if (isJoint(text, end, end + 1) || isJoint(text, from - 1, from - 2)) return undefined
  const written = text.slice(from, end)
  if (written.includes('_')) return undefined
  // A bracket that only closes later belongs to the sentence.
  const trimmed = written.startsWith('(') && !written.includes(')') ? written.slice(1) : written
  if (!judge(trimmed)) return undefined
  EXTENSION.lastIndex = end
  const extension = EXTENSION.exec(text)?.[0].length ?? 0
  return { kind: 'phone', start: end - trimmed.length, end: end + extension }
}

function isJoint(text: string, separator: number, digit: number): boolean {
  return '-./'.includes(text.charAt(separator) || ' ') && isDigit(text.charCodeAt(digit))
}

function isGlued(before: number): boolean {
  return before === 36 || before === 35 || before === 95
}

const IP = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/y

function ipFrom(search: Search, start: number): PiiHit | undefined {
  const { text } = search
  if (text[start + 1] !== '.' && text[start + 2] !== '.' && text[start + 3] !== '.') return undefined
  const match = wholeAt(IP, text, start)
  if (match === null || !isIPv4(match[0]) || text[start - 1] === '.') return undefined
  const end = start + match[0].length
  if (text[end] === '.' && isDigit(text.charCodeAt(end + 1))) return undefined
  // Addresses that name no machine in particular.
  if (/^(?:127\.|0\.|255\.255\.255\.)/.test(match[0]) || search.near('version', start, 2)) return undefined
  return { kind: 'ip', start, end }
}

/** A card number with letters right before or after it, as in `cc4111…`. Hashes are left alone. */
export function gluedCard(text: string, start: number, end: number): PiiHit | undefined {
  const word = text.slice(start, end)
  if (word.length >= 32 && /^[0-9a-f]+$/i.test(word)) return undefined
  for (const match of word.matchAll(/\d+/g)) {
    const digits = match[0]
    if (digits.length < 13 || digits.length > DIGITS_MAX || !isCard(digits, String(digits.length))) continue
    return { kind: 'card', start: start + match.index, end: start + match.index + digits.length }
  }
  return undefined
}
