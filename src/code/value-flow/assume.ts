import type { Binary, Call, Expression, Member } from '../flow-graph/expressions.ts'
import { ALL, CLASS } from '../models/classes.ts'
import { callCheck, contains, prefixHolds } from './assume-call.ts'
import { absent, exclude, isConstantTable, KEYS, PREFIX, TRAVERSAL } from './exclude.ts'
import { hostChecked, pythonEquality, pythonMembership, quotedLiteral } from './python-checks.ts'
import { PART, type Run } from './run.ts'

const DEPTH_LIMIT = 12

let depth = 0

/** Takes from the values what a condition excludes on the way on which it is `outcome`. */
export function assume(run: Run, condition: Expression, outcome: boolean): void {
  if (depth >= DEPTH_LIMIT) return
  depth++
  try {
    check(run, condition, outcome)
  } finally {
    depth--
  }
}

function check(run: Run, node: Expression, outcome: boolean): void {
  switch (node.kind) {
    case 'unary':
      if (node.operator === '!') assume(run, node.operand, !outcome)
      return
    case 'logical':
      if (node.operator === '??') return
      if ((node.operator === '&&') === outcome) {
        if (run.module.language === 'python') quotedLiteral(run, node, outcome)
        assume(run, node.left, outcome)
        assume(run, node.right, outcome)
      } else {
        const before = run.env
        const first = before.fork()
        const second = before.fork()
        run.env = first
        assume(run, node.left, outcome)
        run.env = second
        assume(run, node.left, !outcome)
        assume(run, node.right, outcome)
        run.env = before
        before.become(first, second)
      }
      return
    case 'binary':
      comparison(run, node, outcome)
      return
    case 'call':
      callCheck(run, node, outcome)
      return
    case 'name': {
      const held = node.variable === null ? undefined : run.analysis.conditions.get(node.variable)
      if (held !== undefined && held.kind !== 'name' && held.kind !== 'literal' && held.kind !== 'object') {
        if (held.kind === 'member' && outcome && held.key !== null) lookedUp(run, held.object, held.key)
        else if (held.kind !== 'member') assume(run, held.kind === 'await' ? held.value : held, outcome)
      }
      return
    }
    case 'member':
      if (outcome && node.key !== null) lookedUp(run, node.object, node.key)
      return
    case 'assign':
      assume(run, node.value, outcome)
      return
    case 'await':
      assume(run, node.value, outcome)
      return
    case 'sequence':
      for (const last of node.expressions.slice(-1)) assume(run, last, outcome)
      return
    default:
  }
}

/** `TABLE[key]` is there: the key is one of the table's own. */
function lookedUp(run: Run, object: Expression, key: Expression): void {
  if (isConstantTable(run, PART.evaluate(run, object))) exclude(run, key, ALL & ~KEYS)
}

function comparison(run: Run, node: Binary, outcome: boolean): void {
  const { operator, left, right } = node
  const python = run.module.language === 'python'
  if (operator === 'in') {
    if (python) {
      if (outcome) hostChecked(run, left, right)
      return pythonMembership(run, node, outcome)
    }
    if (outcome && isConstantTable(run, PART.evaluate(run, right))) exclude(run, left, ALL & ~KEYS)
    return
  }
  if (operator === 'instanceof') {
    if (outcome && right.kind === 'name' && /^(?:Date|Number|ObjectId|Boolean)$/.test(right.name))
      exclude(run, left, ALL)
    return
  }
  if (!/^[=!]==?$|^[<>]=?$/.test(operator)) return
  const equal = /^===?$/.test(operator) === outcome
  for (const [subject, other] of [
    [left, right],
    [right, left],
  ] as const) {
    if (python) pythonEquality(run, subject, other, /^[=!]/.test(operator) && equal)
    if (subject.kind === 'unary' && subject.operator === 'typeof')
      typeCheck(run, subject.operand, other, /^[=!]/.test(operator) && equal)
    else if (subject.kind === 'call') indexCheck(run, subject, other, operator, outcome)
    else if (subject.kind === 'member' && subject.property === 'length' && !python)
      lengthCheck(run, subject, other, subject === left ? operator : FLIPPED.get(operator), outcome)
    else if (/^[=!]/.test(operator)) equality(run, subject, other, equal)
  }
}

