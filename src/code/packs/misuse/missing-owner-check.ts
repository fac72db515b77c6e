import type { Effects } from '../../effects/effects.ts'
import { nodesIn } from '../../effects/effects.ts'
import { entityKey, type Operation } from '../../effects/operation.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import type { Hit, Rule } from '../rule.ts'
import { codeOf, outermost, words } from './calls.ts'
import { routesOf } from './routes.ts'

const LEAST = 2

export const MISSING_OWNER_CHECK: Rule = {
  info: {
    id: 'misuse/missing-owner-check',
    title: "Somebody else's record by its id",
    cwe: 'CWE-639',
    tags: ['OWASP A01:2021', 'CWE-862'],
    severity: 'warning',
    help: 'Ask for the record by its id and its owner together (`where: { id, userId: session.user.id }`), or compare the owner after reading.',
  },
  *find(effects) {
    yield* byIdAlone(effects)
    yield* ownerFromRequest(effects)
    yield* passwordOfAnybody(effects)
  },
}

const OWNER =
  /^(?:user|owner|author|account|tenant|org|organi[sz]ation|team|workspace|customer|creator|created_?by|company|member|seller|uploaded_?by)(?:_?ids?)?$/
const OWNER_COLUMN =
  /\b(?:user|owner|author|account|tenant|org|organi[sz]ation|team|workspace|customer|creator|company)_?id\s*(?:=|in\b)|\b(?:owner|created_by)\s*=/i
const OWNER_FIELD =
  /\.(?:user|owner|author|account|tenant|org|organi[sz]ation|team|workspace|customer|creator|company|member)(?:_?[iI]d)?\s*,/
const WHO =
  /(?:req|request|ctx|context|c|socket|event|opts|res\.locals|this)\b[\w.?!]*\.(?:user|session|auth|account|viewer|member|tenant|state|locals|org\w*)\b|\bsession\b|\bcurrentUser|\buser\.?\??\.(?:_?id|sub|uid)|\bauth\b|\bviewer\b|\bactor\b|\bme\.id/i
const GIVEN = /\b(?:params|query|body|input|args|searchParams|data|payload)\b|\bid\b|Id\b/
const PRIVILEGED =
  /admin|internal|cron|job|worker|system|public|webhook|moderat|staff|backoffice|superuser|migrat|seed|share/i

/** Whether an operation takes only records of whoever is logged in. */
function ofOwner(operation: Operation): boolean {
  const { within } = operation.place
  const whole = textOf(within.module, operation.place.node)
  if (operation.sql !== null) return OWNER_COLUMN.test(operation.sql) && WHO.test(whole)
  const where = operation.where
  // Drizzle and its like: `and(eq(notes.id, id), eq(notes.userId, user.id))`.
  if (where?.kind === 'call') return OWNER_FIELD.test(whole) && WHO.test(whole)
  if (where?.kind !== 'object') return false
  return where.properties.some(
    (each) => each.key !== null && OWNER.test(words(each.key)) && WHO.test(textOf(within.module, each.value)),
  )
}

/** Whether an operation takes a record by nothing but an id that the caller gives. */
function byGivenId(operation: Operation, name: string): boolean {
  const { within } = operation.place
  if (operation.sql !== null)
    return (
      /\bwhere\s+(?:\w+\.)?["`]?id["`]?\s*=\s*(?:\$\d+|\?|:\w+)\s*(?:limit\s+1\s*)?(?:returning\b.*)?;?\s*$/i.test(
        operation.sql.trim(),
      ) &&
      operation.access !== 'insert' &&
      isGiven(textOf(within.module, operation.place.node))
    )
  const where = operation.where
  if (where === null || operation.access === 'insert') return false
  if (/^find(?:ById\w*|ByPk)$/.test(name)) return isGiven(textOf(within.module, where))
  if (where.kind === 'call')
    return (
      where.callee.kind === 'name' &&
      where.callee.name === 'eq' &&
      where.args[0]?.kind === 'member' &&
      where.args[0].property === 'id' &&
      where.args[1] !== undefined &&
      isGiven(textOf(within.module, where.args[1]))
    )
  if (where.kind !== 'object' || where.properties.length !== 1) return false
  const [only] = where.properties
  return /^_?id$/.test(only?.key ?? '') && only !== undefined && isGiven(textOf(within.module, only.value))
}

function isGiven(text: string): boolean {
  return GIVEN.test(text) && !WHO.test(text)
}

function* byIdAlone(effects: Effects): Generator<Hit> {
  const all: { operation: Operation; within: FunctionInfo; entity: string }[] = []
  const owned = new Map<string, { modules: Set<unknown>; count: number }>()
  for (const module of effects.program.modules) {
    if (module.test || module.language === 'python') continue
    for (const within of module.functions)
      for (const operation of effects.operations(within)) {
        if (operation.kind !== 'database' || operation.entity === null) continue
        const entity = entityKey(operation.entity)
        if (ofOwner(operation)) {
          const known = owned.get(entity) ?? { modules: new Set(), count: 0 }
          known.modules.add(module)
          known.count++
          owned.set(entity, known)
        } else all.push({ operation, within, entity })
      }
  }
  if (owned.size === 0) return
  for (const { operation, within, entity } of all) {
    const siblings = owned.get(entity)
    if (siblings === undefined || siblings.count < LEAST || !siblings.modules.has(within.module)) continue
    const link =
      operation.call.kind === 'call' && operation.call.callee.kind === 'member'
        ? operation.call.callee.property
        : null
    if (!byGivenId(operation, link ?? '')) continue
    const around = outermost(within)
    const handler = effects.answers(within) !== null || effects.onRequestPath.has(within)
    if (!handler || PRIVILEGED.test(`${within.name} ${within.module.path}`)) continue
    // Whoever is logged in, or the owner, is looked at somewhere here.
    const code = codeOf(effects.answers(within) === null ? around : within)
    if (WHO.test(code) || /\b(?:owner|author|role|permission|can[A-Z]\w*\(|authorize|tenant)/i.test(code))
      continue
    if (isPrivileged(effects, within)) continue
    yield {
      module: within.module,
      span: operation.place.node,
      message: `\`${operation.entity}\` is taken by the id that the caller sends, whoever it belongs to; ${siblings.count} others ask for its owner as well.`,
    }
  }
}

