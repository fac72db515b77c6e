import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Module } from '../../flow-graph/module.ts'
import { textOf } from '../../flow-graph/module.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import type { Expression, Member } from '../../flow-graph/expressions.ts'
import type { Hit, Rule } from '../rule.ts'
import { codeOf, modulesWith, words } from './calls.ts'

/** What a session holds from the log-in on. */
const WHO =
  /^(?:user|user_?id|userid|uid|account|account_?id|member_?id|customer_?id|current_?user|user_?name)$/
/** Who has just shown who they are: a function that compares a password, or is called after it. */
const CHECKS =
  /\b(?:bcrypt|argon2|scrypt|pbkdf2)|\.(?:compare|compareSync|verifyPassword|comparePassword|validPassword|validateLogin|checkPassword|authenticate)\s*\(|\b(?:verifyPassword|checkPassword|comparePassword|validateLogin)\s*\(/
/** Signing up and setting a password start a session as well. */
const RENEWS = /\.(?:regenerate|regenerateId|renew|rotate)\b|\bregenerate\w*\s*\(/

export const SESSION_NOT_RENEWED: Rule = {
  info: {
    id: 'misuse/session-not-renewed',
    title: 'A log-in that keeps the session it came with',
    cwe: 'CWE-384',
    tags: ['OWASP A07:2021'],
    severity: 'warning',
    help: 'Call `req.session.regenerate(callback)` when somebody logs in, and set who they are in the callback.',
  },
  *find(effects) {
    for (const module of modulesWith(effects, /session\./)) {
      if (!keepsSessions(module, [...effects.program.modules])) continue
      for (const within of module.functions) yield* assignedIn(module, within)
    }
  },
}

/** Sessions in a store, which express-session gives a number of their own; those in a cookie have none to take over. */
function keepsSessions(module: Module, modules: readonly Module[]): boolean {
  return modules.some((each) => !each.test && /['"]express-session['"]/.test(each.text)) && !module.test
}

function* assignedIn(module: Module, within: FunctionInfo): Generator<Hit> {
  const found: Hit[] = []
  walkFunction(within, (node) => {
    if (node.kind !== 'assign' || node.operator !== '=' || node.target.kind !== 'member') return
    if (!isWho(node.target) || empties(node.value)) return
    const code = codeOf(handlerOf(within))
    if (RENEWS.test(code) || !CHECKS.test(code)) return
    found.push({
      module,
      span: node,
      message: `The session that \`${textOf(module, node.target)}\` is set in has the number that it had before the log-in: who has planted that number is logged in too.`,
    })
  })
  yield* found.slice(0, 1)
}

/** The function around that is not a callback of another: what a handler does, it does with its callbacks. */
function handlerOf(within: FunctionInfo): FunctionInfo {
  let at = within
  for (let hops = 0; hops < 4 && at.parent !== null && at.parent.form !== 'module'; hops++) {
    if (CHECKS.test(codeOf(at))) return at
    at = at.parent
  }
  return at
}

function isWho({ object, property }: Member): boolean {
  return (
    property !== null &&
    WHO.test(words(property)) &&
    object.kind === 'member' &&
    object.property === 'session' &&
    object.object.kind === 'name'
  )
}

function empties(value: Expression): boolean {
  return (
    (value.kind === 'literal' && (value.value === null || value.value === false || value.value === '')) ||
    (value.kind === 'name' && value.name === 'undefined')
  )
}
