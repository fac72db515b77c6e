import type { Binary, Call, Expression, Member } from '../flow-graph/expressions.ts'
import { ALL, CLASS } from '../models/classes.ts'
import { excludedByDenial, excludedByName } from '../models/effects.ts'
import { absent, constantsIn, exclude, isConstantTable, KEYS, PREFIX, TRAVERSAL } from './exclude.ts'
import { applyOwnKeys, ownKey } from './own-keys.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import { argumentOf } from './labels.ts'
import { hostChecked, pythonCheck, pythonEquality, pythonMembership, quotedLiteral } from './python-checks.ts'
import { PART, type Run } from './run.ts'
import { excludeBySchema } from './schemas.ts'
import { type Label, PLAIN } from './value.ts'

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

/** `list.includes(x)`, `text.includes('..')`. */
function contains(run: Run, subject: Expression, item: Expression, found: boolean): void {
  const list = PART.evaluate(run, subject)
  const value = PART.evaluate(run, item)
  if (typeof value.constant === 'string' && list.taints.length > 0) {
    if (!found) exclude(run, subject, absent(value.constant))
    return
  }
  if (value.taints.length === 0 && list.taints.length > 0) return
  const constants = constantsIn(run, subject, list)
  if (found) {
    if (constants !== null || list.taints.length === 0) exclude(run, item, ALL)
  } else if (constants !== null)
    exclude(
      run,
      item,
      constants.reduce((mask, each) => mask | absent(each), 0),
    )
}

function prefixHolds(run: Run, subject: Expression, prefix: Expression): void {
  const value = PART.evaluate(run, prefix)
  // A prefix that the checked value itself decides about excludes nothing.
  if (value.constant === undefined && value.taints.length > 0) {
    const { taints } = PART.evaluate(run, subject)
    if (taints.every((each) => value.taints.some((other) => other.label === each.label))) return
  }
  const text = value.constant
  if (text === '/' || text === '' || text === 'http') return
  if (typeof text === 'string' && /^https?:\/\/$/.test(text)) return exclude(run, subject, CLASS.code)
  exclude(run, subject, PREFIX)
}

function callCheck(run: Run, node: Call, outcome: boolean): void {
  if (run.module.language === 'python' && pythonCheck(run, node, outcome)) return
  const { callee } = node
  const first = node.args[0]
  if (callee.kind === 'member' && callee.property !== null && first !== undefined) {
    const method = callee.property
    switch (method) {
      case 'includes':
      case 'contains':
        return contains(run, callee.object, first, outcome)
      case 'has': {
        const set = PART.evaluate(run, callee.object)
        const constants = constantsIn(run, callee.object, set)
        if (outcome && set.taints.length === 0) return exclude(run, first, ALL)
        if (!outcome && constants !== null)
          exclude(
            run,
            first,
            constants.reduce((mask, each) => mask | absent(each), 0),
          )
        return
      }
      case 'startsWith':
        if (outcome) prefixHolds(run, callee.object, first)
        else {
          const text = PART.evaluate(run, first).constant
          if (text === '..' || text === '../') exclude(run, callee.object, TRAVERSAL)
          else if (text === '//') exclude(run, callee.object, CLASS.redirect)
          excludeRelative(run, callee.object, text)
        }
        return
      case 'endsWith':
        return
      case 'test':
      case 'exec':
        for (const ref of PART.evaluate(run, callee.object).refs)
          if (ref.kind === 'regex') exclude(run, first, checkedByPattern(ref.pattern, ref.flags, outcome))
        return
      case 'match':
      case 'matches':
        for (const ref of PART.evaluate(run, first).refs)
          if (ref.kind === 'regex')
            return exclude(run, callee.object, checkedByPattern(ref.pattern, ref.flags, outcome))
        return exclude(run, first, outcome ? excludedByName(method) : 0)
      case 'hasOwnProperty':
        if (outcome) ownKey(run, callee.object, first)
        return
      case 'call':
        if (
          callee.object.kind === 'member' &&
          callee.object.property === 'hasOwnProperty' &&
          outcome &&
          node.args[1] !== undefined
        )
          ownKey(run, first, node.args[1])
        return
      case 'hasOwn':
        if (outcome && node.args[1] !== undefined) ownKey(run, first, node.args[1])
        return
      case 'isAbsolute':
        return
      case 'some':
      case 'every':
      case 'find':
      case 'findIndex':
      case 'filter':
        return eachCheck(run, node, callee.object, method, outcome)
      default:
    }
  }
  namedCheck(run, node, outcome)
}

