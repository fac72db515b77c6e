import { isSupportedCountry, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/min'
import type { Search } from './hit.ts'

/** Throws a plain sentence for a region that the numbering plans do not know. */
export function checkedRegions(regions: readonly string[]): readonly CountryCode[] {
  return regions.map((region) => {
    if (!isSupportedCountry(region))
      throw new Error(`default_region: expected ISO 3166 codes such as US or GB, got "${region}"`)
    return region
  })
}

const NORTH_AMERICAN = /^(?:\+?1[ .-]?|001[ .-])?(?:\(\d{3}\) ?|\d{3}([ .-]))\d{3}[.-]\d{4}$/
const DATE =
  /^(?:(?:19|20)\d{2}([-/. ])[01]?\d\1[0-3]?\d(?: [0-2]?\d)?|\d{1,2}([-/. ])\d{1,2}\2(?:19|20)\d{2}(?: [0-2]?\d)?)$/
// Two slashes make a date, four groups between dots an IP address or a version.
const NO_PHONE = /\/[^/]*\/|(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])/
const TRAILING = /[ -]{0,2}\(?(?:office|fax|mobile|cell|home|work|phone|tel)\b/iy

/** Grouped in the ways of North America, whether or not the area code is in use. */
export function isNorthAmerican(written: string): boolean {
  return NORTH_AMERICAN.test(written)
}

/**
 * Whether the written number is a telephone number: with a plus or 00 when some plan knows its length; grouped
 * as people write numbers when the plan of a default region has it; anything of 7 to 15 digits when the words
 * around it say so.
 */
export function isPhone(
  search: Search,
  written: string,
  digits: string,
  start: number,
  end: number,
): boolean {
  if (digits.length < 7 || digits.length > 15 || DATE.test(written) || NO_PHONE.test(written)) return false
  const international = written.startsWith('+') || (digits.startsWith('00') && digits.length > 9)
  const grouped = digits.length !== written.length
  const told = !international && isTold(search, start, end)
  if (told && !isRound(digits)) return true
  if (!international && !grouped) return false
  if (search.phoneBudget <= 0) return international || /^[(0]/.test(written)
  search.phoneBudget -= 1
  if (international) {
    const number = written.startsWith('+') ? written : `+${digits.slice(2)}`
    return parsePhoneNumberFromString(number)?.isPossible() === true
  }
  return search.regions.some((region) => parsePhoneNumberFromString(written, region)?.isValid() === true)
}

function isTold(search: Search, start: number, end: number): boolean {
  if (search.near('phone', start, 24)) return true
  TRAILING.lastIndex = end
  return TRAILING.test(search.text)
}

function isRound(digits: string): boolean {
  return /^\d0+$/.test(digits)
}
