import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Loop, Statement, Try } from '../../flow-graph/statements.ts'
import type { Node } from '../../flow-graph/walk.ts'
import { type Effects, deepNodesIn, nodesIn } from '../../effects/effects.ts'
import type { Hit, Rule } from '../rule.ts'

export const ENDLESS_LOOP: Rule = {
  info: {
    id: 'performance/endless-loop',
    title: 'A loop without a way out',
    cwe: 'CWE-835',
    tags: ['CWE-834'],
    severity: 'error',
    help: 'Change what the condition reads on every way through the body; give retries a number of attempts, a growing pause and an error at their end.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || !/\bwhile\b|\bfor\s*\(/.test(module.text)) continue
      for (const within of module.functions) {
        if (within.generator) continue
        for (const node of nodesIn(...within.body)) {
          if (node.kind !== 'loop' || node.form === 'of' || node.form === 'in') continue
          const hit = stuck(node, within, effects) ?? triesForEver(node, within, effects)
          if (hit !== null) yield hit
        }
      }
    }
  },
}

const PURE =
  /^(?:indexOf|lastIndexOf|includes|startsWith|endsWith|slice|substring|charAt|charCodeAt|codePointAt|at|trim|toLowerCase|toUpperCase|has)$/

/** What a loop changes: names that are assigned in it, and objects that something is done to. */
class Changes {
  private readonly loop: Loop
  private readonly assigned = new Set<Variable>()
  private readonly touched = new Set<Variable>()
  /** Objects of which a method is called: a date that is set forward compares differently. */
  private readonly acted = new Set<Variable>()
  readonly born = new Map<Variable, Expression | null>()

  constructor(loop: Loop) {
    this.loop = loop
    for (const node of deepNodesIn(loop)) {
      if (node.kind === 'assign') this.assign(node.target)
      else if (node.kind === 'unary' && (node.operator === '++' || node.operator === '--'))
        this.assign(node.operand)
      else if (node.kind === 'declare' && node.target.kind === 'name' && node.target.variable !== null)
        this.born.set(node.target.variable, node.value)
      else if (node.kind === 'call') {
        for (const each of node.args) this.touch(each)
        if (node.callee.kind === 'member' && !PURE.test(node.callee.property ?? '')) {
          this.touch(node.callee.object)
          if (node.callee.object.kind === 'name' && node.callee.object.variable !== null)
            this.acted.add(node.callee.object.variable)
        }
      } else if (node.kind === 'unary' && node.operator === 'delete') this.remove(node.operand)
    }
  }

  /** Python's `del xs[0]` changes what a test of `xs` says. */
  private remove(operand: Expression): void {
    this.touch(operand)
    for (const node of nodesIn(operand))
      if (node.kind === 'name' && node.variable !== null) this.acted.add(node.variable)
  }

  private assign(target: Node): void {
    for (const node of nodesIn(target)) {
      if (node.kind !== 'name' || node.variable === null) continue
      if (target.kind === 'member') this.touched.add(node.variable)
      else this.assigned.add(node.variable)
    }
  }

  private touch(expression: Expression): void {
    for (const node of deepNodesIn(expression))
      if (node.kind === 'name' && node.variable !== null) this.touched.add(node.variable)
  }

  /** Whether an expression has the same value on every turn, for all that is to be seen here. */
  fixed(expression: Expression, effects: Effects, within: FunctionInfo, depth = 0): boolean {
    if (depth > 8) return false
    const next = (each: Expression): boolean => this.fixed(each, effects, within, depth + 1)
    switch (expression.kind) {
      case 'literal':
        return true
      case 'name':
        return expression.variable !== null && this.fixedName(expression.variable, effects, within, depth)
      case 'member':
        return this.fixedMember(expression, effects, within, depth)
      case 'unary':
        return expression.operator === '!' || expression.operator === '-' ? next(expression.operand) : false
      case 'binary':
      case 'logical':
        return next(expression.left) && next(expression.right)
      case 'conditional':
        return next(expression.test) && next(expression.then) && next(expression.otherwise)
      case 'call':
        return (
          expression.callee.kind === 'member' &&
          PURE.test(expression.callee.property ?? '') &&
          this.fixedText(expression.callee.object, effects, within, depth) &&
          expression.args.every(next)
        )
      default:
        return false
    }
  }

