import type { Effects } from '../../../effects/effects.ts'
import { entityKey, type Operation } from '../../../effects/operation.ts'
import { readDeclaredModels } from './declared-models.ts'
import type { Entity } from './entity.ts'
import { readPrismaSchema } from './prisma-schema.ts'
import { readSqlSchema } from './sql-schema.ts'

/** What the program stores, and which of it is about people. */
export interface Inventory {
  readonly entities: readonly Entity[]
  named(name: string): Entity | null
  of(operation: Operation): Entity | null
  /** Whether any entity about people has a field of this compared name. */
  hasPersonalField(field: string): boolean
}

const KEPT = new WeakMap<Effects, Inventory>()

export function inventoryOf(effects: Effects): Inventory {
  let found = KEPT.get(effects)
  if (found === undefined) {
    found = take(effects)
    KEPT.set(effects, found)
  }
  return found
}

function take(effects: Effects): Inventory {
  const entities: Entity[] = []
  for (const [path, text] of effects.program.texts) {
    if (path.endsWith('.prisma')) entities.push(...readPrismaSchema(path, text))
    else if (
      path.endsWith('.sql') &&
      !/(?:^|\/)prisma\/migrations\/|(?:^|\/)drizzle\/|\.down\.sql$/.test(path)
    )
      entities.push(...readSqlSchema(path, text))
  }
  entities.push(...readDeclaredModels(effects))
  const byKey = new Map<string, Entity>()
  for (const each of entities)
    for (const key of each.keys) if (!byKey.has(key) || each.by !== 'sql') byKey.set(key, each)
  const named = (name: string): Entity | null => byKey.get(entityKey(name)) ?? null
  const personalFields = new Set<string>()
  for (const each of entities)
    if (each.personal)
      for (const [key, field] of each.fields) if (field.category !== null) personalFields.add(key)
  return {
    entities,
    named,
    of: (operation) =>
      operation.kind === 'database' && operation.entity !== null ? named(operation.entity) : null,
    hasPersonalField: (field) => personalFields.has(field),
  }
}
