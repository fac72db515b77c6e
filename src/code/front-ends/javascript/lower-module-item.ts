import type { Expression, Span } from '../../flow-graph/expressions.ts'
import type { Export } from '../../flow-graph/module.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import { type Ast, constantOf, listOf } from './ast.ts'
import { enterScope, keyText, type Lowering, nameAt } from './lowering.ts'
import { LOWER } from './recursion.ts'

/** Imports, exports and what only TypeScript has. */
export function lowerModuleItem(lowering: Lowering, node: Ast, into: Statement[]): void {
  const span = { at: node.start, end: node.end }
  switch (node.type) {
    case 'ImportDeclaration':
      importDeclaration(lowering, node)
      break
    case 'ExportNamedDeclaration':
      exportNamed(lowering, node, into)
      break
    case 'ExportDefaultDeclaration':
      exportDefault(lowering, node, into)
      break
    case 'ExportAllDeclaration':
      if (node.exportKind !== 'type')
        addExport(lowering, span, {
          exported: node.exported === null ? '*' : nameText(node.exported),
          source: text(node.source),
          imported: '*',
        })
      break
    case 'TSExportAssignment':
      into.push(assignTo(lowering, ['module', 'exports'], LOWER.expression(lowering, node.expression), span))
      break
    case 'TSImportEqualsDeclaration': {
      const reference = node.moduleReference
      if (reference.type !== 'TSExternalModuleReference' || node.id === null) break
      const variable = lowering.binder.declare(lowering.scope, node.id.name, 'import', node.start, null)
      lowering.imports.push({
        ...span,
        source: text(reference.expression),
        imported: '*',
        variable,
        typeOnly: false,
      })
      break
    }
    case 'TSEnumDeclaration':
      if (!node.declare && node.id !== null) into.push(enumDeclaration(lowering, node))
      break
    case 'TSModuleDeclaration':
      namespace(lowering, node, into)
      break
    default:
  }
}

function text(node: Ast | null): string {
  const value = node === null ? null : constantOf(node.value)
  return typeof value === 'string' ? value : ''
}

function nameText(node: Ast): string {
  return node.type === 'Literal' ? text(node) : node.name
}

function importDeclaration(lowering: Lowering, node: Ast): void {
  const source = text(node.source)
  const typeOnly = node.importKind === 'type'
  const span = { at: node.start, end: node.end }
  if (node.specifiers.length === 0)
    lowering.imports.push({ ...span, source, imported: '*', variable: null, typeOnly })
  for (const each of node.specifiers) {
    const imported =
      each.type === 'ImportDefaultSpecifier'
        ? 'default'
        : each.type === 'ImportNamespaceSpecifier'
          ? '*'
          : nameText(each.imported)
    const variable = lowering.binder.declare(lowering.scope, each.local.name, 'import', each.start, null)
    lowering.imports.push({
      source,
      imported,
      variable,
      typeOnly: typeOnly || each.importKind === 'type',
      at: each.start,
      end: each.end,
    })
  }
}

function addExport(lowering: Lowering, span: Span, given: Partial<Export> & { exported: string }): void {
  lowering.exports.push({
    variable: null,
    value: null,
    source: null,
    imported: null,
    ...given,
    at: span.at,
    end: span.end,
  })
}

/** The names that a declaration or pattern binds. */
function boundNames(node: Ast | null | undefined, into: string[] = []): string[] {
  if (!node) return into
  switch (node.type) {
    case 'Identifier':
      into.push(node.name)
      break
    case 'ObjectPattern':
      for (const each of node.properties)
        boundNames(each.type === 'RestElement' ? each.argument : each.value, into)
      break
    case 'ArrayPattern':
      for (const each of node.elements) boundNames(each?.type === 'RestElement' ? each.argument : each, into)
      break
    case 'AssignmentPattern':
      boundNames(node.left, into)
      break
    case 'VariableDeclaration':
      for (const each of node.declarations) boundNames(each.id, into)
      break
    default:
      boundNames(node.id, into)
  }
  return into
}

