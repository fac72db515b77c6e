import { wholeAt, type PiiHit, type Search } from './hit.ts'

const MONTH =
  '(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]|ene|abr|ago|dic|janv|févr|avr|juin|juil|août|déc)\\p{L}{0,8}'
const NUMERIC_DATE = /(?:(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.] ?\d{1,2}[-/.] ?(?:\d{4}|\d{2}))/y
const DAY_FIRST = new RegExp(
  `\\d{1,2}(?:st|nd|rd|th|er|\\.)?(?: of| de)? ${MONTH}\\.?(?: de)?,? \\d{4}`,
  'iuy',
)
const MONTH_FIRST = new RegExp(`${MONTH}\\.? \\d{1,2}(?:st|nd|rd|th)?,? \\d{4}`, 'iuy')
const MONTH_BEFORE = new RegExp(`(?<!\\p{L})${MONTH}\\.? $`, 'iu')
const BIRTH_REACH = 32

/** A date that starts with the number at `start`, or with the month before it, after a word for birth. */
export function birthDateHit(search: Search, start: number): PiiHit | undefined {
  const { text, near } = search
  if (!near('birth', start, BIRTH_REACH)) return undefined
  const match = wholeAt(NUMERIC_DATE, text, start) ?? wholeAt(DAY_FIRST, text, start)
  if (match !== null) return { kind: 'birth_date', start, end: start + match[0].length }
  const month = MONTH_BEFORE.exec(text.slice(Math.max(0, start - 16), start))
  if (month === null) return undefined
  const named = wholeAt(MONTH_FIRST, text, start - month[0].length)
  return named === null
    ? undefined
    : { kind: 'birth_date', start: named.index, end: named.index + named[0].length }
}

const COORDINATES = /-?\d{1,2}\.\d{4,15}°? ?[NS]?[,;/ ] ?[EW]?-?\d{1,3}\.\d{4,15}(?:°? ?[EW]\b|°)?/y

/** Latitude and longitude in decimal degrees, each with at least four places: eleven metres or better. */
export function locationHit(search: Search, start: number): PiiHit | undefined {
  const { text } = search
  if (text[start + 1] !== '.' && text[start + 2] !== '.') return undefined
  const match = wholeAt(COORDINATES, text, text[start - 1] === '-' ? start - 1 : start)
  if (match === null) return undefined
  const [latitude, longitude] = match[0].match(/-?\d+\.\d+/g)?.map(Number) ?? []
  if (
    latitude === undefined ||
    longitude === undefined ||
    Math.abs(latitude) > 90 ||
    Math.abs(longitude) > 180
  )
    return undefined
  return { kind: 'location', start: match.index, end: match.index + match[0].length }
}

const STREET =
  /^(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|highway|hwy|parkway|pkwy|crescent|close)[.,;]?$/i
const STREET_WORDS_MAX = 5

/** House number and up to five capitalised words that end in a word for street: the English form only. */
export function addressHit(search: Search, start: number, end: number): PiiHit | undefined {
  const { text } = search
  if (end - start > 5) return undefined
  const words = text.slice(end, end + 80).split(' ')
  if (words[0] !== '') return undefined
  let reached = end
  for (const [index, word] of words.slice(1, STREET_WORDS_MAX + 1).entries()) {
    if (!/^[\p{Lu}\d]/u.test(word)) return undefined
    reached += 1 + word.length
    const street = /^[\p{L}.]+/u.exec(word)?.[0] ?? ''
    if (index > 0 && STREET.test(street))
      return { kind: 'address', start, end: reached - word.length + street.length }
  }
  return undefined
}
