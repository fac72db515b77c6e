import type { Binary, Call, Expression, Logical } from '../flow-graph/expressions.ts'
import { ALL, CLASS } from '../models/classes.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import { absent, constantsIn, exclude, PREFIX, TRAVERSAL } from './exclude.ts'
import { PART, type Run } from './run.ts'
import { PLAIN, type Value } from './value.ts'

/** What Python's own ways to check a value exclude on the way on which the check says `outcome`. */
export function pythonCheck(run: Run, node: Call, outcome: boolean): boolean {
  const { callee, args } = node
  const [first, second] = args
  if (callee.kind === 'name' && callee.variable === null) {
    if (callee.name === 'isinstance' && outcome && first !== undefined && second !== undefined)
      exclude(run, first, numeric(second) ? ALL : 0)
    else if ((callee.name === 'all' || callee.name === 'any') && first?.kind === 'call')
      eachOf(run, first, callee.name === 'all' ? outcome : !outcome, outcome)
    return /^(?:isinstance|all|any|bool|len|callable|hasattr)$/.test(callee.name)
  }
  const pattern = patternOf(run, node)
  if (pattern !== null) {
    exclude(run, pattern.subject, checkedByPattern(pattern.source, '', outcome))
    return true
  }
  if (callee.kind !== 'member' || callee.property === null) return false
  switch (callee.property) {
    case 'isdigit':
    case 'isnumeric':
    case 'isdecimal':
    case 'isalnum':
    case 'isalpha':
      if (outcome) exclude(run, callee.object, ALL)
      return true
    case 'isidentifier':
      if (outcome) exclude(run, callee.object, ALL & ~CLASS.dispatch & ~CLASS.protokey)
      return true
    case 'startswith':
      if (first !== undefined) startsWith(run, callee.object, first, outcome)
      return true
    case 'endswith':
      return true
    case 'is_relative_to':
      if (outcome) exclude(run, callee.object, TRAVERSAL)
      return true
    case 'url_has_allowed_host_and_scheme':
    case 'is_safe_url':
      if (outcome && first !== undefined) exclude(run, first, CLASS.redirect | CLASS.ssrf)
      return true
    default:
      return false
  }
}

function numeric(type: Expression): boolean {
  const types = type.kind === 'array' ? type.elements : [type]
  return types.every(
    (each) =>
      each?.kind === 'name' && /^(?:int|float|bool|complex|date|datetime|Decimal|UUID)$/.test(each.name),
  )
}

/** `all(c in ALLOWED for c in x)`: each part of the value has been checked. */
function eachOf(run: Run, generator: Call, wanted: boolean, outcome: boolean): void {
  const { callee } = generator
  const callback = generator.args[0]
  if (!wanted || callee.kind !== 'member' || callback === undefined) return
  for (const ref of PART.evaluate(run, callback).refs) {
    if (ref.kind !== 'function') continue
    PART.evaluate(run, generator)
    const summary = run.analysis.summaryOf(ref.fn)
    for (const [label, mask] of (outcome ? summary.safeWhenTrue : summary.safeWhenFalse) ?? [])
      if (label.fn === ref.fn && label.index === 0) {
        for (const taint of PART.evaluate(run, callee.object).taints) run.env.markSafe(taint.label, mask)
        exclude(run, callee.object, mask)
      }
  }
}

/** `re.match('…', x)`, `PATTERN.fullmatch(x)`; the pattern as one that must match from its beginning, or the whole. */
function patternOf(run: Run, node: Call): { readonly source: string; readonly subject: Expression } | null {
  const { callee, args } = node
  if (callee.kind !== 'member' || !/^(?:match|fullmatch|search)$/.test(callee.property ?? '')) return null
  const on = PART.evaluate(run, callee.object)
  const compiled = on.refs.find((each) => each.kind === 'regex')
  const library = on.refs.some((each) => each.kind === 'api' && each.package === 'py.re' && each.chain === '')
  const subject = args[compiled === undefined ? 1 : 0]
  const first = args[0] === undefined ? PLAIN : PART.evaluate(run, args[0])
  const given = first.refs.find((each) => each.kind === 'regex')
  const source =
    compiled?.pattern ??
    (library ? (given?.pattern ?? (typeof first.constant === 'string' ? first.constant : null)) : null)
  if (source === null || subject === undefined) return null
  const ends = source.replaceAll('\\A', '^').replaceAll(/\\[zZ]/g, '$')
  if (callee.property === 'search') return { source: ends, subject }
  const begun = ends.startsWith('^') ? ends : `^${ends}`
  return { source: callee.property === 'fullmatch' && !begun.endsWith('$') ? `${begun}$` : begun, subject }
}