  private fixedName(variable: Variable, effects: Effects, within: FunctionInfo, depth: number): boolean {
    const inside = variable.at >= this.loop.at && variable.at < this.loop.end && variable.owner === within
    if (inside) {
      const value = this.born.get(variable)
      return (
        !this.assigned.has(variable) &&
        value !== undefined &&
        value !== null &&
        this.fixed(value, effects, within, depth + 1)
      )
    }
    if (this.assigned.has(variable) || this.acted.has(variable)) return false
    if (within.module.language === 'python' && !isImmutable(variable, effects)) return false
    if (variable.owner.form === 'module' && variable.kind !== 'const') return false
    if (variable.kind === 'import' || variable.owner !== within)
      return variable.kind === 'const' && variable.owner !== within ? isPlain(variable, effects) : false
    // A closure may write it while the loop waits.
    if (variable.captured && variable.assigned > 0) return false
    return true
  }

  /** Text and numbers cannot change behind a name. */
  private fixedText(object: Expression, effects: Effects, within: FunctionInfo, depth: number): boolean {
    return (
      object.kind === 'name' &&
      object.variable !== null &&
      isText(object.variable, effects) &&
      this.fixed(object, effects, within, depth + 1)
    )
  }

  private fixedMember(
    expression: Extract<Expression, { kind: 'member' }>,
    effects: Effects,
    within: FunctionInfo,
    depth: number,
  ): boolean {
    const { object } = expression
    if (object.kind !== 'name' || object.variable === null || expression.property === null) return false
    if (expression.property === 'length' && isText(object.variable, effects))
      return this.fixedName(object.variable, effects, within, depth)
    if (this.touched.has(object.variable) || object.variable.captured) return false
    if (!this.fixedName(object.variable, effects, within, depth)) return false
    return isData(object.variable, effects, 0)
  }
}

/** In Python what a name stands for may become empty, or compare differently, through any other name of it. */
function isImmutable(variable: Variable, effects: Effects): boolean {
  if (/^\s*:?\s*(?:str|int|float|bool|bytes)\s*$/.test(variable.type ?? '')) return true
  const definitions = effects.bindings.definitions.get(variable) ?? []
  return (
    definitions.length > 0 &&
    definitions.every((each) => each.value.kind === 'literal' && each.path.length === 0)
  )
}

function isPlain(variable: Variable, effects: Effects): boolean {
  const [definition] = effects.bindings.definitions.get(variable) ?? []
  return definition?.value.kind === 'literal' && definition.path.length === 0
}

function isText(variable: Variable, effects: Effects): boolean {
  if (/^\s*:?\s*(?:string|number)\s*$/.test(variable.type ?? '')) return true
  const [definition, ...more] = effects.bindings.definitions.get(variable) ?? []
  if (definition === undefined || more.length > 0 || definition.path.length > 0) return false
  const { value } = definition
  return (
    value.kind === 'template' ||
    (value.kind === 'literal' && typeof value.value === 'string') ||
    (value.kind === 'call' && value.callee.kind === 'name' && value.callee.name === 'String')
  )
}

/** Whether a value is plain data that came from outside: nothing behind it changes by itself. */
function isData(variable: Variable, effects: Effects, depth: number): boolean {
  const [definition, ...more] = effects.bindings.definitions.get(variable) ?? []
  if (definition === undefined || more.length > 0 || definition.path.length > 0 || depth > 4) return false
  let { value } = definition
  if (value.kind === 'await') value = value.value
  return givesData(value, definition.within, effects, depth)
}

function givesData(value: Expression, within: FunctionInfo, effects: Effects, depth: number): boolean {
  if (depth > 4) return false
  if (value.kind === 'await') return givesData(value.value, within, effects, depth)
  if (value.kind !== 'call') return false
  if (value.callee.kind === 'member' && value.callee.property === 'json') return true
  if (effects.operationAt(value, within)?.kind === 'database') return true
  const targets = effects.targets(value, within)
  return (
    targets.length > 0 &&
    targets.every((target) => {
      const returns = [...nodesIn(...target.body)].filter((node) => node.kind === 'return')
      return (
        returns.length > 0 &&
        returns.every((each) => each.value !== null && givesData(each.value, target, effects, depth + 1))
      )
    })
  )
}

function stuck(loop: Loop, within: FunctionInfo, effects: Effects): Hit | null {
  const { test } = loop
  if (test === null || (test.kind === 'literal' && test.value !== null)) return null
  if (within.module.language === 'python' && mayEnd(loop, within)) return null
  const changes = new Changes(loop)
  if (loop.update !== null && !changes.fixed(loop.update, effects, within)) return null
  if (!changes.fixed(test, effects, within)) return null
  for (const exit of exitsOf(loop.body, loop.label)) {
    if (exit === null) return null
    if (!changes.fixed(exit, effects, within)) return null
  }
  const { module } = within
  return {
    module,
    span: { at: loop.at, end: test.end },
    message: `Nothing in the loop changes \`${module.text.slice(test.at, test.end)}\`: once it is entered it never ends.`,
  }
}

