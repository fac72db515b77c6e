import { normaliseForMatching } from '../../../../action/normalise.ts'
import { rememberRecent } from '../../../../action/recent-texts.ts'
import { spaced, surveyOf } from './words.ts'

/** Three or more single characters in a row: "f r e e", "f.r.e.e". */
const SPELLED_OUT = / [\p{L}\p{N}](?: [\p{L}\p{N}]){2,}(?= )/gu

/** Signs inside a word: "guar.anteed", "guar-an*teed"; but not the apostrophe of "we're". */
const BROKEN = /(?<=\p{L})(?!['’](?:s|t|d|m|re|ve|ll)(?!\p{L}))[._*·•|~+\-'’‘`^,]+(?=\p{L})/gu

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
/** The other reading of the signs that stand for l as well. */
const ONE_IS_L: Readonly<Record<string, string>> = { ...LEET_SIGNS, '1': 'l', '!': 'l' }

const LEET = /[01!34@5$78]/g
/** A sign beside a letter; exclamation marks at the end of a word are just that. */
const SIGN_AT_LETTER = /[01!34@5$78][a-z]|[a-z][01345@$78]/g
const IN_TOKEN = /[a-z0-9!@$]/

export interface Readings {
  /** The text as `normaliseForMatching` has it. */
  readonly normal: string
  /** Its words with one space around each. */
  readonly words: string
  /** Its words in other readings, where there are any. */
  readonly others: readonly string[]
  /** What is spelled out, each run of single characters as one word. */
  readonly spelledOut: readonly string[]
}

/**
 * How a text can be read: as it stands, and with spelled-out and broken words made whole again and the
 * digits in words taken for letters. Several checks look at the same text in turn, so the last answers are
 * kept.
 */
export const readingsOf: (text: string) => Readings = rememberRecent(read)

function read(text: string): Readings {
  const normal = normaliseForMatching(text)
  const { words, joined, leet, singles } = surveyOf(normal)
  if (!joined && !leet && !singles) return { normal, words, others: NONE, spelledOut: NONE }
  const mended = joined ? normal.replace(BROKEN, '') : normal
  const versions = new Set(mended === normal ? [] : [mended])
  // Taking signs out between letters brings no digit beside a letter and makes no word shorter, so that what
  // was not there before is not there afterwards.
  if (leet) {
    for (const version of [normal, ...versions]) {
      const letters = inLetters(version, LEET_SIGNS)
      if (letters === version) continue
      versions.add(letters)
      versions.add(inLetters(version, ONE_IS_L))
    }
  }
  const others = new Set<string>()
  const spelledOut: string[] = []
  if (singles) {
    others.add(joinSpelledOut(words, spelledOut))
    for (const version of versions) others.add(joinSpelledOut(spaced(version), spelledOut))
  } else for (const version of versions) others.add(spaced(version))
  others.delete(words)
  return { normal, words, others: [...others], spelledOut: [...new Set(spelledOut)] }
}

const NONE: readonly string[] = []

function joinSpelledOut(words: string, into: string[]): string {
  return words.replace(SPELLED_OUT, (run) => {
    const word = run.replaceAll(' ', '')
    into.push(word)
    return ` ${word}`
  })
}

/** Only the words that mix letters and signs are touched; most texts have few. */
function inLetters(text: string, signs: Readonly<Record<string, string>>): string {
  let done = ''
  let from = 0
  SIGN_AT_LETTER.lastIndex = 0
  for (let match = SIGN_AT_LETTER.exec(text); match !== null; match = SIGN_AT_LETTER.exec(text)) {
    let start = match.index
    while (start > from && IN_TOKEN.test(text[start - 1]!)) start -= 1
    let end = match.index + 2
    while (end < text.length && IN_TOKEN.test(text[end]!)) end += 1
    const next = end
    while (text[end - 1] === '!') end -= 1
    done += text.slice(from, start) + text.slice(start, end).replace(LEET, (sign) => signs[sign] ?? sign)
    from = end
    SIGN_AT_LETTER.lastIndex = next
  }
  return from === 0 ? text : done + text.slice(from)
}
