import type { Assign, Expression, Pattern, Span } from '../../flow-graph/expressions.ts'
import type { Catch, Statement, SwitchCase } from '../../flow-graph/statements.ts'
import { childAt, childrenAt, namedChildren, type SyntaxNode } from '../syntax-tree.ts'
import { lowerExpression, lowerPattern } from './lower-expression.ts'
import { array, call, literal, spanOf, textOf, unknown } from './nodes.ts'
import { lowerClass, lowerFunction } from './lower-function.ts'
import { lowerImport, lowerImportFrom } from './lower-import.ts'
import { capturesOf, type Reading, type Scope } from './scopes.ts'

export function lowerBlock(
  block: SyntaxNode | undefined,
  scope: Scope,
  reading: Reading,
): readonly Statement[] {
  return block === undefined
    ? []
    : namedChildren(block).flatMap((child) => lowerStatement(child, scope, reading))
}

function lowerStatement(node: SyntaxNode, scope: Scope, reading: Reading): readonly Statement[] {
  const lower = (child: SyntaxNode): Expression => lowerExpression(child, scope, reading)
  const span = spanOf(node)
  switch (node.type) {
    case 'expression_statement':
      return namedChildren(node).flatMap((child) =>
        child.type === 'assignment' ? lowerAssignments(child, scope, reading) : [statement(lower(child))],
      )
    case 'return_statement': {
      const [value] = namedChildren(node)
      return [{ kind: 'return', ...span, value: value === undefined ? null : lower(value) }]
    }
    case 'raise_statement': {
      const [value] = namedChildren(node)
      return [{ kind: 'throw', ...span, value: value === undefined ? null : lower(value) }]
    }
    case 'if_statement':
      return [lowerIf(node, childrenAt(node, 'alternative'), scope, reading)]
    case 'for_statement': {
      const [left, right] = [childAt(node, 'left'), childAt(node, 'right')]
      const iterable = right === undefined ? null : lower(right)
      const target = left === undefined ? null : lowerPattern(left, scope, reading)
      const body = lowerBlock(childAt(node, 'body'), scope, reading)
      const awaits = node.children.some((child) => child.type === 'async')
      return [
        {
          kind: 'loop',
          ...span,
          form: 'of',
          label: null,
          init: [],
          test: null,
          update: null,
          target,
          iterable,
          awaits,
          body,
        },
        ...elseOf(node, scope, reading),
      ]
    }
    case 'while_statement': {
      const condition = childAt(node, 'condition')
      const test = condition === undefined ? null : lower(condition)
      const body = lowerBlock(childAt(node, 'body'), scope, reading)
      return [
        {
          kind: 'loop',
          ...span,
          form: 'while',
          label: null,
          init: [],
          test,
          update: null,
          target: null,
          iterable: null,
          awaits: false,
          body,
        },
        ...elseOf(node, scope, reading),
      ]
    }
    case 'try_statement':
      return [lowerTry(node, scope, reading)]
    case 'with_statement':
      return [
        {
          kind: 'block',
          ...span,
          label: null,
          body: [...lowerWith(node, scope, reading), ...lowerBlock(childAt(node, 'body'), scope, reading)],
        },
      ]
    case 'match_statement':
      return [lowerMatch(node, scope, reading)]
    case 'function_definition':
      return [lowerDefinition(node, [], scope, reading)]
    case 'class_definition':
      return [lowerDefinition(node, [], scope, reading)]
    case 'decorated_definition': {
      const definition = childAt(node, 'definition')
      const decorators = node.children.filter((child) => child.type === 'decorator')
      return definition === undefined ? [] : [lowerDefinition(definition, decorators, scope, reading)]
    }
    case 'import_statement':
      lowerImport(node, scope, reading)
      return []
    case 'import_from_statement':
      lowerImportFrom(node, scope, reading)
      return []
    case 'break_statement':
      return [{ kind: 'break', ...span, label: null }]
    case 'continue_statement':
      return [{ kind: 'continue', ...span, label: null }]
    case 'assert_statement': {
      const [test, message] = namedChildren(node)
      if (test === undefined) return []
      const thrown: Statement = {
        kind: 'throw',
        ...span,
        value: message === undefined ? null : lower(message),
      }
      return [
        {
          kind: 'if',
          ...span,
          test: { kind: 'unary', ...spanOf(test), operator: '!', operand: lower(test) },
          then: [thrown],
          otherwise: [],
        },
      ]
    }
    case 'delete_statement':
      return namedChildren(node).map((child) =>
        statement({ kind: 'unary', ...span, operator: 'delete', operand: lower(child) }),
      )
    case 'exec_statement':
      return [
        statement(
          call(node, { kind: 'name', ...span, name: 'exec', variable: null }, namedChildren(node).map(lower)),
        ),
      ]
    case 'pass_statement':
    case 'global_statement':
    case 'nonlocal_statement':
    case 'future_import_statement':
    case 'type_alias_statement':
    case 'comment':
      return []
    case 'block':
      return lowerBlock(node, scope, reading)
    case 'ERROR':
      // What could be read inside of what could not: a file with one broken line is still checked.
      return namedChildren(node).flatMap((child) =>
        /_statement$|_definition$/.test(child.type) ? lowerStatement(child, scope, reading) : [],
      )
    default:
      return [statement(lower(node))]
  }
}

