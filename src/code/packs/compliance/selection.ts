import type { Expression } from '../../flow-graph/expressions.ts'
import { propertyOf } from '../../effects/chain.ts'
import type { Operation } from '../../effects/operation.ts'
import { plain } from './inventory/entity.ts'

/** The fields that a query asks for, compared; null: all of them. */
export function selectionOf(operation: Operation): ReadonlySet<string> | null {
  switch (operation.library) {
    case 'prisma':
    case 'typeorm':
      return chosen(propertyOf(operation.options, 'select')) ?? without(propertyOf(operation.options, 'omit'))
    case 'sequelize':
      return chosen(propertyOf(operation.options, 'attributes'))
    case 'drizzle':
      return chosen(
        operation.access === 'read'
          ? (propertyOf(operation.options, 'columns') ?? operation.options)
          : returning(operation),
      )
    case 'mongoose':
      return projected(operation)
    case 'kysely':
      return chosen(argumentOf(operation, 'select'))
    case 'knex':
      return listed(operation)
    default:
      return inSql(operation.sql ?? '')
  }
}

function argumentOf(operation: Operation, name: string): Expression | null {
  return operation.after.find((each) => each.name === name)?.call?.args[0] ?? null
}

function returning(operation: Operation): Expression | null {
  return argumentOf(operation, 'returning')
}

/** `{ id: true }`, `{ id: users.id }`, `['id', 'email']`; an object of `false` leaves out. */
function chosen(selection: Expression | null): ReadonlySet<string> | null {
  if (selection?.kind === 'array')
    return new Set(
      selection.elements.flatMap((each) =>
        each?.kind === 'literal' ? [plain(String(each.value).replace(/^.*\./, ''))] : [],
      ),
    )
  if (selection?.kind === 'literal' && typeof selection.value === 'string')
    return new Set([plain(selection.value.replace(/^.*\./, ''))])
  if (selection?.kind !== 'object') return null
  if (selection.properties.some((each) => each.spread)) return null
  if (selection.properties.some((each) => each.key === 'exclude'))
    return without(propertyOf(selection, 'exclude'))
  const kept = selection.properties.filter(
    (each) => !(each.value.kind === 'literal' && each.value.value === false),
  )
  if (kept.length === 0 && selection.properties.length > 0) return without(selection)
  return new Set(kept.flatMap((each) => (each.key === null ? [] : [plain(each.key)])))
}

/** Everything but what is named: told apart by an unknown set, so that fields that are left out are not found. */
function without(left: Expression | null): ReadonlySet<string> | null {
  return left === null ? null : new Set()
}

/** `.select('email name')`, `.select('-password')`, `find({}, 'email')`. */
function projected(operation: Operation): ReadonlySet<string> | null {
  const given =
    argumentOf(operation, 'select') ??
    (operation.access === 'read' && operation.call.kind === 'call' ? (operation.call.args[1] ?? null) : null)
  if (given?.kind === 'literal' && typeof given.value === 'string') {
    const names = given.value.split(/\s+/).filter((each) => each !== '')
    if (names.some((each) => each.startsWith('-'))) return new Set()
    return names.some((each) => each.startsWith('+')) ? null : new Set(names.map(plain))
  }
  return chosen(given)
}

function listed(operation: Operation): ReadonlySet<string> | null {
  const names = operation.after
    .filter((each) => /^(?:select|first|returning|pluck|column|columns)$/.test(each.name))
    .flatMap((each) => each.call?.args ?? [])
    .flatMap((each) => (each.kind === 'array' ? each.elements : [each]))
    .flatMap((each) => (each?.kind === 'literal' && typeof each.value === 'string' ? [each.value] : []))
  return names.length === 0 || names.includes('*')
    ? null
    : new Set(names.map((each) => plain(each.replace(/\s+as\s+\w+$/i, '').replace(/^.*\./, ''))))
}

function inSql(sql: string): ReadonlySet<string> | null {
  const list =
    /^\s*select\s+(?:distinct\s+)?([\s\S]*?)\s+from\b/i.exec(sql)?.[1] ??
    /\breturning\s+([\s\S]*?)(?:;|$)/i.exec(sql)?.[1]
  if (list === undefined || list.includes('*')) return null
  return new Set(
    list.split(',').map((each) =>
      plain(
        each
          .trim()
          .replace(/\s+as\s+\w+$/i, '')
          .replace(/^.*\./, ''),
      ),
    ),
  )
}
