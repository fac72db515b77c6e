import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Chain, type Link, propertyOf } from '../chain.ts'
import * as libraries from '../libraries.ts'
import type { Access } from '../operation.ts'
import type { Origin, Origins } from '../origins.ts'
import { argument, type Found, nameOf, type Uses } from './found.ts'

export function typeorm(
  chain: Chain,
  origin: Origin,
  within: FunctionInfo,
  origins: Origins,
  uses: Uses,
): Found | null {
  if (!uses('typeorm') && !uses('@mikro-orm/core')) return null
  let repository: string | null = null
  let start = -1
  const typed = /^type:(?:\w+\.)?(?:Tree|Mongo|Entity)?Repository<(\w+)/.exec(
    originText(chain, -1, origin, within, origins),
  )
  if (typed !== null) {
    repository = typed[1] as string
    start = 0
  }
  for (const [index, link] of chain.links.entries()) {
    if (link.name === 'getRepository' && link.call !== null) {
      repository = nameOf(argument(link))
      start = index + 1
    } else if (start === -1) {
      const text = originText(chain, index, origin, within, origins)
      const match = /^type:(?:\w+\.)?(?:Tree|Mongo|Entity)?Repository<(\w+)/.exec(text)
      if (match !== null) {
        repository = match[1] as string
        start = index + 1
      } else if (/typeorm\.getRepository\(\)|\.getRepository\(\)$/.test(text)) {
        repository = repositoryArgument(origins.of(chain.base, within).expression) ?? null
        start = index + 1
      }
    }
  }
  const manager = chain.links.findIndex((link) => link.name === 'manager' || link.name === 'entityManager')
  const base = chain.base.kind === 'name' && /^(?:\w*[mM]anager|em)$/.test(chain.base.name) ? 0 : manager + 1
  const built = chain.links.findIndex((link) => link.name === 'createQueryBuilder' && link.call !== null)
  if (built !== -1) return queryBuilder(chain, built, repository)
  if (
    start === -1 &&
    base === 0 &&
    !(chain.base.kind === 'name' && /^(?:\w*[mM]anager|em)$/.test(chain.base.name))
  )
    return null
  const at = chain.links.findIndex(
    (link, index) => index >= Math.max(start, base) && link.call !== null && libraries.TYPEORM.has(link.name),
  )
  if (at === -1) return null
  const link = chain.links[at] as Link
  const [access, many] = libraries.TYPEORM.get(link.name) as readonly [Access, boolean]
  const shift = start === -1 ? 1 : 0
  const first = argument(link, shift)
  const isFind = /^(?:find|findOne|findOneOrFail|findAndCount|count)$/.test(link.name)
  const changes = link.name === 'update' || link.name === 'increment' || link.name === 'decrement'
  return {
    kind: 'database',
    access,
    many,
    library: 'typeorm',
    entity: shift === 1 ? nameOf(argument(link)) : repository,
    at,
    options: isFind ? first : null,
    where: isFind
      ? propertyOf(first, 'where')
      : access === 'read' || changes || access === 'delete'
        ? first
        : null,
    data: changes ? argument(link, shift + 1) : access === 'update' || access === 'insert' ? first : null,
  }
}

function repositoryArgument(made: Expression | null): string | null {
  if (made?.kind !== 'call') return null
  return nameOf(made.args[0] ?? null)
}

function queryBuilder(chain: Chain, built: number, repository: string | null): Found {
  const after = chain.links.slice(built + 1)
  const target = after.find((link) => /^(?:from|into|update|delete)$/.test(link.name) && link.call !== null)
  const access: Access = after.some((link) => link.name === 'update')
    ? 'update'
    : after.some((link) => link.name === 'insert')
      ? 'insert'
      : after.some((link) => link.name === 'delete')
        ? 'delete'
        : after.some((link) => link.name === 'getCount')
          ? 'count'
          : 'read'
  return {
    kind: 'database',
    access,
    library: 'typeorm',
    entity: repository ?? nameOf(argument(target)) ?? nameOf(argument(chain.links[built])),
    many:
      access === 'read' &&
      after.some((link) => /^get(?:Many|RawMany|ManyAndCount|RawAndEntities)$/.test(link.name)),
    at: built,
    where: argument(after.find((link) => link.name === 'where')),
    data: argument(after.find((link) => link.name === 'set' || link.name === 'values')),
  }
}

/** Origin of the value after the first `count` links, while none of them is a call. */
function originText(
  chain: Chain,
  upTo: number,
  base: Origin,
  within: FunctionInfo,
  origins: Origins,
): string {
  if (upTo === -1) return base.text
  const link = chain.links[upTo]
  if (link === undefined) return ''
  if (link.call !== null) return origins.of(link.call, within).text
  const next = chain.links[upTo + 1]
  const parent = next?.call?.callee.kind === 'member' ? next.call.callee.object : null
  return parent === null ? '' : origins.of(parent, within).text
}