function exportNamed(lowering: Lowering, node: Ast, into: Statement[]): void {
  const span = { at: node.start, end: node.end }
  if (node.declaration !== null) {
    LOWER.statement(lowering, node.declaration, into)
    if (node.declaration.declare) return
    for (const name of boundNames(node.declaration)) {
      const variable = lowering.binder.find(lowering.scope, name)
      if (variable !== null) addExport(lowering, span, { exported: name, variable })
    }
    return
  }
  if (node.exportKind === 'type') return
  const source = node.source === null ? null : text(node.source)
  for (const each of node.specifiers) {
    if (each.exportKind === 'type') continue
    const local = nameText(each.local)
    const exported = nameText(each.exported as Ast)
    if (source !== null)
      addExport(lowering, each.start < 0 ? span : spanOf(each), { exported, source, imported: local })
    // Bound late: what is exported may be declared further down.
    else addExport(lowering, spanOf(each), { exported, value: nameAt(lowering, local, each.local) })
  }
}

function spanOf(node: Ast): Span {
  return { at: node.start, end: node.end }
}

function exportDefault(lowering: Lowering, node: Ast, into: Statement[]): void {
  const declaration = node.declaration as Ast
  if (declaration.type === 'TSInterfaceDeclaration') return
  if (
    (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') &&
    declaration.id
  ) {
    LOWER.statement(lowering, declaration, into)
    const variable = lowering.binder.find(lowering.scope, declaration.id.name)
    addExport(lowering, spanOf(node), { exported: 'default', variable })
    return
  }
  const asExpression = declaration.type.replace('Declaration', 'Expression')
  const value = LOWER.expression(lowering, { ...declaration, type: asExpression }, 'default')
  // The value is a statement too, so that it is evaluated in its place.
  into.push({ kind: 'expression', expression: value, ...spanOf(node) })
  addExport(lowering, spanOf(node), { exported: 'default', value })
}

function assignTo(
  lowering: Lowering,
  [object, property]: readonly [string, string],
  value: Expression,
  span: Span,
): Statement {
  return {
    kind: 'expression',
    expression: {
      kind: 'assign',
      operator: '=',
      target: {
        kind: 'member',
        object: nameAt(lowering, object, span),
        property,
        key: null,
        optional: false,
        ...span,
      },
      value,
      ...span,
    },
    ...span,
  }
}

function enumDeclaration(lowering: Lowering, node: Ast): Statement {
  const id = node.id as Ast
  const span = spanOf(node)
  lowering.binder.declare(lowering.scope, id.name, 'const', id.start, null)
  const members = listOf((node.body as Ast | undefined)?.members ?? node.members)
  return {
    kind: 'declare',
    keyword: 'const',
    target: nameAt(lowering, id.name, id),
    value: {
      kind: 'object',
      properties: members.map((each, index) => ({
        key: keyText(each.id as Ast, false),
        computed: null,
        value: each.init
          ? LOWER.expression(lowering, each.init)
          : { kind: 'literal', value: index, ...spanOf(each) },
        spread: false,
        ...spanOf(each),
      })),
      ...span,
    },
    ...span,
  }
}

/** `namespace N { export … }` is an object whose exported members are assigned where they stand. */
function namespace(lowering: Lowering, node: Ast, into: Statement[]): void {
  const body = node.body as Ast | null
  if (node.declare || body === null || body.type !== 'TSModuleBlock' || node.id?.type !== 'Identifier') return
  const span = spanOf(node)
  const name = node.id.name
  lowering.binder.declare(lowering.scope, name, 'var', node.id.start, null)
  into.push({
    kind: 'declare',
    keyword: 'var',
    target: nameAt(lowering, name, node.id),
    value: { kind: 'object', properties: [], ...span },
    ...span,
  })
  const before = enterScope(lowering, lowering.scope.owner, false)
  const kept = lowering.exports.length
  const statements = LOWER.statements(lowering, listOf(body.body))
  for (const each of lowering.exports.splice(kept)) {
    const local = each.variable?.name
    if (local !== undefined)
      statements.push(assignTo(lowering, [name, each.exported], nameAt(lowering, local, span), span))
  }
  lowering.scope = before
  into.push({ kind: 'block', label: null, body: statements, ...span })
}
