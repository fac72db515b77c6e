import type { JsonObject } from '../action/json.ts'
import { LONGEST_TAG, MOST_TAGS, TAG_NAME, TAG_VALUE, type Tags } from '../action/tags.ts'
import { BelayError } from '../errors/catalogue.ts'

const LONGEST_HEADER = 2_000

/** Tags as a caller gave them. Throws `input:invalid`: a tag that is dropped in silence is money that nobody finds. */
export function checkTags(tags: Readonly<Record<string, unknown>>, where: string): Tags {
  const entries = Object.entries(tags)
  if (entries.length > MOST_TAGS) throw invalid(where, `at most ${MOST_TAGS} tags`, String(entries.length))
  for (const [name, value] of entries) {
    if (!TAG_NAME.test(name))
      throw invalid(where, 'names of 1 to 32 of a-z, 0-9, _ and -', JSON.stringify(name.slice(0, 40)))
    if (typeof value !== 'string' || value.length > LONGEST_TAG || !TAG_VALUE.test(value))
      throw invalid(`${where}.${name}`, `1 to ${LONGEST_TAG} visible characters`, 'something else')
  }
  return tags as Tags
}

/** `campaign=spring,customer=acme`: a header's tags; values may be percent-encoded. Throws `input:invalid`. */
export function readTags(header: string | undefined, where = 'belay-tags'): Tags | undefined {
  if (header === undefined || header.trim() === '') return undefined
  if (header.length > LONGEST_HEADER)
    throw invalid(where, `at most ${LONGEST_HEADER} characters`, String(header.length))
  const tags = new Map<string, string>()
  for (const part of header.split(',')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(0, equals)).trim()
    if (equals === -1 || tags.has(name))
      throw invalid(where, 'name=value, each name once', JSON.stringify(part.slice(0, 40)))
    tags.set(name, decoded(part.slice(equals + 1).trim(), where))
  }
  return checkTags(Object.fromEntries(tags), where)
}

/** What the record keeps of tags, beside whatever else the door knows. */
export function withTags(
  facts: JsonObject | undefined,
  tags: Tags | undefined,
): { readonly facts?: JsonObject } {
  if (tags === undefined || Object.keys(tags).length === 0) return facts === undefined ? {} : { facts }
  return { facts: { ...facts, tags } }
}

function decoded(value: string, where: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw invalid(where, 'values percent-encoded as UTF-8', JSON.stringify(value.slice(0, 40)))
  }
}

function invalid(where: string, expected: string, got: string): BelayError {
  return new BelayError('input:invalid', { where, expected, got })
}
