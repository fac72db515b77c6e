import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Catch, Statement, Try } from '../../flow-graph/statements.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import type { Operation } from '../../effects/operation.ts'
import type { Hit } from '../rule.ts'
import { consequenceIn, nameFor } from './told.ts'
import { isDeafTo } from './deaf.ts'

const ANY = /^(?:Exception|BaseException)$/
/** Errors of databases, networks and payments that are no expected answer; unlike IntegrityError, which says "it is there". */
const FAILURES =
  /^(?:SQLAlchemyError|DatabaseError|OperationalError|DBAPIError|RequestException|HTTPError|ConnectionError|Timeout|StripeError|CardError|APIError|APIConnectionError|PaymentError|ClientError|PermissionDenied|Forbidden|PermissionError|NotAuthorized|Unauthorized)$/

/** `try: stripe.Charge.create(…) except Exception: pass`, and checks of rights whose refusal is dropped. */
export function swallowedInPython(attempt: Try, within: FunctionInfo, effects: Effects): Hit | null {
  if (attempt.finally.length > 0 && within.form === 'module') return null
  for (const clause of attempt.catches) {
    if (!isBroad(clause) || !isDeafTo(clause, attempt, within, effects)) continue
    const found = consequenceIn(attempt.body, within, effects)
    const what =
      found !== null && !isUndoing(found.operation) ? nameFor(found.operation) : refusalIn(attempt.body)
    if (what === null) continue
    // An attempt among several that end in an error is told there.
    if (triesAgain(attempt, within)) return null
    return {
      module: within.module,
      span: { at: clause.at, end: Math.min(clause.end, clause.at + 60) },
      message: `When ${what} fails, nobody hears of it: the error is dropped and the code goes on as if it had worked.`,
    }
  }
  return null
}

function isBroad(clause: Catch): boolean {
  return clause.types.every((each) => {
    const name = each.kind === 'name' ? each.name : each.kind === 'member' ? (each.property ?? '') : ''
    return ANY.test(name) || FAILURES.test(name)
  })
}

/** Taking away what may be gone already is best effort. */
function isUndoing(operation: Operation): boolean {
  return operation.access === 'delete' && operation.kind === 'storage'
}

const GUARDS =
  /^(?:check|require|verify|ensure|assert|enforce|authori[sz]e|validate)_?\w*(?:permission|access|auth|owner|role|scope|token|signature|allowed|right)|^(?:authori[sz]e|check_object_permissions|check_permissions)$/i

/** A check whose one way of saying no is to raise. */
function refusalIn(body: readonly Statement[]): string | null {
  for (const each of body) {
    if (each.kind !== 'expression') continue
    const call: Expression = each.expression.kind === 'await' ? each.expression.value : each.expression
    if (call.kind !== 'call') continue
    const name = nameOfCall(call)
    if (GUARDS.test(name)) return `the check \`${name}\``
  }
  return null
}

function nameOfCall(call: Call): string {
  return call.callee.kind === 'name'
    ? call.callee.name
    : call.callee.kind === 'member'
      ? (call.callee.property ?? '')
      : ''
}

/** `for attempt in range(3): try: return put() except: continue`. */
function triesAgain(attempt: Try, within: FunctionInfo): boolean {
  for (const node of nodesIn(...within.body)) {
    if (node.kind !== 'loop' || node.at > attempt.at || node.end < attempt.end) continue
    const { iterable } = node
    if (node.form === 'while') return true
    if (iterable?.kind === 'call' && iterable.callee.kind === 'name' && iterable.callee.name === 'range')
      return true
  }
  return false
}
