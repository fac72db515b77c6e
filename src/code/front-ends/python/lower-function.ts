import type { Expression, FunctionExpression, Pattern } from '../../flow-graph/expressions.ts'
import type { ClassInfo, Field, FunctionInfo, Param } from '../../flow-graph/functions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import { childAt, namedChildren, type SyntaxNode } from '../syntax-tree.ts'
import { lowerExpression, lowerPattern } from './lower-expression.ts'
import { call, member, spanOf, textOf, unknown } from './nodes.ts'
import { LOWER } from './recursion.ts'
import { declare, openScope, type Draft, type Reading, type Scope } from './scopes.ts'

type FunctionDraft = Draft<FunctionInfo>

function draft(
  node: SyntaxNode,
  name: string,
  form: FunctionInfo['form'],
  scope: Scope,
  reading: Reading,
): FunctionDraft {
  const info: FunctionDraft = {
    ...spanOf(node),
    id: -1,
    name,
    form,
    module: reading.module,
    parent: scope.info,
    class: null,
    static: false,
    async: false,
    generator: false,
    params: [],
    body: [],
    decorators: [],
    variables: [],
    directives: [],
  }
  reading.functions.push(info)
  return info
}

/** `def`, with its decorators; a method when `owner` is the class that it lies in. */
export function lowerFunction(
  node: SyntaxNode,
  decorators: readonly SyntaxNode[],
  scope: Scope,
  reading: Reading,
  owner: ClassInfo | null = null,
): FunctionInfo {
  const nameNode = childAt(node, 'name')
  const name = nameNode === undefined ? '' : textOf(nameNode, reading)
  const marks = decorators.map((each) => textOf(each, reading).slice(1).trim())
  const unbound = marks.includes('staticmethod')
  const info = draft(
    node,
    name === '__init__' && owner !== null ? 'constructor' : name,
    formOf(name, marks, scope, owner),
    scope,
    reading,
  )
  info.class = owner
  info.static = unbound || marks.includes('classmethod')
  info.async = node.children.some((child) => child.type === 'async')
  info.decorators = decorators.flatMap((each) =>
    namedChildren(each).map((child) => lowerExpression(child, scope, reading)),
  )
  const list = childAt(node, 'parameters')
  const body = childAt(node, 'body')
  info.generator = body !== undefined && hasYield(body)
  fill(info, scope, reading, list, body === undefined ? [] : [body], owner !== null && !unbound)
  if (body !== undefined) info.body = LOWER.block(body, scopeOf(info), reading)
  return info
}

export function lowerLambda(node: SyntaxNode, scope: Scope, reading: Reading): FunctionExpression {
  const info = draft(node, '', 'arrow', scope, reading)
  const body = childAt(node, 'body')
  fill(info, scope, reading, childAt(node, 'parameters'), body === undefined ? [] : [body], false)
  if (body !== undefined)
    info.body = [{ kind: 'return', ...spanOf(body), value: lowerExpression(body, scopeOf(info), reading) }]
  return { kind: 'function', ...spanOf(node), function: info }
}

/** `[f(x) for x in xs if c]` is what `xs.map(x => f(x))` is, with the condition before the return. */
export function lowerComprehension(node: SyntaxNode, scope: Scope, reading: Reading): Expression {
  const body = childAt(node, 'body')
  const clauses = namedChildren(node).filter((child) => child !== body)
  const build = (index: number, around: Scope): Expression => {
    const clause = clauses[index]
    const left = clause === undefined ? undefined : childAt(clause, 'left')
    const right = clause === undefined ? undefined : childAt(clause, 'right')
    if (body === undefined || left === undefined || right === undefined) return unknown(node, [])
    const iterable = lowerExpression(right, around, reading)
    const info = draft(node, '', 'arrow', around, reading)
    const inner = openScope(info, around, null, [], reading.text)
    scopes.set(info, inner)
    for (const name of namesIn(left)) declare(inner, textOf(name, reading), 'param', name.at)
    const pattern = lowerPattern(left, inner, reading)
    for (const variable of inner.variables) variable.assigned = 0
    info.variables = inner.variables
    if (pattern !== null)
      info.params = [{ ...spanOf(left), pattern, rest: false, type: null, decorators: [] }]
    let next = index + 1
    const tests: Expression[] = []
    for (let test = clauses[next]; test?.type === 'if_clause'; test = clauses[++next])
      for (const condition of namedChildren(test)) tests.push(lowerExpression(condition, inner, reading))
    const value =
      next < clauses.length
        ? build(next, inner)
        : body.type === 'pair'
          ? unknown(
              body,
              namedChildren(body).map((child) => lowerExpression(child, inner, reading)),
            )
          : lowerExpression(body, inner, reading)
    let statement: Statement = { kind: 'return', ...spanOf(body), value }
    for (const test of tests.toReversed())
      statement = { kind: 'if', at: body.at, end: test.end, test, then: [statement], otherwise: [] }
    info.body = [statement]
    const callee = member(right, iterable, next < clauses.length ? 'flatMap' : 'map')
    return call(node, callee, [{ kind: 'function', ...spanOf(node), function: info }])
  }
  return build(0, scope)
}

