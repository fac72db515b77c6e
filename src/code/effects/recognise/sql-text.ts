import type { Expression, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Chain, propertyOf } from '../chain.ts'
import * as libraries from '../libraries.ts'
import type { Access } from '../operation.ts'
import type { Origin, Origins } from '../origins.ts'
import { argument, type Found, type Uses } from './found.ts'

const SQL_VERB =
  /^[\s(]*(?:(select|with)|(insert|replace|merge)|(update)|(delete|truncate)|(begin|start\s+transaction)|(commit)|(rollback))\b/i

export function fromTemplate(node: Template, chain: Chain, origin: Origin, uses: Uses): Found | null {
  const sql = node.parts.join('?')
  const tag = chain.links.at(-1)?.name ?? (chain.base.kind === 'name' ? chain.base.name : '')
  const known =
    tag === '$queryRaw' ||
    tag === '$executeRaw' ||
    /^(?:postgres|@vercel\/postgres|@neondatabase|slonik)/.test(origin.text) ||
    (tag === 'sql' && (uses('postgres') || uses('@vercel/postgres') || uses('@neondatabase/serverless')))
  if (!known) return null
  const statement = ofSql(sql)
  return statement === null ? null : { ...statement, kind: 'database', library: 'sql', sql, at: 0 }
}

/** What a statement does, and to which table first; null when it is none. */
export function ofSql(sql: string): { access: Access; many: boolean; entity: string | null } | null {
  const verb = SQL_VERB.exec(sql.slice(0, 200))
  if (verb === null) return null
  const access: Access = verb[1]
    ? 'read'
    : verb[2]
      ? 'insert'
      : verb[3]
        ? 'update'
        : verb[4]
          ? 'delete'
          : verb[5]
            ? 'begin'
            : verb[6]
              ? 'commit'
              : 'rollback'
  const entity =
    /\b(?:from|into|update|join|truncate(?:\s+table)?)\s+(?:only\s+)?["'`[]?([\w.]+)/i.exec(sql)?.[1] ?? null
  return { access, entity, many: access === 'read' && !/\bcount\s*\(|\blimit\s+1\b/i.test(sql) }
}

export function sqlText(chain: Chain, within: FunctionInfo, origins: Origins): Found | null {
  for (const [at, link] of chain.links.entries()) {
    if (link.call === null || !libraries.TAKES_SQL.has(link.name)) continue
    const sql = sqlOf(argument(link), within, origins)
    if (sql === null) continue
    const statement = ofSql(sql)
    if (statement === null) continue
    const next = chain.links[at + 1]?.name
    const sync = link.name === 'prepare' && /^(?:run|all|get|iterate|pluck|raw)$/.test(next ?? '')
    if (link.name === 'prepare' && !sync) return null
    return { ...statement, kind: 'database', library: 'sql', sql, sync, at, data: argument(link, 1) }
  }
  return null
}

/** The text of a statement, `?` standing for what is put in at run time. */
export function sqlOf(expression: Expression | null, within: FunctionInfo, origins: Origins): string | null {
  if (expression === null) return null
  const constant = origins.bindings.program.constantOf(expression, within)
  if (constant !== null) return constant
  switch (expression.kind) {
    case 'literal':
      return typeof expression.value === 'string' ? expression.value : null
    case 'template':
      return expression.parts.join('?')
    case 'binary':
      return expression.operator === '+'
        ? `${sqlOf(expression.left, within, origins) ?? '?'}${sqlOf(expression.right, within, origins) ?? '?'}`
        : null
    case 'object':
      return sqlOf(propertyOf(expression, 'text', 'sql'), within, origins)
    case 'name': {
      const definitions =
        expression.variable === null ? [] : (origins.bindings.definitions.get(expression.variable) ?? [])
      const only = definitions.length === 1 ? definitions[0] : undefined
      return only === undefined || only.path.length > 0 || only.value.kind === 'name'
        ? null
        : sqlOf(only.value, only.within, origins)
    }
    default:
      return null
  }
}
