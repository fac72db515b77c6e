import type { Call, Expression, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Program } from '../../flow-graph/program.ts'
import type { Place } from '../bindings.ts'
import { type Chain, chainOf, type Link } from '../chain.ts'
import type { Access } from '../operation.ts'
import type { Origin, Origins } from '../origins.ts'
import { argument, type Found, nameOf } from './found.ts'
import { ofSql, sqlOf } from './sql-text.ts'

/** Methods of a manager or query set that ask the database: https://docs.djangoproject.com/en/stable/ref/models/querysets/ */
const DJANGO: ReadonlyMap<string, Access> = new Map([
  ['get', 'read'],
  ['first', 'read'],
  ['last', 'read'],
  ['earliest', 'read'],
  ['latest', 'read'],
  ['aget', 'read'],
  ['afirst', 'read'],
  ['count', 'count'],
  ['exists', 'count'],
  ['aggregate', 'count'],
  ['create', 'insert'],
  ['acreate', 'insert'],
  ['bulk_create', 'insert'],
  ['get_or_create', 'update'],
  ['update_or_create', 'update'],
  ['update', 'update'],
  ['bulk_update', 'update'],
  ['delete', 'delete'],
])

/** The same for `session.query(X)` and `X.query`: https://docs.sqlalchemy.org/en/20/orm/queryguide/query.html */
const SQLALCHEMY: ReadonlyMap<string, Access> = new Map([
  ['all', 'read'],
  ['first', 'read'],
  ['one', 'read'],
  ['one_or_none', 'read'],
  ['scalar', 'read'],
  ['get', 'read'],
  ['get_or_404', 'read'],
  ['first_or_404', 'read'],
  ['count', 'count'],
  ['update', 'update'],
  ['delete', 'delete'],
])

const VERBS: ReadonlyMap<string, Access> = new Map([
  ['get', 'read'],
  ['head', 'read'],
  ['urlopen', 'read'],
  ['post', 'insert'],
  ['put', 'update'],
  ['patch', 'update'],
  ['delete', 'delete'],
])
const STATEMENTS: ReadonlyMap<string, Access> = new Map([
  ['select', 'read'],
  ['insert', 'insert'],
  ['update', 'update'],
  ['delete', 'delete'],
])

/** What takes one row, or its first value, out of a result. */
const ONE = /^(?:first|one|one_or_none|scalar|scalar_one|scalar_one_or_none)$/
const TAKES_SQL = /^(?:execute|executemany|fetch|fetchrow|fetchval|fetch_all|fetch_one)$/
const CONSUMES = /^(?:list|len|set|tuple|sorted|bool|sum|dict|next|max|min)$/
const HTTP = /^(?:requests|httpx|aiohttp|urllib3|urllib\.request)\b/
const PAYMENT = /^(?:stripe|braintree|paypalrestsdk|square|mollie|razorpay|Adyen)\b/
const PAYS =
  /^(?:create|capture|refund|sale|charge|cancel|modify|confirm|execute|pay|void|submit_for_settlement)(?:_async)?$/
const NOT_A_ROW =
  /image|img|fig|plot|canvas|(?:^|_)file$|writer|workbook|^wb$|^doc|config|cache|session|pdf|sheet|model_?$/i

/** What a call of Python does outside the process: DB-API, SQLAlchemy, Django, HTTP, payments, queues, uploads. */
export function fromPython(
  place: Place<Call | Template>,
  chain: Chain,
  origin: Origin,
  origins: Origins,
): Found | null {
  const { within } = place
  return (
    statement(chain, within, origins) ??
    django(chain, place) ??
    sqlalchemy(chain, place) ??
    saved(chain, within, origins) ??
    network(chain, origin, within, origins)
  )
}

