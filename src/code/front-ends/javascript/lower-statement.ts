import type { Expression } from '../../flow-graph/expressions.ts'
import type { Declare, Loop, Statement } from '../../flow-graph/statements.ts'
import { type Ast, listOf } from './ast.ts'
import { DEPTH_LIMIT, enterScope, type Lowering } from './lowering.ts'
import { LOWER } from './recursion.ts'

/** Declares the functions and classes of a block first, as they are hoisted, then lowers it in order. */
export function lowerStatements(lowering: Lowering, nodes: readonly Ast[]): Statement[] {
  for (const each of nodes) {
    const node = each.type.startsWith('Export') ? (each.declaration ?? each) : each
    if (node.id && (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration'))
      lowering.binder.declare(
        lowering.scope,
        node.id.name,
        node.type === 'FunctionDeclaration' ? 'function' : 'class',
        node.id.start,
        null,
      )
  }
  const lowered: Statement[] = []
  for (const node of nodes) lowerStatement(lowering, node, lowered)
  return lowered
}

/** One statement that is not in a list, or a block: as a list with a scope of its own. */
export function lowerBody(lowering: Lowering, node: Ast | null): Statement[] {
  if (node === null) return []
  const before = enterScope(lowering, lowering.scope.owner, false)
  const lowered = lowerStatements(lowering, node.type === 'BlockStatement' ? listOf(node.body) : [node])
  lowering.scope = before
  return lowered
}

export function lowerStatement(
  lowering: Lowering,
  node: Ast,
  into: Statement[],
  label: string | null = null,
): void {
  if (lowering.depth >= DEPTH_LIMIT) return
  lowering.depth++
  lower(lowering, node, into, label)
  lowering.depth--
}

function lower(lowering: Lowering, node: Ast, into: Statement[], label: string | null): void {
  const { start: at, end } = node
  switch (node.type) {
    case 'ExpressionStatement':
      if (typeof node.directive !== 'string')
        into.push({ kind: 'expression', expression: LOWER.expression(lowering, node.expression), at, end })
      break
    case 'VariableDeclaration':
      if (!node.declare) for (const each of node.declarations) into.push(declare(lowering, each, node.kind))
      break
    case 'FunctionDeclaration':
      into.push({
        kind: 'function-declaration',
        function: LOWER.function(lowering, node, { name: '' }),
        at,
        end,
      })
      break
    case 'ClassDeclaration':
      into.push({ kind: 'class-declaration', class: LOWER.class(lowering, node, ''), at, end })
      break
    case 'ReturnStatement':
    case 'ThrowStatement':
      into.push({
        kind: node.type === 'ReturnStatement' ? 'return' : 'throw',
        value: node.argument === null ? null : LOWER.expression(lowering, node.argument),
        at,
        end,
      })
      break
    case 'IfStatement':
      ifChain(lowering, node, into)
      break
    case 'BlockStatement':
      into.push({ kind: 'block', label, body: lowerBody(lowering, node), at, end })
      break
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      into.push(loop(lowering, node, label))
      break
    case 'SwitchStatement': {
      const subject = LOWER.expression(lowering, node.discriminant)
      const before = enterScope(lowering, lowering.scope.owner, false)
      const cases = node.cases.map((each) => ({
        test: each.test === null ? null : LOWER.expression(lowering, each.test),
        body: lowerStatements(lowering, listOf(each.consequent)),
        at: each.start,
        end: each.end,
      }))
      lowering.scope = before
      into.push({ kind: 'switch', label, subject, cases, at, end })
      break
    }
    case 'TryStatement':
      tryStatement(lowering, node, into)
      break
    case 'BreakStatement':
    case 'ContinueStatement':
      into.push({
        kind: node.type === 'BreakStatement' ? 'break' : 'continue',
        label: node.label?.name ?? null,
        at,
        end,
      })
      break
    case 'LabeledStatement':
      if (/^(For|While|Do|Switch|Block)/.test(node.body.type))
        lowerStatement(lowering, node.body, into, node.label?.name ?? null)
      else
        into.push({
          kind: 'block',
          label: node.label?.name ?? null,
          body: lowerBody(lowering, node.body),
          at,
          end,
        })
      break
    case 'WithStatement':
      into.push({ kind: 'expression', expression: LOWER.expression(lowering, node.object), at, end })
      into.push({ kind: 'block', label: null, body: lowerBody(lowering, node.body), at, end })
      break
    default:
      LOWER.moduleItem(lowering, node, into)
  }
}

function declare(lowering: Lowering, node: Ast, keyword: string): Declare {
  const known = keyword === 'const' || keyword === 'let' || keyword === 'var' ? keyword : 'using'
  const id = node.id as Ast
  const target = LOWER.pattern(lowering, id, known === 'using' ? 'const' : known)
  return {
    kind: 'declare',
    keyword: known,
    target,
    value:
      node.init === null
        ? null
        : LOWER.expression(lowering, node.init, id.type === 'Identifier' ? id.name : ''),
    at: node.start,
    end: node.end,
  }
}

/** `else if` chains may be thousands long: they are walked in a loop up to the limit of nesting. */
function ifChain(lowering: Lowering, first: Ast, into: Statement[]): void {
  let place = into
  let node: Ast | null = first
  for (let links = 0; node !== null && links < DEPTH_LIMIT; links++) {
    if (node.type !== 'IfStatement') {
      for (const each of lowerBody(lowering, node)) place.push(each)
      return
    }
    const otherwise: Statement[] = []
    place.push({
      kind: 'if',
      test: LOWER.expression(lowering, node.test as Ast),
      then: lowerBody(lowering, node.consequent),
      otherwise,
      at: node.start,
      end: node.end,
    })
    place = otherwise
    node = node.alternate
  }
}

function loop(lowering: Lowering, node: Ast, label: string | null): Loop {
  const before = enterScope(lowering, lowering.scope.owner, false)
  const init: Statement[] = []
  const each = node.type === 'ForInStatement' || node.type === 'ForOfStatement'
  let target: Loop['target'] = null
  let iterable: Expression | null = null
  if (each) {
    iterable = LOWER.expression(lowering, node.right)
    const left = node.left
    if (left.type === 'VariableDeclaration') {
      const declared = left.declarations[0] as Ast
      const kind = left.kind === 'var' || left.kind === 'let' ? left.kind : 'const'
      target = LOWER.pattern(lowering, declared.id as Ast, kind)
    } else target = LOWER.pattern(lowering, left, null)
  } else if (node.type === 'ForStatement' && node.init !== null) {
    if (node.init.type === 'VariableDeclaration') lowerStatement(lowering, node.init, init)
    else
      init.push({
        kind: 'expression',
        expression: LOWER.expression(lowering, node.init),
        at: node.init.start,
        end: node.init.end,
      })
  }
  const test = each || !node.test ? null : LOWER.expression(lowering, node.test)
  const update =
    node.type === 'ForStatement' && node.update !== null ? LOWER.expression(lowering, node.update) : null
  const body = lowerBody(lowering, node.body)
  lowering.scope = before
  return {
    kind: 'loop',
    form: FORMS[node.type] ?? 'while',
    label,
    init,
    test,
    update,
    target,
    iterable,
    awaits: each && node.await,
    body,
    at: node.start,
    end: node.end,
  }
}

const FORMS: Readonly<Record<string, Loop['form']>> = {
  ForStatement: 'for',
  ForInStatement: 'in',
  ForOfStatement: 'of',
  WhileStatement: 'while',
  DoWhileStatement: 'do',
}

function tryStatement(lowering: Lowering, node: Ast, into: Statement[]): void {
  const body = lowerBody(lowering, node.block)
  const catches = []
  if (node.handler !== null) {
    const before = enterScope(lowering, lowering.scope.owner, false)
    const param = node.handler.param === null ? null : LOWER.pattern(lowering, node.handler.param, 'catch')
    const caught = lowerBody(lowering, node.handler.body)
    lowering.scope = before
    catches.push({ param, types: [], body: caught, at: node.handler.start, end: node.handler.end })
  }
  into.push({
    kind: 'try',
    body,
    catches,
    otherwise: [],
    finally: lowerBody(lowering, node.finalizer),
    at: node.start,
    end: node.end,
  })
}