/** `a = b = c`: the value goes to the last target, and from target to target. */
function lowerAssignments(node: SyntaxNode, scope: Scope, reading: Reading): readonly Statement[] {
  const targets: SyntaxNode[] = []
  let value: SyntaxNode | undefined = node
  while (value?.type === 'assignment') {
    const left = childAt(value, 'left')
    if (left !== undefined) targets.push(left)
    value = childAt(value, 'right')
  }
  if (value === undefined) return []
  let assigned: Expression = lowerExpression(value, scope, reading)
  for (const target of targets.toReversed()) {
    const pattern = lowerPattern(target, scope, reading)
    assigned =
      pattern === null
        ? unknown(target, [assigned])
        : assign({ at: target.at, end: node.end }, pattern, assigned)
  }
  return [statement(assigned)]
}

function lowerIf(
  node: SyntaxNode,
  alternatives: readonly SyntaxNode[],
  scope: Scope,
  reading: Reading,
): Statement {
  const condition = childAt(node, 'condition')
  const test = condition === undefined ? unknown(node, []) : lowerExpression(condition, scope, reading)
  const then = lowerBlock(childAt(node, 'consequence'), scope, reading)
  const [next, ...others] = alternatives
  const otherwise =
    next === undefined
      ? []
      : next.type === 'elif_clause'
        ? [lowerIf(next, others, scope, reading)]
        : lowerBlock(childAt(next, 'body'), scope, reading)
  return { kind: 'if', at: node.at, end: alternatives.at(-1)?.end ?? node.end, test, then, otherwise }
}

function elseOf(loop: SyntaxNode, scope: Scope, reading: Reading): readonly Statement[] {
  const alternative = childAt(loop, 'alternative')
  return alternative === undefined ? [] : lowerBlock(childAt(alternative, 'body'), scope, reading)
}

function lowerTry(node: SyntaxNode, scope: Scope, reading: Reading): Statement {
  const blockOf = (clause: SyntaxNode): SyntaxNode | undefined =>
    clause.children.find((child) => child.type === 'block')
  const clauses = (type: RegExp): readonly SyntaxNode[] =>
    node.children.filter((child) => type.test(child.type))
  return {
    kind: 'try',
    ...spanOf(node),
    body: lowerBlock(childAt(node, 'body'), scope, reading),
    catches: clauses(/^except/).map((clause): Catch => {
      const value = clause.children.find(
        (child) => child.named && child.type !== 'block' && child.type !== 'comment',
      )
      const aliased = value?.type === 'as_pattern' ? value : undefined
      const type = aliased === undefined ? value : namedChildren(aliased)[0]
      const alias = aliased === undefined ? undefined : childAt(aliased, 'alias')
      const types =
        type === undefined
          ? []
          : type.type === 'tuple'
            ? namedChildren(type).map((each) => lowerExpression(each, scope, reading))
            : [lowerExpression(type, scope, reading)]
      const param = alias === undefined ? null : lowerPattern(alias, scope, reading)
      return { ...spanOf(clause), param, types, body: lowerBlock(blockOf(clause), scope, reading) }
    }),
    otherwise: clauses(/^else_clause$/).flatMap((clause) => lowerBlock(blockOf(clause), scope, reading)),
    finally: clauses(/^finally_clause$/).flatMap((clause) => lowerBlock(blockOf(clause), scope, reading)),
  }
}

