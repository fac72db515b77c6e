import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { nodesIn } from '../../effects/effects.ts'
import { textOf } from '../../flow-graph/module.ts'
import { walkFunction, type Node } from '../../flow-graph/walk.ts'
import type { RuleInfo } from '../../pack.ts'

/** What a rule says of a node. */
export interface Found {
  readonly rule: RuleInfo
  readonly message: string
}

/** The keyword argument of a name. */
export function option(call: Call, name: string): Expression | undefined {
  const at = call.names?.indexOf(name) ?? -1
  return at === -1 ? undefined : call.args[at]
}

/** The positional argument, else the keyword argument of one of the names. */
export function argument(call: Call, index: number, ...names: readonly string[]): Expression | undefined {
  const positional = (call.names?.[index] ?? null) === null ? call.args[index] : undefined
  return positional ?? names.map((name) => option(call, name)).find((each) => each !== undefined)
}

/** The value of a literal. */
export function constant(node: Expression | undefined): unknown {
  return node?.kind === 'literal' ? node.value : undefined
}

/** The text of a literal. */
export function text(node: Expression | undefined): string {
  return textOrNone(constant(node))
}

/** Whether keyword arguments are spread, which may say anything. */
export function spreads(call: Call): boolean {
  return call.args.some((each) => each.kind === 'spread')
}

/** The last word of what something is called: `form['password']`, `user.password`, `password`. */
export function nameOf(node: Expression | undefined): string {
  switch (node?.kind) {
    case 'name':
      return node.name
    case 'member':
      return node.property ?? ''
    case 'call':
      // `password.encode()`, `request.form.get('password')`
      if (node.callee.kind !== 'member') return ''
      if (/^(?:encode|strip|lower|upper|decode)$/.test(node.callee.property ?? ''))
        return nameOf(node.callee.object)
      return node.callee.property === 'get' ? textOrNone(constant(node.args[0])) : ''
    default:
      return ''
  }
}

function textOrNone(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Whether an expression is the same on every run: literals, what is made of them, constants of classes. */
export function isFixed(node: Expression | undefined, fn: FunctionInfo, depth = 0): boolean {
  if (node === undefined || depth > 5) return false
  switch (node.kind) {
    case 'literal':
      return node.value !== null
    case 'binary':
      return isFixed(node.left, fn, depth + 1) && isFixed(node.right, fn, depth + 1)
    case 'member':
      // `AES.block_size`
      return node.object.kind === 'name' && /^[A-Z]/.test(node.object.name) && node.key === null
    case 'call':
      return (
        (node.callee.kind === 'name'
          ? /^(?:bytes|bytearray)$/.test(node.callee.name)
          : node.callee.kind === 'member' &&
            /^(?:encode|fromhex|unhexlify)$/.test(node.callee.property ?? '')) &&
        [...node.args, ...(node.callee.kind === 'member' ? [receiverOf(node.callee.object)] : [])].every(
          (each) => each === null || isFixed(each, fn, depth + 1),
        )
      )
    case 'name': {
      if (node.variable === null) return false
      const values = valuesOf(node.variable, fn)
      return values.length === 1 && isFixed(values[0], fn, depth + 1)
    }
    default:
      return false
  }
}

/** What a method is called on, unless that is a class or package. */
function receiverOf(node: Expression): Expression | null {
  return node.kind === 'name' && (node.variable === null || /^(?:bytes|binascii)$/.test(node.name))
    ? null
    : node
}

/** Whether a value is one that a caller passes, or is read from where a caller says. */
export function isCallers(node: Expression, fn: FunctionInfo, depth = 0): boolean {
  if (depth > 3) return false
  return [...nodesIn(node)].some(
    (each) =>
      each.kind === 'name' &&
      each.variable !== null &&
      (each.variable.kind === 'param'
        ? !/^(?:self|cls|request)$/.test(each.name)
        : each.variable.owner === fn &&
          valuesOf(each.variable, fn).some((value) => isCallers(value, fn, depth + 1))),
  )
}

/** What is assigned to a variable, in the function and in its module. */
function valuesOf(variable: Variable, fn: FunctionInfo): readonly Expression[] {
  const found: Expression[] = []
  const look = (node: Node): void => {
    if (node.kind !== 'assign' && node.kind !== 'declare') return
    if (node.target.kind !== 'name' || node.target.variable !== variable || node.value === null) return
    found.push(node.value)
  }
  for (const each of new Set([fn, variable.owner])) walkFunction(each, look)
  return variable.kind === 'param' ? [] : found
}

/** The text of the function that a comprehension or lambda stands in. */
export function textAround(fn: FunctionInfo): string {
  return textOf(fn.module, named(fn)).slice(0, 20_000)
}

export function named(fn: FunctionInfo): FunctionInfo {
  let at = fn
  while (at.name === '' && at.parent !== null && at.parent.form !== 'module') at = at.parent
  return at
}