/** `rel.startsWith('..')` where `rel` is `path.relative(root, file)`. */
function excludeRelative(run: Run, subject: Expression, text: unknown): void {
  if ((text !== '..' && text !== '../') || subject.kind !== 'name' || subject.variable === null) return
  const held = run.analysis.conditions.get(subject.variable)
  if (held?.kind === 'call' && held.args[1] !== undefined) exclude(run, held.args[1], TRAVERSAL)
}

/** `keys.some((key) => key === '__proto__')` is false, `parts.every(isSafe)` is true. */
function eachCheck(run: Run, node: Call, subject: Expression, method: string, outcome: boolean): void {
  const wanted = method === 'every' ? outcome : !outcome
  const callback = node.args[0]
  if (!wanted || callback === undefined) return
  for (const ref of PART.evaluate(run, callback).refs) {
    if (ref.kind !== 'function') continue
    const summary = run.analysis.summaryOf(ref.fn)
    const safe = method === 'every' ? summary.safeWhenTrue : summary.safeWhenFalse
    for (const [label, mask] of safe ?? [])
      if (label.fn === ref.fn && label.index === 0) {
        for (const taint of PART.evaluate(run, subject).taints) run.env.markSafe(taint.label, mask)
        exclude(run, subject, mask)
      }
  }
}

/** Checks by functions: of the program, by what they return when; of others, by their name. */
function namedCheck(run: Run, node: Call, outcome: boolean): void {
  const name =
    node.callee.kind === 'member'
      ? (node.callee.property ?? '')
      : node.callee.kind === 'name'
        ? node.callee.name
        : ''
  const targets = PART.evaluate(run, node.callee).refs
  let known = false
  for (const ref of targets) {
    if (outcome && node.args[0] !== undefined && ref.kind === 'api') {
      const value = node.args[0].kind === 'spread' ? PLAIN : PART.evaluate(run, node.args[0])
      if (excludeBySchema(run, ref, value)) return
    }
    if (ref.kind !== 'function') continue
    known = true
    const summary = run.analysis.summaryOf(ref.fn)
    summary.dependents.add(run.fn)
    const safe = outcome ? summary.safeWhenTrue : summary.safeWhenFalse
    if (safe !== null) applySafe(run, node, ref.fn, safe)
    if (outcome) applyOwnKeys(run, node.args, summary.ownKeys)
  }
  const mask = outcome ? excludedByName(name) : excludedByDenial(name)
  if (mask === 0 || (known && !/valid|safe|allow|permit|trusted|unsafe|proto|pollut/i.test(name))) return
  for (const arg of node.args.slice(0, 2))
    if (arg.kind !== 'literal' && arg.kind !== 'spread') exclude(run, arg, mask)
}

function applySafe(run: Run, node: Call, fn: Run['fn'], safe: ReadonlyMap<Label, number>): void {
  const args = node.args.map((each) => (each.kind === 'spread' ? PLAIN : PART.evaluate(run, each)))
  for (const [label, mask] of safe) {
    if (label.fn !== fn || label.index < 0) continue
    const arg = node.args[label.index]
    if (label.path.length === 0 && arg !== undefined && arg.kind !== 'spread') exclude(run, arg, mask)
    else
      for (const taint of argumentOf(run.analysis, fn, label.index, args, PLAIN).taints) {
        let inner = taint.label
        for (const field of label.path) inner = run.analysis.child(inner, field)
        run.env.markSafe(inner, mask)
      }
  }
}
