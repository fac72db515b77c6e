import type { Expression } from '../../flow-graph/expressions.ts'
import { type Chain, type Link, propertyOf } from '../chain.ts'
import * as libraries from '../libraries.ts'
import type { Access } from '../operation.ts'
import type { Origin } from '../origins.ts'
import { argument, type Found, nameOf, type Uses } from './found.ts'

export function builder(chain: Chain, origin: Origin, uses: Uses): Found | null {
  const drizzle = uses('drizzle-orm')
  const kysely = uses('kysely')
  if (!drizzle && !kysely) return null
  const query = chain.links.findIndex((link) => link.name === 'query' && link.call === null)
  const relational = chain.links[query + 2]
  if (drizzle && query !== -1 && relational?.call && /^find(?:Many|First)$/.test(relational.name)) {
    const options = argument(relational)
    return {
      kind: 'database',
      access: 'read',
      many: relational.name === 'findMany',
      library: 'drizzle',
      entity: chain.links[query + 1]?.name ?? null,
      at: query + 2,
      options,
      where: propertyOf(options, 'where'),
    }
  }
  const at = chain.links.findIndex((link) => link.call !== null && libraries.BUILDERS.has(link.name))
  if (at === -1) return null
  const link = chain.links[at] as Link
  const after = chain.links.slice(at + 1)
  const from =
    link.name.startsWith('select') && !link.name.endsWith('From')
      ? after.find((each) => each.name === 'from')
      : link
  const table = argument(from)
  if (table === null) return null
  const name = table.kind === 'literal' ? String(table.value) : nameOf(table)
  const shaped = after.some((each) =>
    /^(?:from|values|set|where|execute|executeTakeFirst\w*|selectAll|returning\w*|onConflict\w*)$/.test(
      each.name,
    ),
  )
  const known =
    /^(?:drizzle-orm|kysely)|^type:.*(?:Database|Kysely|Drizzle)/.test(origin.text) ||
    (shaped && nameOf(chain.base) !== null) ||
    /^(?:db|tx|trx|database)$/i.test(nameOf(chain.base) ?? '')
  if (!known) return null
  const [access] = libraries.BUILDERS.get(link.name) as readonly [Access, boolean]
  const counts =
    access === 'read' && argument(link)?.kind === 'object' && isAggregate(argument(link) as Expression)
  return {
    kind: 'database',
    access: counts ? 'count' : access,
    many: access === 'read' && !counts && !after.some((each) => each.name.startsWith('executeTakeFirst')),
    library: link.name.length > 8 || link.name.endsWith('From') ? 'kysely' : 'drizzle',
    entity: name,
    entityValue: table.kind === 'name' ? table : null,
    at,
    options: argument(link),
    where: argument(after.find((each) => each.name === 'where')),
    data: argument(after.find((each) => each.name === 'values' || each.name === 'set')),
  }
}

function isAggregate(selection: Expression): boolean {
  return (
    selection.kind === 'object' &&
    selection.properties.length > 0 &&
    selection.properties.every(
      (each) =>
        each.value.kind === 'call' &&
        each.value.callee.kind === 'name' &&
        /^(?:count|sum|avg|min|max|countDistinct)$/.test(each.value.callee.name),
    )
  )
}

const KNEX_ENDS: ReadonlyMap<string, Access> = new Map([
  ['insert', 'insert'],
  ['update', 'update'],
  ['increment', 'update'],
  ['decrement', 'update'],
  ['delete', 'delete'],
  ['del', 'delete'],
  ['truncate', 'delete'],
  ['count', 'count'],
  ['sum', 'count'],
])

export function knex(chain: Chain, origin: Origin, uses: Uses): Found | null {
  if (!uses('knex')) return null
  let at = 0
  let table = argument(chain.links[0])
  if (chain.links[0]?.name !== '') {
    at = chain.links.findIndex((link) => link.call !== null && /^(?:from|into|table)$/.test(link.name))
    if (at === -1) return null
    table = argument(chain.links[at])
  }
  if (table === null || (table.kind !== 'literal' && table.kind !== 'template')) return null
  const name = nameOf(chain.base) ?? ''
  if (!/^knex\(\)|^knex$|Knex/.test(origin.text) && !/^(?:knex|trx|tx|k|db|database)$/i.test(name))
    return null
  const after = chain.links.slice(1)
  let access: Access = 'read'
  let ending: Link | undefined
  for (const link of after) {
    const known = KNEX_ENDS.get(link.name)
    if (known !== undefined && link.call !== null) {
      access = known
      ending = link
    }
  }
  return {
    kind: 'database',
    access,
    many: access === 'read' && !after.some((link) => link.name === 'first'),
    library: 'knex',
    entity: table.kind === 'literal' ? String(table.value) : null,
    at,
    where: argument(after.find((link) => /^(?:and)?where/i.test(link.name))),
    data: argument(ending),
  }
}
