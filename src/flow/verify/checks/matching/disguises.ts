import { spaced } from './words.ts'

/** Three or more single characters in a row: "f r e e", "f.r.e.e". */
const SPELLED_OUT = / [\p{L}\p{N}](?: [\p{L}\p{N}]){2,}(?= )/gu

/** Signs inside a word: "guar.anteed", "guar-an*teed". */
const BROKEN = /(?<=\p{L})[._*·•|~+\-'’‘`^,]+(?=\p{L})/gu

/** Digits and signs that stand for letters; only where letters are near. */
const LEET_SIGNS: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '!': 'i',
  '3': 'e',
  '4': 'a',
  '@': 'a',
  '5': 's',
  $: 's',
  '7': 't',
  '8': 'b',
}
/** The signs that stand for l as well. */
const LETTER_L: Readonly<Record<string, string>> = { '1': 'l', '!': 'l' }

const LEET = /[01!34@5$78]/g
const TOKEN = /[a-z0-9!@$]+/g
const HAS_LETTER = /[a-z]/
/** A sign among letters; exclamation marks at the end of a word are just that. */
const HAS_SIGN = /[01!34@5$78][a-z0-9@$]|[a-z][01345@$78]/

export interface Disguised {
  /** Other readings of the text, as spaced words. */
  readonly readings: readonly string[]
  /** What is spelled out, each run of single characters as one word. */
  readonly spelledOut: readonly string[]
}

/**
 * Readings of a normalised text in which spelled-out and broken words are whole again and digits in words
 * are letters. `words` is the text itself as spaced words. Most texts have none.
 */
export function disguised(normal: string, words: string): Disguised {
  const readings: string[] = []
  const spelledOut: string[] = []
  const whole = words.replace(SPELLED_OUT, (run) => {
    const word = run.replaceAll(' ', '')
    spelledOut.push(word)
    return ` ${word}`
  })
  if (spelledOut.length > 0) readings.push(whole)
  const mended = normal.replace(BROKEN, '')
  if (mended !== normal) readings.push(spaced(mended))
  if (HAS_SIGN.test(mended)) {
    readings.push(spaced(inLetters(mended, LEET_SIGNS)))
    if (/[1!]/.test(mended)) readings.push(spaced(inLetters(mended, { ...LEET_SIGNS, ...LETTER_L })))
  }
  return { readings, spelledOut }
}

function inLetters(text: string, signs: Readonly<Record<string, string>>): string {
  return text.replace(TOKEN, (token) => {
    if (!HAS_LETTER.test(token) || !HAS_SIGN.test(token)) return token
    let end = token.length
    while (token[end - 1] === '!') end -= 1
    return token.slice(0, end).replace(LEET, (sign) => signs[sign] ?? sign) + token.slice(end)
  })
}