/** `x.startswith('/static/')`, or one of several beginnings. */
function startsWith(run: Run, subject: Expression, prefix: Expression, outcome: boolean): void {
  const value = PART.evaluate(run, prefix)
  const texts = constantsIn(run, prefix, value) ?? [value.constant]
  if (!outcome) {
    for (const text of texts) {
      if (text === '..' || text === '../' || text === '/') exclude(run, subject, text === '/' ? 0 : TRAVERSAL)
      if (text === '//' || text === 'http') exclude(run, subject, CLASS.redirect)
    }
    return
  }
  // What the checked value itself decides about excludes nothing.
  if (value.taints.length > 0 && value.constant === undefined) {
    const { taints } = PART.evaluate(run, subject)
    if (taints.every((each) => value.taints.some((other) => other.label === each.label))) return
  }
  if (texts.some((text) => text === '' || text === '/' || text === 'http' || text === '.')) return
  if (texts.every((text) => typeof text === 'string' && /^https?:\/\/$/.test(text)))
    return exclude(run, subject, CLASS.code)
  exclude(run, subject, PREFIX)
}

/** `x in ALLOWED`, `'..' in x`. */
export function pythonMembership(run: Run, { left, right }: Binary, outcome: boolean): void {
  const list = PART.evaluate(run, right)
  const item = PART.evaluate(run, left)
  if (typeof item.constant === 'string' && (list.taints.length > 0 || left.kind === 'literal')) {
    if (!outcome) exclude(run, right, absent(item.constant))
    return
  }
  if (item.taints.length === 0 || list.taints.length > 0) return
  // What is in a list that nobody outside decides about is one of ours; a part of a text of ours is as well.
  if (outcome) exclude(run, left, ALL)
  else if (typeof list.constant === 'string')
    for (const each of list.constant) exclude(run, left, absent(each))
}

/** `os.path.commonpath([root, x]) == root`, `urlparse(x).netloc == HOST`. */
export function pythonEquality(run: Run, subject: Expression, other: Expression, equal: boolean): void {
  if (!equal) return
  if (subject.kind === 'call' && subject.callee.kind === 'member') {
    if (!/^common(?:path|prefix)$/.test(subject.callee.property ?? '')) return
    const [list] = subject.args
    for (const each of list?.kind === 'array' ? list.elements : [])
      if (each !== null && each.kind !== 'spread') exclude(run, each, TRAVERSAL)
    return
  }
  if (subject.kind === 'member' && /^(?:netloc|hostname)$/.test(subject.property ?? ''))
    hostChecked(run, subject, other)
}

/** The host of an address is one of ours: so is where the address leads. */
export function hostChecked(run: Run, subject: Expression, other: Expression): void {
  if (subject.kind !== 'member' || PART.evaluate(run, other).taints.length > 0) return
  const parsed = PART.evaluate(run, subject.object)
  for (const taint of parsed.taints) run.env.markSafe(taint.label, CLASS.redirect | CLASS.ssrf)
}

/**
 * A text that begins and ends with a quote and has none in between is a string literal: `eval` gives it back. The
 * condition is one that is false then: `not x.startswith("'") or not x.endswith("'") or "'" in x[1:-1]`.
 */
export function quotedLiteral(run: Run, node: Logical, outcome: boolean): void {
  const parts: Expression[] = []
  const flatten = (each: Expression): void => {
    if (each.kind === 'logical' && each.operator === node.operator) {
      flatten(each.left)
      flatten(each.right)
    } else parts.push(each)
  }
  flatten(node)
  if (parts.length < 2 || parts.length > 8) return
  const facts = new Map<string, Set<string>>()
  for (const part of parts) {
    const found = quoteFact(run, part, outcome)
    if (found === null) continue
    const known = facts.get(found.name) ?? new Set()
    facts.set(found.name, known.add(`${found.fact}${found.quote}`))
    if (['begins', 'ends', 'none'].every((each) => known.has(`${each}${found.quote}`)))
      exclude(run, found.subject, CLASS.code)
  }
}

function quoteFact(
  run: Run,
  part: Expression,
  outcome: boolean,
): {
  readonly name: string
  readonly fact: string
  readonly quote: string
  readonly subject: Expression
} | null {
  const [inner, holds] =
    part.kind === 'unary' && part.operator === '!' ? [part.operand, !outcome] : [part, outcome]
  const named = (subject: Expression, fact: string, quote: Value): ReturnType<typeof quoteFact> =>
    subject.kind === 'name' && (quote.constant === "'" || quote.constant === '"')
      ? { name: subject.name, fact, quote: quote.constant, subject }
      : null
  if (inner.kind === 'binary' && inner.operator === 'in' && !holds) {
    const { right } = inner
    return right.kind === 'call' && right.callee.kind === 'member' && right.callee.property === 'slice'
      ? named(right.callee.object, 'none', PART.evaluate(run, inner.left))
      : null
  }
  if (inner.kind !== 'call' || inner.callee.kind !== 'member' || !holds || inner.args[0] === undefined)
    return null
  const quote = PART.evaluate(run, inner.args[0])
  if (inner.callee.property === 'startswith') return named(inner.callee.object, 'begins', quote)
  return inner.callee.property === 'endswith' ? named(inner.callee.object, 'ends', quote) : null
}
