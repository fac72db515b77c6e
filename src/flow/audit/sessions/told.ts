import type { StateName } from '../../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { StoredRecord } from '../../../storage/store.ts'

/** What a record tells of a step of an action. */
export interface Told {
  readonly id: string
  readonly agent: string
  readonly at: number
  readonly kind: string
  readonly version: number
  readonly state: StateName
  readonly said: JsonObject
  readonly facts: JsonObject
}

/** `null` for records that are about no step of an action. */
export function told(record: StoredRecord): Told | null {
  const { action: id, agent, at, kind } = record
  if (id === null || agent === null) return null
  const said = JSON.parse(record.text) as JsonObject
  const { version, state } = said
  if (typeof version !== 'number' || typeof state !== 'string') return null
  return {
    id,
    agent,
    at,
    kind,
    version,
    state: state as StateName,
    said,
    facts: objectIn(said, 'facts'),
  }
}

const LONGEST_NAME = 200

/** A name out of a record, bounded; `null` when it is none. A version may be a number. */
export function nameIn(from: JsonObject, key: string): string | null {
  const value = from[key]
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string' || value === '') return null
  // A model may name itself as it likes; PostgreSQL takes every character but this one.
  return value.slice(0, LONGEST_NAME).toWellFormed().replaceAll('\u0000', '\ufffd')
}

export function objectIn(from: JsonObject, key: string): JsonObject {
  const value = from[key]
  return isJsonObject(value) ? value : {}
}

export function objectsIn(from: JsonObject, key: string): readonly JsonObject[] {
  const value: JsonValue | undefined = from[key]
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** A whole number that is not negative, or 0. */
export function countIn(from: JsonObject, key: string): number {
  const value = from[key]
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}
