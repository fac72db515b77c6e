import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Catch, Statement } from '../../flow-graph/statements.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import type { Hit, Rule } from '../rule.ts'

const DECIDES =
  /^(?:can(?!cel|vas|onical|did)[A-Z]\w*|may[A-Z]\w*|is(?:Allowed|Admin|Authori[sz]ed|Authenticated|Owner|Permitted|Member|Staff|Superuser|LoggedIn|Valid(?:Token|Session|Signature|ApiKey))\w*|has(?:Permission|Access|Role|Scope|Right)s?\w*|(?:check|assert|verify|validate|ensure|require)(?:Permission|Access|Auth\w*|Token|Session|Signature|Admin|Role|Owner\w*|Login|ApiKey|Webhook|Jwt)\w*|authori[sz]e\w*|authenticate\w*|canActivate|\w*[gG]uard|auth(?:Middleware)?|protect|isAuth)$/
const PRIVILEGED =
  /^(?:admin|administrator|owner|superuser|super_?admin|root|staff|manager|full|all|write|\*)$/i

export const PERMISSION_FALLBACK: Rule = {
  info: {
    id: 'silent-failure/permission-fallback',
    title: 'A failed check that grants',
    cwe: 'CWE-636',
    tags: ['CWE-280', 'OWASP A01:2025', 'SOC 2 CC6.1'],
    severity: 'error',
    help: 'Refuse when the check cannot be made: return false, answer 401 or 403, or let the error go up. A missing role is the least role.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || !/\bcatch\b|\?\?|\|\|/.test(module.text)) continue
      for (const within of module.functions) {
        yield* clauses(within, effects)
        for (const node of nodesIn(...within.body)) {
          if (node.kind === 'call') {
            const hit = caughtAsTrue(node, within)
            if (hit !== null) yield hit
          } else if (node.kind === 'logical' && node.operator !== '&&') {
            const hit = privileged(node, within)
            if (hit !== null) yield hit
          }
        }
      }
    }
  },
}

function nameOf(within: FunctionInfo): string {
  for (let at: FunctionInfo | null = within; at !== null; at = at.parent) if (at.name !== '') return at.name
  return ''
}

function decides(within: FunctionInfo): boolean {
  return DECIDES.test(nameOf(within))
}

function isOptional(within: FunctionInfo): boolean {
  return /optional|maybe|try|soft|guest|anonymous/i.test(nameOf(within))
}

function* clauses(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  for (const node of nodesIn(...within.body)) {
    if (node.kind !== 'try' || node.catches.length === 0) continue
    const [clause] = node.catches as readonly [Catch]
    if (decides(within))
      for (const inner of nodesIn(...clause.body))
        if (
          inner.kind === 'return' &&
          inner.value !== null &&
          isTrue(inner.value) &&
          !isTested(inner, clause)
        )
          yield {
            module: within.module,
            span: inner,
            message: `When the check of \`${nameOf(within)}\` fails with an error, everybody is let through.`,
          }
    const passes = goesOn(clause)
    if (passes !== null && !isOptional(within) && !setsIdentity(clause) && checks(node.body, within, effects))
      yield {
        module: within.module,
        span: passes,
        message: 'When the check throws, the request goes on as if it had passed.',
      }
  }
}

/** A return under a condition of the clause looks at what went wrong. */
function isTested(inner: Statement, clause: Catch): boolean {
  for (const node of nodesIn(...clause.body))
    if (node.kind === 'if' && inner.at > node.at && inner.end <= node.end) return true
  return false
}

function isTrue(value: Expression): boolean {
  if (value.kind === 'literal') return value.value === true
  return (
    value.kind === 'object' &&
    value.properties.some(
      (each) =>
        /^(?:allowed|authorized|authorised|granted|isAdmin|valid|permitted)$/i.test(each.key ?? '') &&
        each.value.kind === 'literal' &&
        each.value.value === true,
    )
  )
}

/** `next()` without an error in a catch, with nothing else done about it. */
function goesOn(clause: Catch): Call | null {
  for (const statement of clause.body) {
    const inner =
      statement.kind === 'expression'
        ? statement.expression
        : statement.kind === 'return'
          ? statement.value
          : null
    const call = inner?.kind === 'await' ? inner.value : inner
    if (
      call?.kind === 'call' &&
      call.callee.kind === 'name' &&
      call.callee.name === 'next' &&
      call.args.length === 0
    )
      return call
  }
  return null
}

function setsIdentity(clause: Catch): boolean {
  return clause.body.some(
    (each) =>
      each.kind === 'expression' &&
      each.expression.kind === 'assign' &&
      each.expression.target.kind === 'member',
  )
}

const VERIFIERS =
  /(?:^|\.)(?:verify|verifyIdToken|verifySession|jwtVerify|getSession|introspect|authenticate|authorize|checkPermission|compare|timingSafeEqual)$/

function checks(body: readonly Statement[], within: FunctionInfo, effects: Effects): boolean {
  for (const node of nodesIn(...body)) {
    if (node.kind !== 'call') continue
    const name =
      node.callee.kind === 'member'
        ? (node.callee.property ?? '')
        : node.callee.kind === 'name'
          ? node.callee.name
          : ''
    if (
      VERIFIERS.test(name) ||
      DECIDES.test(name) ||
      VERIFIERS.test(effects.origins.of(node.callee, within).text)
    )
      return true
  }
  return false
}

/** `check(…).catch(() => true)` where a decision is made. */
function caughtAsTrue(call: Call, within: FunctionInfo): Hit | null {
  if (call.callee.kind !== 'member' || call.callee.property !== 'catch') return null
  const [handler] = call.args
  if (handler?.kind !== 'function' || handler.function.params.length > 1) return null
  const last = handler.function.body.at(-1)
  if (
    last?.kind !== 'return' ||
    last.value === null ||
    !isTrue(last.value) ||
    handler.function.body.length > 2
  )
    return null
  const started = call.callee.object
  const asked =
    started.kind === 'call'
      ? started.callee.kind === 'member'
        ? (started.callee.property ?? '')
        : started.callee.kind === 'name'
          ? started.callee.name
          : ''
      : ''
  if (!decides(within) && !DECIDES.test(asked)) return null
  return {
    module: within.module,
    span: { at: started.end, end: call.end },
    message: `When the check fails with an error, everybody is let through.`,
  }
}

/** `membership?.role ?? 'admin'`. */
function privileged(node: Extract<Expression, { kind: 'logical' }>, within: FunctionInfo): Hit | null {
  if (node.left.kind !== 'member' || node.right.kind !== 'literal') return null
  const property = node.left.property ?? ''
  const { value } = node.right
  const grants =
    (/^(?:role|roles|permission|permissions|scope|access|accessLevel|userRole|privilege)$/i.test(property) &&
      typeof value === 'string' &&
      PRIVILEGED.test(value)) ||
    (/^(?:isAdmin|isOwner|isStaff|isSuperuser|isAuthenticated|isAuthorized|hasAccess|canEdit|canWrite|canDelete)$/.test(
      property,
    ) &&
      value === true)
  if (!grants) return null
  return {
    module: within.module,
    span: node,
    message: `Who has no \`${property}\` gets \`${String(value)}\`: a lookup that found nothing grants everything.`,
  }
}
