import type { FunctionInfo, Param } from '../../flow-graph/functions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import { type Ast, listOf } from './ast.ts'
import { enterScope, type Lowering, nameAt, typeText } from './lowering.ts'
import { LOWER, type FunctionPlace } from './recursion.ts'

/** Lowers a function with everything in it, and adds it to the file's functions. */
export function lowerFunction(lowering: Lowering, node: Ast, place: FunctionPlace): FunctionInfo {
  const before = lowering.scope
  const outerClass = lowering.class
  const arrow = node.type === 'ArrowFunctionExpression'
  const params: Param[] = []
  const body: Statement[] = []
  const directives: string[] = []
  const made: FunctionInfo = {
    id: -1,
    name: node.id?.name ?? place.name,
    form: place.form ?? (arrow ? 'arrow' : 'function'),
    module: lowering.module,
    parent: before.owner,
    class: place.form !== undefined || arrow ? lowering.class : null,
    static: place.static ?? false,
    async: node.async,
    generator: node.generator,
    params,
    body,
    decorators: LOWER.decorators(lowering, place.member ?? node),
    variables: [],
    directives,
    at: place.member?.start ?? node.start,
    end: node.end,
  }
  lowering.functions.push(made)
  enterScope(lowering, made, true)
  if (!arrow && place.form === undefined) lowering.class = null
  // A function expression's own name is visible inside it only.
  if (node.type === 'FunctionExpression' && node.id !== null && place.form === undefined)
    lowering.binder.declare(lowering.scope, node.id.name, 'function', node.id.start, null)
  for (const param of node.params) {
    if (param.type === 'TSParameterProperty') body.push(ownField(lowering, param))
    const rest = param.type === 'RestElement'
    const inner = rest ? (param.argument as Ast) : param
    params.push({
      pattern: LOWER.pattern(lowering, inner, 'param'),
      rest,
      type: typeText(lowering, inner.type === 'TSParameterProperty' ? typed(inner.parameter) : typed(inner)),
      decorators: LOWER.decorators(lowering, param),
      at: param.start,
      end: param.end,
    })
  }
  if (node.body !== null) {
    if (arrow && node.body.type !== 'BlockStatement') {
      const value = LOWER.expression(lowering, node.body)
      body.push({ kind: 'return', value, at: node.body.start, end: node.body.end })
    } else {
      const statements = listOf(node.body.body)
      for (const each of statements) if (typeof each.directive === 'string') directives.push(each.directive)
      for (const each of LOWER.statements(lowering, statements)) body.push(each)
    }
  }
  lowering.scope = before
  lowering.class = outerClass
  return made
}

function typed(param: Ast): Ast {
  return param.type === 'AssignmentPattern' ? param.left : param
}

/** `constructor(private x)` is `this.x = x`. */
function ownField(lowering: Lowering, param: Ast): Statement {
  const target = typed(param.parameter)
  const span = { at: param.start, end: param.end }
  return {
    kind: 'expression',
    ...span,
    expression: {
      kind: 'assign',
      operator: '=',
      target: {
        kind: 'member',
        object: { kind: 'this', ...span },
        property: target.name,
        key: null,
        optional: false,
        ...span,
      },
      value: nameAt(lowering, target.name, target),
      ...span,
    },
  }
}
