import { canonicalJson } from '../../action/digest.ts'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { Bound } from '../../storage/store.ts'

type Bounds = Readonly<Record<string, Bound>>

/**
 * Whether an input is of exactly the kind that the bounds describe: every value of it lies within the bound at its
 * path or at that of an object around it, and there is a value for every bound. A name with a dot in it fits none.
 */
export function withinBounds(bounds: Bounds, input: JsonObject): boolean {
  const met = new Set<string>()
  const fits = (value: JsonValue, path: string): boolean => {
    if (Object.hasOwn(bounds, path)) {
      met.add(path)
      return isWithin(bounds[path] as Bound, value)
    }
    if (!isJsonObject(value)) return false
    const members = Object.entries(value)
    return (
      members.length > 0 && members.every(([key, each]) => !key.includes('.') && fits(each, `${path}.${key}`))
    )
  }
  const all = Object.entries(input).every(([key, value]) => !key.includes('.') && fits(value, key))
  return all && met.size === Object.keys(bounds).length
}

function isWithin(bound: Bound, value: JsonValue): boolean {
  if ('any' in bound) return true
  if ('equals' in bound) return same(bound.equals, value)
  if ('one_of' in bound) return bound.one_of.some((one) => same(one, value))
  if ('max_length' in bound) return typeof value === 'string' && value.length <= bound.max_length
  if (bound.min === undefined && bound.max === undefined) return false
  return (
    typeof value === 'number' &&
    value >= (bound.min ?? Number.NEGATIVE_INFINITY) &&
    value <= (bound.max ?? Number.POSITIVE_INFINITY)
  )
}

function same(a: JsonValue, b: JsonValue): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

const MILLION = 1_000_000

/** A number that is added up, in millionths, rounded up; `undefined` for what cannot be counted. */
export function millionths(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return undefined
  // 0.1 * 1e6 may come out a hair above the integer; trim the binary noise before rounding up.
  const counted = Math.ceil(Number((value * MILLION).toPrecision(15)))
  return Number.isSafeInteger(counted) ? counted : undefined
}

/** The value at a dotted path below the input; `undefined` where it leads nowhere. */
export function valueAt(input: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = input
  for (const key of path.split('.')) {
    if (value === undefined || !isJsonObject(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}