function lowerWith(node: SyntaxNode, scope: Scope, reading: Reading): readonly Statement[] {
  const items = namedChildren(node)
    .filter((child) => child.type === 'with_clause')
    .flatMap(namedChildren)
  return items.map((item) => {
    const value = childAt(item, 'value') ?? item
    const alias = value.type === 'as_pattern' ? childAt(value, 'alias') : undefined
    const manager = lowerExpression(
      value.type === 'as_pattern' ? (namedChildren(value)[0] ?? value) : value,
      scope,
      reading,
    )
    const pattern = alias === undefined ? null : lowerPattern(alias, scope, reading)
    return statement(pattern === null ? manager : assign(item, pattern, manager))
  })
}

function lowerMatch(node: SyntaxNode, scope: Scope, reading: Reading): Statement {
  const subjects = childrenAt(node, 'subject').map((each) => lowerExpression(each, scope, reading))
  const subject = subjects.length === 1 ? subjects[0]! : array(node, subjects)
  const clauses = namedChildren(childAt(node, 'body') ?? node).filter((child) => child.type === 'case_clause')
  return {
    kind: 'switch',
    ...spanOf(node),
    label: null,
    subject,
    cases: clauses.flatMap((clause): SwitchCase[] => {
      const patterns = clause.children.filter((child) => child.type === 'case_pattern')
      const captures = patterns.flatMap(capturesOf)
      const any =
        patterns.every((pattern) => /^\w+$/.test(textOf(pattern, reading))) &&
        !patterns.some((pattern) => namedChildren(pattern).some((each) => each.type !== 'dotted_name'))
      const taken = captures.flatMap((name) => {
        const target = lowerPattern(name, scope, reading)
        return target === null ? [] : [statement(assign(name, target, subject))]
      })
      const guard = childAt(clause, 'guard')
      const test = any && guard === undefined ? null : testOf(clause, patterns, guard, scope, reading)
      // Nothing falls through to the next case.
      const body = [
        ...taken,
        ...lowerBlock(childAt(clause, 'consequence'), scope, reading),
        { kind: 'break', ...spanOf(clause), label: null } as const,
      ]
      const texts = guard === undefined ? alternativesOf(patterns) : []
      if (texts.length < 2 || taken.length > 0) return [{ ...spanOf(clause), test, body }]
      // `'a' | 'b'`: the first falls through to the next.
      return texts.map((each, index) => ({
        ...spanOf(clause),
        test: lowerExpression(each, scope, reading),
        body: index === texts.length - 1 ? body : [],
      }))
    }),
  }
}

/** The constants of a pattern that is nothing but alternatives of them. */
function alternativesOf(patterns: readonly SyntaxNode[]): readonly SyntaxNode[] {
  const [union] = patterns.length === 1 ? namedChildren(patterns[0]!) : []
  const all = union?.type === 'union_pattern' ? namedChildren(union) : []
  return all.every(({ type }) => CONSTANT.test(type)) ? all : []
}

const CONSTANT = /^(?:string|integer|float|true|false|none)$/

function testOf(
  clause: SyntaxNode,
  patterns: readonly SyntaxNode[],
  guard: SyntaxNode | undefined,
  scope: Scope,
  reading: Reading,
): Expression {
  const [only] = patterns.length === 1 ? namedChildren(patterns[0]!) : []
  if (guard === undefined && only !== undefined && CONSTANT.test(only.type))
    return lowerExpression(only, scope, reading)
  const conditions =
    guard === undefined ? [] : namedChildren(guard).map((each) => lowerExpression(each, scope, reading))
  return conditions.length === 0 ? literal(clause, undefined) : unknown(clause, conditions)
}

function lowerDefinition(
  node: SyntaxNode,
  decorators: readonly SyntaxNode[],
  scope: Scope,
  reading: Reading,
): Statement {
  const name = childAt(node, 'name')
  const variable = name === undefined ? undefined : scope.names.get(textOf(name, reading))
  if (variable !== undefined) variable.assigned += 1
  return node.type === 'class_definition'
    ? { kind: 'class-declaration', ...spanOf(node), class: lowerClass(node, decorators, scope, reading) }
    : {
        kind: 'function-declaration',
        ...spanOf(node),
        function: lowerFunction(node, decorators, scope, reading),
      }
}

function statement(expression: Expression): Statement {
  return { kind: 'expression', ...spanOf(expression), expression }
}

function assign(span: Span, target: Pattern, value: Expression): Assign {
  return { kind: 'assign', ...spanOf(span), operator: '=', target, value }
}