const FLIPPED: ReadonlyMap<string, string> = new Map([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
])
/** Up to here, expressions that take time in powers of the length are fast. */
const SHORT = 1_000

/** `x.length > 100` is false: no expression takes long on it. */
function lengthCheck(
  run: Run,
  subject: Member,
  other: Expression,
  operator: string | undefined,
  outcome: boolean,
): void {
  if (operator === undefined || !/^[<>]/.test(operator) || operator.startsWith('<') !== outcome) return
  const limit = PART.evaluate(run, other).constant
  if (typeof limit === 'number' && limit <= SHORT) exclude(run, subject.object, CLASS.redos)
}

function equality(run: Run, subject: Expression, other: Expression, equal: boolean): void {
  const value = PART.evaluate(run, other)
  if (typeof value.constant === 'string') {
    if (equal) exclude(run, subject, ALL)
    else if (/^(?:__proto__|constructor|prototype|\.\.)$/.test(value.constant))
      exclude(run, subject, absent(value.constant))
    return
  }
  if (equal && (typeof value.constant === 'number' || typeof value.constant === 'boolean'))
    return exclude(run, subject, ALL)
  // Equal to something that nobody outside decides about: a stored value, a configured one.
  if (
    equal &&
    value.taints.length === 0 &&
    value.constant === undefined &&
    other.kind !== 'literal' &&
    subject.kind !== 'literal'
  ) {
    if (other.kind === 'name' || other.kind === 'member') exclude(run, subject, ALL)
  } else if (equal && other.kind === 'name' && ROOT.test(other.name)) exclude(run, subject, PREFIX)
}

/** Names of the folder that a path must be in: equal to it is inside. */
const ROOT = /root|base|cwd|current|folder|home|public|static|dir$|directory/i

function typeCheck(run: Run, operand: Expression, other: Expression, equal: boolean): void {
  const type = other.kind === 'literal' ? other.value : null
  if (equal && (type === 'number' || type === 'boolean' || type === 'undefined' || type === 'bigint'))
    exclude(run, operand, ALL)
  else if (equal && type === 'function') exclude(run, operand, ALL & ~CLASS.ctorreached)
  else if (equal && type === 'object') exclude(run, operand, CLASS.ctorreached)
  else if (equal && type === 'string') exclude(run, operand, CLASS.nosql | CLASS.mass | CLASS.protobase)
  else if (!equal && type === 'object') exclude(run, operand, CLASS.nosql | CLASS.mass)
  else if (!equal && type === 'string') exclude(run, operand, CLASS.command | CLASS.sql)
}

/** `x.indexOf(y) >= 0`, `x.indexOf(root) !== 0`, `x.slice(0, n) === root`, `x.length > n`. */
function indexCheck(run: Run, call: Call, other: Expression, operator: string, outcome: boolean): void {
  if (call.callee.kind !== 'member') return
  const method = call.callee.property
  const subject = call.callee.object
  const first = call.args[0]
  const equal = /^===?$/.test(operator) === outcome
  const constant = PART.evaluate(run, other).constant
  if (method === 'indexOf' || method === 'lastIndexOf' || method === 'search') {
    if (first === undefined) return
    const found =
      operator === '>' || operator === '>='
        ? outcome
        : operator === '<' || operator === '<='
          ? !outcome
          : constant === -1
            ? !equal
            : equal
    if (constant === 0 && /^[=!]/.test(operator)) {
      if (equal) prefixHolds(run, subject, first)
      return
    }
    contains(run, subject, first, found)
  } else if (
    (method === 'slice' || method === 'substring' || method === 'substr') &&
    /^[=!]/.test(operator) &&
    equal
  ) {
    const from = first === undefined ? undefined : PART.evaluate(run, first).constant
    if (from === 0) exclude(run, subject, PREFIX)
  } else if (
    /^[=!]/.test(operator) &&
    equal &&
    method !== null &&
    /^(?:basename|normalize|resolve|realpathSync)$/.test(method) &&
    first !== undefined
  )
    exclude(run, first, TRAVERSAL)
  else if (
    /^[=!]/.test(operator) &&
    method !== null &&
    /^(?:extname|toLowerCase|trim|toString)$/.test(method)
  )
    equality(run, call, other, equal)
  else if (method === 'relative' || method === 'charAt') return
}