export function lowerClass(
  node: SyntaxNode,
  decorators: readonly SyntaxNode[],
  scope: Scope,
  reading: Reading,
): ClassInfo {
  const nameNode = childAt(node, 'name')
  const [superNode] = namedChildren(childAt(node, 'superclasses') ?? EMPTY).filter(
    (child) => child.type !== 'keyword_argument',
  )
  const info: Draft<ClassInfo> = {
    ...spanOf(node),
    name: nameNode === undefined ? '' : textOf(nameNode, reading),
    module: reading.module,
    superClass: superNode === undefined ? null : lowerExpression(superNode, scope, reading),
    methods: [],
    fields: [],
    decorators: decorators.flatMap((each) =>
      namedChildren(each).map((child) => lowerExpression(child, scope, reading)),
    ),
  }
  reading.classes.push(info)
  const methods: FunctionInfo[] = []
  const fields: Field[] = []
  for (const item of namedChildren(childAt(node, 'body') ?? EMPTY)) {
    if (item.type === 'function_definition') methods.push(lowerFunction(item, [], scope, reading, info))
    else if (item.type === 'decorated_definition') {
      const definition = childAt(item, 'definition')
      const marks = item.children.filter((child) => child.type === 'decorator')
      if (definition?.type === 'function_definition')
        methods.push(lowerFunction(definition, marks, scope, reading, info))
      else if (definition?.type === 'class_definition') lowerClass(definition, marks, scope, reading)
    } else if (item.type === 'class_definition') lowerClass(item, [], scope, reading)
    else if (item.type === 'expression_statement') fields.push(...fieldsOf(item, scope, reading))
  }
  info.methods = methods
  info.fields = fields
  return info
}

function fieldsOf(statement: SyntaxNode, scope: Scope, reading: Reading): readonly Field[] {
  return namedChildren(statement).flatMap((item) => {
    const left = item.type === 'assignment' ? childAt(item, 'left') : undefined
    if (left?.type !== 'identifier') return []
    const right = childAt(item, 'right')
    const type = childAt(item, 'type')
    return [
      {
        ...spanOf(item),
        name: textOf(left, reading),
        value: right === undefined ? null : lowerExpression(right, scope, reading),
        static: type === undefined,
        type: type === undefined ? null : textOf(type, reading).slice(0, 200),
        decorators: [],
      },
    ]
  })
}

const EMPTY: SyntaxNode = { type: '', field: null, named: true, at: 0, end: 0, children: [] }
const scopes = new WeakMap<FunctionInfo, Scope>()

function scopeOf(info: FunctionInfo): Scope {
  return scopes.get(info) as Scope
}

function fill(
  info: FunctionDraft,
  around: Scope,
  reading: Reading,
  list: SyntaxNode | undefined,
  bodies: readonly SyntaxNode[],
  bound: boolean,
): void {
  const given =
    list === undefined ? [] : namedChildren(list).filter((child) => !child.type.endsWith('_separator'))
  const [first] = given
  const self = bound && first !== undefined ? namesIn(first)[0] : undefined
  const scope = openScope(
    info,
    around,
    self === undefined ? null : textOf(self, reading),
    bodies,
    reading.text,
  )
  scopes.set(info, scope)
  const params: Param[] = []
  for (const node of self === undefined ? given : given.slice(1)) {
    const [nameNode] = namesIn(node)
    if (nameNode === undefined) continue
    const typeNode = childAt(node, 'type')
    const type = typeNode === undefined ? null : textOf(typeNode, reading).slice(0, 200)
    const name = textOf(nameNode, reading)
    scope.names.delete(name)
    const earlier = scope.variables.findIndex((variable) => variable.name === name)
    if (earlier !== -1) scope.variables.splice(earlier, 1)
    const variable = declare(scope, name, 'param', nameNode.at, type)
    const target: Pattern = { kind: 'name', ...spanOf(nameNode), name, variable }
    const valueNode = childAt(node, 'value')
    const pattern: Pattern =
      valueNode === undefined
        ? target
        : {
            kind: 'default-pattern',
            ...spanOf(node),
            target,
            value: lowerExpression(valueNode, around, reading),
          }
    const rest = /splat/.test(node.type) || node.children.some((child) => /splat_pattern/.test(child.type))
    params.push({ ...spanOf(node), pattern, rest, type, decorators: [] })
  }
  info.params = params
  info.variables = scope.variables
}

function namesIn(node: SyntaxNode): readonly SyntaxNode[] {
  if (node.type === 'identifier') return [node]
  const name = childAt(node, 'name')
  if (name !== undefined) return namesIn(name)
  return namedChildren(node)
    .filter((child) => child.field !== 'type' && child.field !== 'value')
    .flatMap(namesIn)
}

function formOf(
  name: string,
  marks: readonly string[],
  scope: Scope,
  owner: ClassInfo | null,
): FunctionInfo['form'] {
  if (owner === null) return insideMethod(scope) ? 'arrow' : 'function'
  if (name === '__init__') return 'constructor'
  if (marks.some((mark) => /^(?:functools\.)?(?:cached_)?property$/.test(mark))) return 'getter'
  return marks.some((mark) => mark.endsWith('.setter')) ? 'setter' : 'method'
}

/** There a nested function sees the object of the method around it, as arrow functions do. */
function insideMethod(scope: Scope): boolean {
  for (let at: Scope | null = scope; at !== null; at = at.parent) if (at.self !== null) return true
  return false
}

function hasYield(node: SyntaxNode): boolean {
  if (node.type === 'yield') return true
  if (/^(?:function_definition|class_definition|lambda)$/.test(node.type)) return false
  return node.children.some(hasYield)
}