/** A route before which something asks for more than a log-in. */
function isPrivileged(effects: Effects, handler: FunctionInfo): boolean {
  return routesOf(effects).some(
    (each) =>
      each.handler === handler &&
      (PRIVILEGED.test(each.path) ||
        each.guards.some((one) =>
          /owner|admin|role|permi|can[A-Z]|authori[sz]e|polic|acl|member|own\b|load|param/i.test(one),
        )),
  )
}

const OWNER_ID = /^(?:user|owner|account|customer|tenant|org|organi[sz]ation)_?id$/

interface Taken {
  readonly within: FunctionInfo
  readonly node: Expression
  readonly name: string
  readonly from: 'request' | 'session'
}

/** `const { userId } = req.params`, where others take it from the session. */
function* ownerFromRequest(effects: Effects): Generator<Hit> {
  const taken: Taken[] = []
  for (const module of effects.program.modules) {
    if (
      module.test ||
      module.language === 'python' ||
      !/[uU]ser|[oO]wner|[aA]ccount|[cC]ustomer|[tT]enant/.test(module.text)
    )
      continue
    for (const within of module.functions) {
      if (effects.answers(within) === null) continue
      for (const node of nodesIn(...within.body)) {
        if (node.kind !== 'declare' || node.value === null) continue
        const text = textOf(module, node.value).slice(0, 120)
        const names =
          node.target.kind === 'object-pattern'
            ? node.target.properties.map((each) => each.key ?? '')
            : node.target.kind === 'name'
              ? [node.target.name]
              : []
        for (const name of names) {
          if (!OWNER_ID.test(words(name))) continue
          const request = /^(?:req|request|ctx)\.(?:params|query|body)\b/.test(text)
          const session = /^(?:req|request|ctx|res\.locals)\.(?:session|user|auth|state\.user)\b/.test(text)
          if (request || session)
            taken.push({ within, node: node.value, name, from: request ? 'request' : 'session' })
        }
      }
    }
  }
  for (const each of taken) {
    if (each.from !== 'request') continue
    const others = taken.filter((one) => one.from === 'session' && words(one.name) === words(each.name))
    if (
      others.length < LEAST ||
      !others.some((one) => one.within.module === each.within.module || isSiblingFolder(one, each))
    )
      continue
    if (
      PRIVILEGED.test(`${each.within.name} ${each.within.module.path}`) ||
      isPrivileged(effects, each.within)
    )
      continue
    if (WHO.test(codeOf(each.within))) continue
    yield {
      module: each.within.module,
      span: each.node,
      message: `Whose record it is, the caller says: \`${each.name}\` comes from the request here, and from the session in ${others.length} others.`,
    }
  }
}

function isSiblingFolder(a: Taken, b: Taken): boolean {
  const folder = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1)
  return folder(a.within.module.path) === folder(b.within.module.path)
}

const ACCOUNTS = /(?:^|\.)\w*(?:users?|accounts?|members?|customers?)$/i
const LOOKS_UP =
  /^(?:find|findOne|findById|findByPk|findUnique|findFirst|update|findByIdAndUpdate|findOneAndUpdate)$/
const BY_SENT_ID =
  /\b_?id['"]?\s*:\s*(?:\w+\()?(?:req|request|ctx)\.(?:body|params|query)\.\w*id\b|^\s*(?:\w+\()?(?:req|request|ctx)\.(?:body|params|query)\.\w*id\b/i
const SETS_PASSWORD =
  /\.password\w*\s*=(?!=)|\bpassword\w*\s*:\s*(?:await\s+)?(?:\w+\.)*(?:hash\w*|\w*[cC]rypt\w*)\(/
/** The caller proves something, or is compared with whose record it is. */
const PROVES =
  /token|verif|compare|\bcan[A-Z]|admin|role|permission|(?:req\.user|session)[\w.?!]*\s*[!=]==?|[!=]==?\s*\(?(?:req\.user|req\.session)/i

/** An account is taken by an id of the request, and its password set. */
function* passwordOfAnybody(effects: Effects): Generator<Hit> {
  for (const [within, handler] of effects.handlers) {
    const { module } = within
    if (handler.by === 'page' || module.test || !/password/.test(module.text)) continue
    const code = codeOf(within)
    if (!SETS_PASSWORD.test(code) || PROVES.test(code)) continue
    if (PRIVILEGED.test(`${within.name} ${module.path}`) || isPrivileged(effects, within)) continue
    for (const { node } of effects.bindings.calls.get(within) ?? []) {
      if (node.kind !== 'call' || node.callee.kind !== 'member' || !LOOKS_UP.test(node.callee.property ?? ''))
        continue
      const [first] = node.args
      if (first === undefined || !ACCOUNTS.test(textOf(module, node.callee.object).slice(-60))) continue
      if (!BY_SENT_ID.test(textOf(module, first).slice(0, 300))) continue
      yield {
        module,
        span: node,
        message:
          'Whose password is set, the caller says: the account is taken by an id of the request, and nothing compares it with who is logged in.',
      }
    }
  }
}
