import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import { invalid, isList, mapItems, withMember } from './members.ts'

/**
 * The API takes every member in camelCase and in snake_case; which one came. Both at once is refused: which of
 * them counts is the provider's secret, and the other one would go unread.
 */
export function nameOf(object: JsonObject, camel: string, where: string): string {
  const snake = snakeCase(camel)
  const given = object[snake]
  if (snake === camel || given === undefined) return camel
  if (object[camel] !== undefined) throw invalid(`${where}.${snake}`, `${camel} or ${snake}, not both`, given)
  return snake
}

export function memberOf(object: JsonObject, camel: string, where: string): JsonValue | undefined {
  return object[nameOf(object, camel, where)]
}

export function objectOf(object: JsonObject, camel: string, where: string): JsonObject | null {
  const value = memberOf(object, camel, where)
  if (value === undefined || value === null) return null
  if (!isJsonObject(value)) throw invalid(`${where}.${camel}`, 'an object', value)
  return value
}

/** A repeated member: the API takes a single object for a list of one. */
export function objectsOf(object: JsonObject, camel: string, where: string): readonly JsonObject[] {
  const value = memberOf(object, camel, where)
  if (value === undefined || value === null) return []
  if (isJsonObject(value)) return [value]
  if (!isList(value)) throw invalid(`${where}.${camel}`, 'an array of objects', value)
  value.forEach((item, at) => {
    if (!isJsonObject(item)) throw invalid(`${where}.${camel}[${at}]`, 'an object', item)
  })
  return value as readonly JsonObject[]
}

/** Changes the objects of a repeated member, a single one included. */
export function mapObjectsOf(
  object: JsonObject,
  camel: string,
  where: string,
  change: (item: JsonObject, where: string, index: number) => JsonObject,
): JsonObject {
  const name = nameOf(object, camel, where)
  const items = objectsOf(object, camel, where)
  const value = object[name]
  if (value === undefined || value === null) return object
  if (isJsonObject(value)) return withMember(object, name, change(value, `${where}.${name}`, 0))
  return withMember(
    object,
    name,
    mapItems(items, (item, at) => change(item as JsonObject, `${where}.${name}[${at}]`, at)),
  )
}

const snakeNames = new Map<string, string>()

/** Called with names of our own only: what comes from outside does not fill the table. */
function snakeCase(camel: string): string {
  let snake = snakeNames.get(camel)
  if (snake === undefined) {
    snake = toSnakeCase(camel)
    snakeNames.set(camel, snake)
  }
  return snake
}

export function toSnakeCase(camel: string): string {
  return camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
