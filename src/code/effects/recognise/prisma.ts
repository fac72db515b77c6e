import { type Chain, type Link, propertyOf } from '../chain.ts'
import * as libraries from '../libraries.ts'
import type { Access } from '../operation.ts'
import type { Origin } from '../origins.ts'
import { argument, type Found, type Uses } from './found.ts'

export function prisma(chain: Chain, origin: Origin, uses: Uses): Found | null {
  const at = chain.links.findIndex(
    (link, index) => index > 0 && link.call !== null && libraries.PRISMA.has(link.name),
  )
  if (at === -1 || !uses('@prisma/client')) return null
  const link = chain.links[at] as Link
  const model = chain.links[at - 1] as Link
  if (model.call !== null) return null
  const options = argument(link)
  const named = [chain.base, ...chain.links.slice(0, at - 1)].some((each) =>
    /prisma|^tx$|^trx$/i.test('name' in each ? each.name : ''),
  )
  const known =
    /PrismaClient|Prisma\.TransactionClient|PrismaService/.test(origin.text) ||
    chain.links.slice(0, at - 1).some((each) => /prisma/i.test(each.name)) ||
    named ||
    (libraries.ONLY_PRISMA.has(link.name) && (options === null || options.kind === 'object'))
  if (!known) return null
  const [access, many] = libraries.PRISMA.get(link.name) as readonly [Access, boolean]
  return {
    kind: 'database',
    access,
    many,
    library: 'prisma',
    entity: model.name,
    at,
    options,
    where: propertyOf(options, 'where'),
    data: propertyOf(options, 'data', 'create'),
  }
}
