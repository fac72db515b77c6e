import type { JsonObject, JsonValue } from '../../../src/action/json.ts'
import { isRecord, type FaultName } from './script.ts'

const USAGE = new Set(['usage', 'usageMetadata'])
const CONTENT = new Set(['choices', 'output', 'content', 'delta', 'candidates', 'data', 'embedding'])

/** What a provider says, in a shape that is wrong in the way of the fault. */
export function distort(data: JsonObject, fault: FaultName | undefined): JsonObject {
  if (fault === 'no_usage') return without(data, USAGE)
  if (fault === 'field_removed') return without(data, CONTENT)
  if (fault === 'zero_usage') return inUsage(data, () => 0)
  return fault === 'schema_drift' ? { ...inUsage(data, String), unheard_of: { since: 'today' } } : data
}

function without(data: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(
    Object.entries(data)
      .filter(([name]) => !names.has(name))
      .map(([name, value]) => [name, isRecord(value) ? without(value, names) : value]),
  )
}

function inUsage(data: JsonObject, change: (count: number) => JsonValue): JsonObject {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      if (!isRecord(value)) return [name, value]
      return [name, USAGE.has(name) ? numbers(value, change) : inUsage(value, change)]
    }),
  )
}

function numbers(data: JsonObject, change: (count: number) => JsonValue): JsonObject {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => {
      if (typeof value === 'number') return [name, change(value)]
      return [name, isRecord(value) ? numbers(value, change) : value]
    }),
  )
}
