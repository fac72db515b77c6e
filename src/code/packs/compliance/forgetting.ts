import type { Expression } from '../../flow-graph/expressions.ts'
import { propertyOf } from '../../effects/chain.ts'
import type { Effects } from '../../effects/effects.ts'
import { entityKey, type Operation, writes } from '../../effects/operation.ts'
import { type Entity, plain } from './inventory/entity.ts'
import { inventoryOf } from './inventory/inventory.ts'

/** How the program lets go of rows. */
export interface Forgetting {
  /** Compared names of what is deleted for good somewhere. */
  readonly deleted: ReadonlySet<string>
  /** … or whose personal fields are emptied. */
  readonly anonymised: ReadonlySet<string>
  /** … or marked as deleted by code. */
  readonly marked: ReadonlySet<string>
  /** … or written to by code. */
  readonly written: ReadonlySet<string>
  /** Whether some deletion names its model only at run time. */
  readonly dynamic: boolean
}

const KEPT = new WeakMap<Effects, Forgetting>()

export function forgettingOf(effects: Effects): Forgetting {
  let found = KEPT.get(effects)
  if (found === undefined) {
    found = look(effects)
    KEPT.set(effects, found)
  }
  return found
}

function look(effects: Effects): Forgetting {
  const inventory = inventoryOf(effects)
  const deleted = new Set<string>()
  const anonymised = new Set<string>()
  const marked = new Set<string>()
  const written = new Set<string>()
  let dynamic = false
  for (const [path, text] of effects.program.texts) {
    if (!/\.(?:sql|ya?ml|prisma)$/.test(path) || text.length > 2_000_000) continue
    for (const each of text.matchAll(/\bdelete\s+from\s+(?:only\s+)?["`[]?([\w.]+)/gi))
      deleted.add(entityKey(each[1] as string))
    for (const each of text.matchAll(/\btruncate\s+(?:table\s+)?["`[]?([\w.]+)/gi))
      deleted.add(entityKey(each[1] as string))
    for (const each of text.matchAll(
      /\bpartition\s+of\s+["`[]?([\w.]+)|["`]?([\w.]+)["`]?\s+partition\s+by\b/gi,
    ))
      deleted.add(entityKey((each[1] ?? each[2]) as string))
  }
  for (const module of effects.program.modules) {
    if (module.test) continue
    if (/\]\s*\.\s*(?:deleteMany|delete|destroy|deleteOne)\s*\(/.test(module.text)) dynamic = true
    for (const each of module.text.matchAll(/\bdelete\s+from\s+(?:only\s+)?["`[]?([A-Za-z_][\w.]*)/gi))
      deleted.add(entityKey(each[1] as string))
    for (const within of module.functions)
      for (const operation of effects.operations(within)) {
        if (operation.kind !== 'database') continue
        const entity = inventory.of(operation)
        if (entity === null) continue
        const keys = [...entity.keys]
        if (writes(operation)) for (const key of keys) written.add(key)
        if (isDeletion(operation, entity)) for (const key of keys) deleted.add(key)
        else if (operation.access === 'delete' || marks(operation, entity))
          for (const key of keys) marked.add(key)
        if (empties(operation, entity)) for (const key of keys) anonymised.add(key)
      }
  }
  return { deleted, anonymised, marked, written, dynamic }
}

/** A deletion that takes the row away; `destroy` of a paranoid model only marks it, unless it is forced. */
export function isDeletion(operation: Operation, entity: Entity | null): boolean {
  if (operation.access !== 'delete') return false
  if (
    entity === null ||
    entity.by !== 'sequelize' ||
    entity.softDelete !== 'deletedAt' ||
    entity.fields.has('deletedat')
  )
    return true
  const force = propertyOf(operation.options, 'force')
  return force?.kind === 'literal' && force.value === true
}

function marks(operation: Operation, entity: Entity): boolean {
  if (entity.softDelete === null) return false
  const { call } = operation
  const method = call.kind === 'call' && call.callee.kind === 'member' ? (call.callee.property ?? '') : ''
  if (/^soft(?:Delete|Remove)$/.test(method)) return true
  if (operation.access !== 'update') return false
  if (operation.sql !== null)
    return new RegExp(`\\bset\\b[\\s\\S]*${entity.softDelete}`, 'i').test(operation.sql)
  return keysOf(operation.data).some(([key]) => plain(key) === plain(entity.softDelete as string))
}

/** An update that empties, or overwrites with constants, the personal fields. */
export function empties(operation: Operation, entity: Entity): boolean {
  if (operation.access !== 'update') return false
  if (operation.sql !== null)
    return /\bset\b[\s\S]*?=\s*(?:null|'')/i.test(operation.sql) && /email|name|phone/i.test(operation.sql)
  return keysOf(operation.data).some(([key, value]) => {
    const field = entity.fields.get(plain(key))
    if (field?.category === null || field === undefined) return false
    return (
      value.kind === 'literal' ||
      value.kind === 'template' ||
      (value.kind === 'call' &&
        /anonym|scrub|redact|random/i.test(value.callee.kind === 'name' ? value.callee.name : ''))
    )
  })
}

function keysOf(data: Expression | null): [string, Expression][] {
  if (data?.kind !== 'object') return []
  return data.properties.flatMap((each) =>
    each.key === '$set' || each.key === '$unset'
      ? keysOf(each.value)
      : each.key === null || each.spread
        ? []
        : [[each.key, each.value] as [string, Expression]],
  )
}

export function anyOf(entity: Entity, keys: ReadonlySet<string>): boolean {
  return [...entity.keys].some((each) => keys.has(each))
}