function statement(chain: Chain, within: FunctionInfo, origins: Origins): Found | null {
  for (const [at, link] of chain.links.entries()) {
    if (link.call === null) continue
    if (TAKES_SQL.test(link.name) || /^scalars?$/.test(link.name)) {
      const given = argument(link)
      const inner = given?.kind === 'call' && nameOf(given.callee) === 'text' ? given.args[0] : given
      const sql = sqlOf(inner ?? null, within, origins)
      const told = sql === null ? null : ofSql(sql)
      // A database in the same process answers without a way to go.
      const sync = within.module.imports.some((each) => /^(?:sqlite3|duckdb)\b/.test(each.source))
      if (told !== null)
        return { ...told, kind: 'database', library: 'sql', sql, sync, at, data: argument(link, 1) }
      const access = builtAccess(given, origins)
      if (access !== null)
        return {
          kind: 'database',
          library: 'sqlalchemy',
          access,
          at,
          where: given,
          entity: entityIn(given),
          many:
            access === 'read' &&
            link.name !== 'scalar' &&
            !chain.links.slice(at).some((each) => ONE.test(each.name)),
        }
    }
    if (
      link.name === 'get' &&
      link.call.args.length >= 2 &&
      /session$|^s$/i.test(receiver(chain, at)) &&
      /^[A-Z]/.test(nameOf(argument(link)) ?? '')
    )
      return {
        kind: 'database',
        library: 'sqlalchemy',
        access: 'read',
        entity: nameOf(argument(link)),
        at,
        where: argument(link, 1),
      }
    if (
      /^(?:commit|flush)$/.test(link.name) &&
      link.call.args.length === 0 &&
      /session$|^db$|^conn(?:ection)?$|^(?:tx|transaction)$/i.test(receiver(chain, at))
    )
      return { kind: 'database', library: 'sql', access: 'update', at }
  }
  return null
}

/** `select(X).where(…)`, also behind a name. */
function builtAccess(given: Expression | null, origins: Origins): Access | null {
  const only = given?.kind === 'name' && given.variable !== null ? soleValue(given, origins) : given
  if (only?.kind !== 'call') return null
  const { base, links } = chainOf(only)
  return base.kind === 'name' && links[0]?.name === '' ? (STATEMENTS.get(base.name) ?? null) : null
}

function soleValue(given: Expression, origins: Origins): Expression | null {
  if (given.kind !== 'name' || given.variable === null) return null
  const definitions = origins.bindings.definitions.get(given.variable) ?? []
  return definitions.length === 1 && definitions[0]?.path.length === 0 ? definitions[0].value : null
}

function entityIn(given: Expression | null): string | null {
  if (given?.kind !== 'call') return null
  const { links } = chainOf(given)
  const [first] = links[0]?.call?.args ?? []
  return first?.kind === 'member' ? nameOf(first.object) : nameOf(first ?? null)
}

function receiver(chain: Chain, at: number): string {
  return at > 0 ? (chain.links[at - 1]?.name ?? '') : (nameOf(chain.base) ?? '')
}

/** Without the link that a comprehension is; and whether somebody goes through what comes out. */
function consumed(chain: Chain, place: Place<Call | Template>): { links: readonly Link[]; taken: boolean } {
  const last = chain.links.at(-1)
  if (/^(?:map|flatMap)$/.test(last?.name ?? '') && last?.call?.args[0]?.kind === 'function')
    return { links: chain.links.slice(0, -1), taken: true }
  const outer = place.around.at(-1)
  const taken =
    (outer?.kind === 'loop' && outer.iterable === place.node) ||
    outer?.kind === 'spread' ||
    (outer?.kind === 'call' && outer.callee.kind === 'name' && CONSUMES.test(outer.callee.name))
  return { links: chain.links, taken }
}

function django(chain: Chain, place: Place<Call | Template>): Found | null {
  const from = chain.links.findIndex(
    (link) => link.call === null && /^(?:objects|_default_manager)$/.test(link.name),
  )
  const entity = from === 0 ? nameOf(chain.base) : (chain.links[from - 1]?.name ?? null)
  if (from === -1 || entity === null || !/^[A-Z]/.test(entity)) return null
  const { links, taken } = consumed(chain, place)
  const at = links.length - 1
  const link = links[at]
  if (link === undefined || at <= from) return null
  const access = DJANGO.get(link.name)
  if (access === undefined && !taken) return null
  return {
    kind: 'database',
    library: 'django',
    access: access ?? 'read',
    entity,
    many: access === undefined,
    at,
    where: link.call,
    data: argument(link),
  }
}

