import { isEmojiAt } from '../../../../action/normalise.ts'

const NOT_ASCII_RUN = /[^\x00-\x7f]+/g // oxlint-disable-line no-control-regex
const SIGNS = /[^\p{L}\p{N}\p{M}]+/gu

/** 1 where an ASCII character is part of a word; texts are lower-case, so capitals count as signs. */
const IN_WORD = new Uint8Array(128)
for (const letter of 'abcdefghijklmnopqrstuvwxyz0123456789') IN_WORD[letter.charCodeAt(0)] = 1

const SPACE = 32
const ROOM = 4096
// Filled and read within one call. A string of bytes takes half the memory of one of wider units, and
// patterns run over it faster.
const units = new Uint16Array(ROOM)
const bytes = Buffer.alloc(ROOM)
const unitBytes = Buffer.from(units.buffer)

/** The words of a normalised text with one space around each: ` guaranteed returns `. Signs are gone. */
export function spaced(normal: string): string {
  // Unicode classes are slow, so they see only what is not told at a glance.
  return (
    squeezed(normal) ??
    squeezed(
      normal.replace(NOT_ASCII_RUN, (run) => run.replace(SIGNS, ' ')),
      true,
    )!
  )
}

/** `null` where a character is neither known to be a sign nor to be part of a word. */
function squeezed(text: string, signsAreAscii = false): string | null {
  let words = ''
  let bits = 0
  let last = SPACE
  let length = 1
  units[0] = SPACE
  bytes[0] = SPACE
  for (let i = 0; i < text.length; i++) {
    let unit = text.charCodeAt(i)
    if (unit < 128) {
      if (IN_WORD[unit] === 0) {
        if (last === SPACE) continue
        unit = SPACE
      }
    } else if (!signsAreAscii && !isLetterBeyondAscii(unit)) {
      if (isEmojiAt(text, i)) i++
      else if (!isPunctuation(unit)) return null
      if (last === SPACE) continue
      unit = SPACE
    }
    bits |= unit
    units[length] = unit
    bytes[length] = unit
    last = unit
    if (++length < ROOM) continue
    words += taken(length, bits)
    length = 0
  }
  if (length > 0) words += taken(length, bits)
  return last === SPACE ? words : `${words} `
}

/** The dashes, quotation marks, dots and bullets of prose. */
export function isPunctuation(unit: number): boolean {
  return unit >= 0x2010 && unit <= 0x2027
}

/** Letters that are told at a glance: Latin with accents, kana, ideographs, Hangul. There are others. */
export function isLetterBeyondAscii(unit: number): boolean {
  return (
    (unit >= 0xc0 && unit <= 0xff && unit !== 0xd7 && unit !== 0xf7) ||
    (unit >= 0x3041 && unit <= 0x3096) ||
    (unit >= 0x30a1 && unit <= 0x30fa) ||
    (unit >= 0x4e00 && unit <= 0x9fff) ||
    (unit >= 0xac00 && unit <= 0xd7a3)
  )
}

function taken(length: number, bits: number): string {
  return bits < 256 ? bytes.toString('latin1', 0, length) : unitBytes.toString('utf16le', 0, 2 * length)
}
