import { isEmojiAt } from '../../../../action/normalise.ts'

const NOT_ASCII_RUN = /[^\x00-\x7f]+/g // oxlint-disable-line no-control-regex
const SIGNS = /[^\p{L}\p{N}\p{M}]+/gu

/** What a text may hold, as far as one look at each character tells. Where it cannot tell, it may. */
export interface Survey {
  /** The words of the text with one space around each: ` guaranteed returns `. Signs are gone. */
  readonly words: string
  /** A sign that joins letters, other than the apostrophe of "we're". */
  readonly joined: boolean
  /** A digit or a sign that stands for a letter beside one. */
  readonly leet: boolean
  /** Three words of one character in a row. */
  readonly singles: boolean
}

const LETTER = 1
const DIGIT = 2
const JOINS = 4
const LEET = 8
const UNKNOWN = 16

// Texts are in lower case, so capitals count as signs.
const kinds = new Uint8Array(128)
for (const letter of 'abcdefghijklmnopqrstuvwxyz') kinds[letter.charCodeAt(0)] = LETTER
for (const digit of '0123456789') kinds[digit.charCodeAt(0)] = DIGIT
for (const sign of "._*|~+-'`^,") kinds[sign.charCodeAt(0)] = JOINS
for (const sign of '01!34@5$78') kinds[sign.charCodeAt(0)]! |= LEET

const SPACE = 32
const EXCLAMATION = 33
const ROOM = 4096
// Filled and read within one call. A string of bytes takes half the memory of one of wider units, and
// patterns run over it faster.
const units = new Uint16Array(ROOM)
const bytes = Buffer.alloc(ROOM)
const unitBytes = Buffer.from(units.buffer)

/** Surveys a normalised text in one pass. */
export function surveyOf(normal: string): Survey {
  return survey(normal, false)
}

/** `told`: what is not ASCII is part of a word. */
function survey(normal: string, told: boolean): Survey {
  let words = ''
  let bits = 0
  let length = 1
  let inWord = 0
  let singlesInRow = 0
  let before = 0
  let joined = false
  let leet = false
  let singles = false
  let unclear = false
  units[0] = SPACE
  bytes[0] = SPACE
  for (let at = 0; at < normal.length; at++) {
    let unit = normal.charCodeAt(at)
    let kind = unit < 128 ? kinds[unit]! : told ? LETTER : kindBeyondAscii(unit)
    if (kind !== LETTER || (before & LEET) !== 0) {
      if (kind === UNKNOWN) {
        if (isEmojiAt(normal, at)) {
          kind = 0
          at++
        } else {
          kind = LETTER | JOINS
          unclear = true
        }
      }
      if ((before & LETTER) !== 0) {
        if ((kind & JOINS) !== 0 && !isContraction(normal, at)) {
          const next = normal.charCodeAt(at + 1)
          if (next >= 128 || (kinds[next]! & (LETTER | JOINS)) !== 0) joined = true
        }
        if ((kind & LEET) !== 0 && unit !== EXCLAMATION) leet = true
      } else if ((kind & LETTER) !== 0 && (before & LEET) !== 0) leet = true
    }
    before = kind
    if ((kind & (LETTER | DIGIT)) !== 0) inWord++
    else {
      if (inWord === 0) continue
      singlesInRow = inWord === 1 ? singlesInRow + 1 : 0
      if (singlesInRow >= 3) singles = true
      inWord = 0
      unit = SPACE
    }
    bits |= unit
    units[length] = unit
    bytes[length] = unit
    if (++length < ROOM) continue
    words += taken(length, bits)
    length = 0
  }
  if (inWord === 1 && singlesInRow >= 2) singles = true
  if (inWord > 0) {
    units[length] = SPACE
    bytes[length] = SPACE
    length++
  }
  if (length > 0) words += taken(length, bits)
  // Unicode classes are slow, so they see only what is not told at a glance.
  if (unclear) return { words: survey(toldApart(normal), true).words, joined, leet, singles: true }
  return { words, joined, leet, singles }
}

/** The words alone. */
export function spaced(normal: string): string {
  return surveyOf(normal).words
}

function toldApart(text: string): string {
  return text.replace(NOT_ASCII_RUN, (run) => run.replace(SIGNS, ' '))
}

function taken(length: number, bits: number): string {
  return bits < 256 ? bytes.toString('latin1', 0, length) : unitBytes.toString('utf16le', 0, 2 * length)
}

function kindBeyondAscii(unit: number): number {
  return isPunctuation(unit) ? JOINS : isLetterBeyondAscii(unit) ? LETTER : UNKNOWN
}

/** The dashes, quotation marks, dots and bullets of prose, and the small pictures of old. */
export function isPunctuation(unit: number): boolean {
  return (
    (unit >= 0x2010 && unit <= 0x2027) ||
    (unit >= 0x2600 && unit <= 0x2775) ||
    (unit >= 0x3001 && unit <= 0x3003)
  )
}

/** Letters that are told at a glance: Latin with accents, Greek and Cyrillic, kana, ideographs, Hangul. There are others. */
export function isLetterBeyondAscii(unit: number): boolean {
  return (
    (unit >= 0xc0 && unit <= 0x17f && unit !== 0xd7 && unit !== 0xf7) ||
    (unit >= 0x3b1 && unit <= 0x3c9) ||
    (unit >= 0x430 && unit <= 0x45f) ||
    (unit >= 0x1ea0 && unit <= 0x1eff) ||
    (unit >= 0x3041 && unit <= 0x3096) ||
    (unit >= 0x30a1 && unit <= 0x30fa) ||
    (unit >= 0x30fc && unit <= 0x30fe) ||
    (unit >= 0x4e00 && unit <= 0x9fff) ||
    (unit >= 0xac00 && unit <= 0xd7a3)
  )
}

const ENDINGS: ReadonlySet<string> = new Set(['re', 've', 'll'])

/** The apostrophe of "we're" and "it's", which joins nothing that was taken apart. */
function isContraction(normal: string, at: number): boolean {
  const sign = normal.charCodeAt(at)
  if (sign !== 0x27 && sign !== 0x2019) return false
  const first = normal.charAt(at + 1)
  if (first === '') return false
  const length = 'stdm'.includes(first) ? 1 : ENDINGS.has(first + normal.charAt(at + 2)) ? 2 : 0
  if (length === 0) return false
  const behind = normal.charCodeAt(at + 1 + length)
  return !(behind >= 97 && behind <= 122) && !(behind >= 128)
}