function sqlalchemy(chain: Chain, place: Place<Call | Template>): Found | null {
  const from = chain.links.findIndex((link) => link.name === 'query')
  const start = chain.links[from]
  if (start === undefined) return null
  const named = from === 0 ? nameOf(chain.base) : (chain.links[from - 1]?.name ?? null)
  if (start.call === null ? !/^[A-Z]/.test(named ?? '') : start.call.args.length === 0) return null
  const [first] = start.call?.args ?? []
  if (first?.kind === 'literal' || first?.kind === 'template') return null
  const { links, taken } = consumed(chain, place)
  const at = links.length - 1
  const link = links[at]
  if (link === undefined || at < from || (at === from && !taken)) return null
  const access = SQLALCHEMY.get(link.name)
  if (access === undefined && !taken) return null
  const entity =
    start.call === null ? named : first?.kind === 'member' ? nameOf(first.object) : nameOf(first ?? null)
  return {
    kind: 'database',
    library: 'sqlalchemy',
    access: access ?? 'read',
    entity,
    many: access === undefined || link.name === 'all',
    at,
    where: link.call,
  }
}

const USES_DJANGO = new WeakMap<Program, boolean>()

/** Whether a file of the program imports Django. */
export function usesDjango(program: Program): boolean {
  let known = USES_DJANGO.get(program)
  if (known === undefined) {
    known = program.modules.some((module) =>
      module.imports.some((each) => /^(?:django|rest_framework)(?:\.|$)/.test(each.source)),
    )
    USES_DJANGO.set(program, known)
  }
  return known
}

/** `row.save()`, `row.delete()` of a program with Django's models. */
function saved(chain: Chain, within: FunctionInfo, origins: Origins): Found | null {
  const at = chain.links.length - 1
  const link = chain.links[at]
  if (link?.call == null || at < 0 || !/^a?(?:save|delete)$/.test(link.name)) return null
  if (!usesDjango(origins.bindings.program) || NOT_A_ROW.test(receiver(chain, at))) return null
  const { call } = link
  if (
    call.args.some(
      (_, index) => !/^(?:update_fields|force_insert|force_update|using)$/.test(call.names?.[index] ?? ''),
    )
  )
    return null
  if (chain.links.slice(0, at).some((each) => each.call !== null) || chain.base.kind === 'super') return null
  if (chain.base.kind === 'this' && at === 0 && !isModel(within)) return null
  return {
    kind: 'database',
    library: 'django',
    access: link.name.endsWith('delete') ? 'delete' : 'update',
    entity: chain.base.kind === 'this' ? null : receiver(chain, at),
    at,
  }
}

function isModel(within: FunctionInfo): boolean {
  const above = within.class?.superClass
  return above !== null && above !== undefined && nameOf(above) === 'Model'
}

function network(chain: Chain, origin: Origin, within: FunctionInfo, origins: Origins): Found | null {
  const { text } = origin
  if (text === '') return null
  const nameAt = (at: number): string => {
    const name = chain.links[at]?.name ?? ''
    return name === '' ? (text.split('.').at(-1) ?? '') : name
  }
  for (const [at, link] of chain.links.entries()) {
    if (link.call === null) continue
    const name = nameAt(at)
    if (HTTP.test(text)) {
      const verb = VERBS.get(name)
      if (verb === undefined) continue
      const data = name === 'urlopen' ? argument(link, 1) : null
      return {
        kind: 'http',
        access: data === null || option(link.call, 'timeout') === data ? verb : 'insert',
        library: 'http',
        entity: sqlOf(argument(link), within, origins),
        at,
        where: argument(link),
        options: option(link.call, 'params'),
        data,
      }
    }
    if (PAYMENT.test(text) && PAYS.test(name))
      return { kind: 'payment', access: 'insert', library: text.replace(/[().].*$/, ''), at }
    if (/^(?:boto3|aioboto3)\b/.test(text)) {
      if (/^(?:put_object|upload_file|upload_fileobj|delete_objects?)$/.test(name))
        return { kind: 'storage', access: name.startsWith('delete') ? 'delete' : 'insert', library: text, at }
      if (/^(?:send_message|publish)$/.test(name))
        return { kind: 'queue', access: 'insert', library: text, at }
    }
  }
  return null
}

/** A keyword argument. */
export function option(call: Call, name: string): Expression | null {
  const at = call.names?.indexOf(name) ?? -1
  return at === -1 ? null : (call.args[at] ?? null)
}
