import type { Call, Expression } from '../flow-graph/expressions.ts'
import { ALL, CLASS } from '../models/classes.ts'
import { excludedByDenial, excludedByName } from '../models/effects.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import { absent, constantsIn, exclude, PREFIX, TRAVERSAL } from './exclude.ts'
import { argumentOf } from './labels.ts'
import { applyOwnKeys, ownKey } from './own-keys.ts'
import { pythonCheck } from './python-checks.ts'
import { PART, type Run } from './run.ts'
import { excludeBySchema } from './schemas.ts'
import { type Label, PLAIN } from './value.ts'

/** `list.includes(x)`, `text.includes('..')`. */
export function contains(run: Run, subject: Expression, item: Expression, found: boolean): void {
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

export function prefixHolds(run: Run, subject: Expression, prefix: Expression): void {
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

/** What a call that says yes or no excludes from what it is asked about. */
export function callCheck(run: Run, node: Call, outcome: boolean): void {
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