/** A flag alone is Python's `while True`, which an error may be meant to end; any way out is taken for one. */
function mayEnd(loop: Loop, within: FunctionInfo): boolean {
  if (loop.test?.kind !== 'binary' && loop.test?.kind !== 'logical') return true
  if (exitsOf(loop.body, loop.label, true).length > 0) return true
  for (const node of nodesIn(...within.body))
    if (node.kind === 'try' && node.at <= loop.at && node.end >= loop.end) return true
  return false
}

/** The conditions under which a loop is left from inside; null where one cannot be told. In Python a `match` has no `break`. */
function exitsOf(body: readonly Statement[], label: string | null, python = false): (Expression | null)[] {
  const found: (Expression | null)[] = []
  const visit = (statements: readonly Statement[], condition: Expression | null, own: boolean): void => {
    for (const each of statements) {
      switch (each.kind) {
        case 'return':
        case 'throw':
          found.push(condition)
          break
        case 'break':
          if (own || (each.label !== null && each.label === label)) found.push(condition)
          else if (each.label !== null) found.push(condition)
          break
        case 'if':
          visit(each.then, condition ?? each.test, own)
          visit(each.otherwise, condition ?? each.test, own)
          break
        case 'loop':
          visit(each.body, null, false)
          break
        case 'switch':
          for (const one of each.cases) visit(one.body, null, python && own)
          break
        case 'try':
          visit(each.body, null, own)
          for (const one of each.catches) visit(one.body, null, own)
          visit(each.otherwise, null, own)
          visit(each.finally, null, own)
          break
        case 'block':
          visit(each.body, condition, own)
          break
        case 'expression':
          if (isExit(each.expression)) found.push(condition)
          break
        default:
      }
    }
  }
  visit(body, null, true)
  return found
}

function isExit(expression: Expression): boolean {
  return (
    expression.kind === 'call' &&
    expression.callee.kind === 'member' &&
    /^_?exit$/.test(expression.callee.property ?? '') &&
    expression.callee.object.kind === 'name' &&
    /^(?:process|sys|os)$/.test(expression.callee.object.name)
  )
}

const PAUSES = /sleep|delay|wait|pause|backoff|setTimeout/i

/** Something is tried until it gives a result, whatever goes wrong; a service that goes on by nature is no such thing. */
function isRetry(attempt: Try): boolean {
  if (
    ![...nodesIn(...attempt.body, ...attempt.otherwise)].some((each) => /^(?:return|break)$/.test(each.kind))
  )
    return false
  return attempt.catches.some(({ types }) =>
    types.every((each) => each.kind === 'name' && /^(?:Exception|BaseException)$/.test(each.name)),
  )
}

/** `while (true) { try { return await ask() } catch { log } }`: no attempts are counted and nothing waits. */
function triesForEver(loop: Loop, within: FunctionInfo, effects: Effects): Hit | null {
  const { test } = loop
  if (test !== null && !(test.kind === 'literal' && Boolean(test.value))) return null
  if (loop.update !== null || loop.init.length > 0) return null
  const attempt = loop.body.find((each) => each.kind === 'try')
  if (attempt === undefined || attempt.catches.length === 0) return null
  if (within.module.language === 'python' && !isRetry(attempt)) return null
  const asks = (effects.bindings.calls.get(within) ?? []).some(
    (place) =>
      place.node.at >= attempt.at &&
      place.node.end <= attempt.end &&
      effects.effectsOf(place).some((each) => each.operation.kind !== 'file'),
  )
  if (!asks) return null
  for (const each of attempt.catches) {
    for (const node of nodesIn(...each.body)) {
      if (/^(?:throw|return|break|await|assign)$/.test(node.kind)) return null
      if (node.kind === 'unary' && /^(?:\+\+|--)$/.test(node.operator)) return null
    }
  }
  // A counter or a pause anywhere else in the loop.
  for (const node of nodesIn(...loop.body)) {
    if (node.kind === 'unary' && /^(?:\+\+|--)$/.test(node.operator)) return null
    if (
      node.kind === 'call' &&
      PAUSES.test(
        node.callee.kind === 'name'
          ? node.callee.name
          : node.callee.kind === 'member' && within.module.language === 'python'
            ? (node.callee.property ?? '')
            : '',
      )
    )
      return null
    if (
      node.kind === 'call' &&
      node.construct &&
      node.callee.kind === 'name' &&
      node.callee.name === 'Promise'
    )
      return null
  }
  return {
    module: within.module,
    span: { at: loop.at, end: loop.at + 12 },
    message:
      'While the call fails it is repeated for ever: no attempts are counted, and nothing pauses between them.',
  }
}
