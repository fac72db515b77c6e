import type { Call, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Place } from '../bindings.ts'
import { type Chain, chainOf, continues } from '../chain.ts'
import type { Operation } from '../operation.ts'
import type { Origin, Origins } from '../origins.ts'
import { builder, knex } from './builders.ts'
import type { Found, Uses } from './found.ts'
import { models, mongodb } from './models.ts'
import { fromNetwork } from './network.ts'
import { prisma } from './prisma.ts'
import { fromPython } from './python.ts'
import { fromTemplate, sqlText } from './sql-text.ts'
import { typeorm } from './typeorm.ts'

/** Of a statement this much is looked at. */
const LONGEST_SQL = 8_000
const SETTLING = new Set(['then', 'catch', 'finally'])

/** What a call does outside the process, if it does anything that is known. */
export function recognise(place: Place<Call | Template>, origins: Origins, uses: Uses): Operation | null {
  if (place.node.kind === 'call' && continues(place)) return null
  const whole = chainOf(place.node)
  const cut = whole.links.findIndex((link) => link.call !== null && SETTLING.has(link.name))
  const links = cut === -1 ? whole.links : whole.links.slice(0, cut)
  if (place.node.kind === 'call' && links.length === 0) return null
  const chain: Chain = { base: whole.base, links, top: whole.top }
  const origin = origins.of(chain.base, place.within)
  const found =
    place.within.module.language === 'python'
      ? fromPython(place, chain, origin, origins)
      : place.node.kind === 'template'
        ? fromTemplate(place.node, chain, origin, uses)
        : (fromDatabase(chain, origin, place.within, origins, uses) ??
          fromNetwork(chain, origin, place.within, origins))
  if (found === null) return null
  const call = place.node.kind === 'template' ? place.node : (links[found.at]?.call ?? place.node)
  return {
    kind: found.kind,
    access: found.access,
    library: found.library,
    entity: found.entity ?? null,
    entityValue: found.entityValue ?? null,
    many: found.many ?? false,
    sync: found.sync ?? false,
    place,
    call,
    chain,
    after: links.slice(found.at + 1),
    sql: found.sql?.slice(0, LONGEST_SQL) ?? null,
    where: found.where ?? null,
    data: found.data ?? null,
    options: found.options ?? null,
  }
}

function fromDatabase(
  chain: Chain,
  origin: Origin,
  within: FunctionInfo,
  origins: Origins,
  uses: Uses,
): Found | null {
  return (
    prisma(chain, origin, uses) ??
    sqlText(chain, within, origins) ??
    typeorm(chain, origin, within, origins, uses) ??
    models(chain, origin, within, origins, uses) ??
    mongodb(chain, origin, uses) ??
    builder(chain, origin, uses) ??
    knex(chain, origin, uses)
  )
}
