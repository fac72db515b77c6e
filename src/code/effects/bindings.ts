import type { Call, Expression, Pattern, Template } from '../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import type { Program } from '../flow-graph/program.ts'
import { type Node, walkFunction } from '../flow-graph/walk.ts'

/** A value that a variable takes: `value`, then the properties that lead to it; `[]` is any element. */
export interface Definition {
  readonly value: Expression
  readonly path: readonly string[]
  readonly within: FunctionInfo
  /** For `...rest`: the properties that it leaves out. */
  readonly without?: readonly string[]
}

/** Where a node stands: its function, and the nodes around it, innermost last. */
export interface Place<N> {
  readonly node: N
  readonly within: FunctionInfo
  readonly around: readonly Node[]
}

/** What one walk over a program finds out about its names, so that no rule has to walk again for it. */
export interface Bindings {
  readonly program: Program
  readonly definitions: ReadonlyMap<Variable, readonly Definition[]>
  /** How often a variable is read. */
  readonly reads: ReadonlyMap<Variable, number>
  /** Values given to `this.NAME`, by class and name. */
  readonly fields: ReadonlyMap<ClassInfo, ReadonlyMap<string, readonly Definition[]>>
  /** What a module gives under a name; CommonJS too, `default` being `module.exports` itself. */
  readonly exports: ReadonlyMap<Module, ReadonlyMap<string, Definition | ExportedVariable>>
  /** Calls and tagged templates. */
  readonly calls: ReadonlyMap<FunctionInfo, readonly Place<Call | Template>[]>
  /** Where a function expression is written. */
  readonly written: ReadonlyMap<FunctionInfo, Place<Expression>>
  /** The function that a variable was declared as. */
  readonly declared: ReadonlyMap<Variable, FunctionInfo>
  readonly classOf: ReadonlyMap<Variable, ClassInfo>
  readonly classesNamed: ReadonlyMap<string, readonly ClassInfo[]>
  readonly paramsOf: ReadonlyMap<
    Variable,
    { readonly owner: FunctionInfo; readonly index: number; readonly path: readonly string[] }
  >
}

export interface ExportedVariable {
  readonly variable: Variable
}

const KEPT = new WeakMap<Program, Bindings>()

/** The bindings of a program; made once for it. */
export function bindingsOf(program: Program): Bindings {
  let found = KEPT.get(program)
  if (found === undefined) {
    found = collect(program)
    KEPT.set(program, found)
  }
  return found
}

/** Each name that a pattern binds, with the way to its value. */
export function boundNames(
  pattern: Pattern,
  path: readonly string[] = [],
): { variable: Variable; path: readonly string[]; without?: readonly string[] }[] {
  switch (pattern.kind) {
    case 'name':
      return pattern.variable === null ? [] : [{ variable: pattern.variable, path }]
    case 'default-pattern':
      return boundNames(pattern.target, path)
    case 'object-pattern': {
      const found = pattern.properties.flatMap((each) => boundNames(each.target, [...path, each.key ?? '[]']))
      if (pattern.rest?.kind === 'name' && pattern.rest.variable !== null)
        found.push({
          variable: pattern.rest.variable,
          path,
          without: pattern.properties.flatMap((each) => each.key ?? []),
        })
      return found
    }
    case 'array-pattern':
      return [
        ...pattern.elements.flatMap((each, index) =>
          each === null ? [] : boundNames(each, [...path, String(index)]),
        ),
        ...(pattern.rest === null ? [] : boundNames(pattern.rest, path)),
      ]
    case 'member':
      return []
  }
}

function collect(program: Program): Bindings {
  const definitions = new Map<Variable, Definition[]>()
  const reads = new Map<Variable, number>()
  const fields = new Map<ClassInfo, Map<string, Definition[]>>()
  const exports = new Map<Module, Map<string, Definition | ExportedVariable>>()
  const calls = new Map<FunctionInfo, Place<Call | Template>[]>()
  const written = new Map<FunctionInfo, Place<Expression>>()
  const declared = new Map<Variable, FunctionInfo>()
  const classOf = new Map<Variable, ClassInfo>()
  const classesNamed = new Map<string, ClassInfo[]>()
  const paramsOf = new Map<Variable, { owner: FunctionInfo; index: number; path: readonly string[] }>()

  const define = (
    pattern: Pattern,
    value: Expression,
    within: FunctionInfo,
    start: readonly string[] = [],
  ): void => {
    for (const { variable, path, without } of boundNames(pattern, start))
      push(definitions, variable, { value, path, within, ...(without ? { without } : {}) })
  }
  const setField = (owner: ClassInfo, name: string, definition: Definition): void => {
    let own = fields.get(owner)
    if (own === undefined) fields.set(owner, (own = new Map()))
    push(own, name, definition)
  }

  for (const module of program.modules) {
    // Nothing is reported in test code, and what it calls would only blur who calls what.
    if (module.test) continue
    const given = new Map<string, Definition | ExportedVariable>()
    exports.set(module, given)
    for (const each of module.exports) {
      if (each.source !== null) continue
      if (each.variable !== null) given.set(each.exported, { variable: each.variable })
      else if (each.value !== null)
        given.set(each.exported, { value: each.value, path: [], within: module.main })
    }
    for (const each of module.classes) {
      push(classesNamed, each.name, each)
      for (const field of each.fields)
        if (field.name !== null && field.value !== null)
          setField(each, field.name, { value: field.value, path: [], within: module.main })
    }
    for (const target of module.functions) {
      const own: Place<Call | Template>[] = []
      calls.set(target, own)
      for (const [index, param] of target.params.entries())
        for (const { variable, path } of boundNames(param.pattern))
          paramsOf.set(variable, { owner: target, index, path })
      walkFunction(target, (node, around) => {
        switch (node.kind) {
          case 'call':
            own.push({ node, within: target, around: [...around] })
            break
          case 'template':
            if (node.tag !== null) own.push({ node, within: target, around: [...around] })
            break
          case 'function':
            written.set(node.function, { node, within: target, around: [...around] })
            break
          case 'name':
            if (node.variable !== null && !isTarget(node, around.at(-1)))
              reads.set(node.variable, (reads.get(node.variable) ?? 0) + 1)
            break
          case 'declare':
            if (node.value !== null) define(node.target, node.value, target)
            break
          case 'function-declaration':
          case 'class-declaration': {
            const name = node.kind === 'function-declaration' ? node.function.name : node.class.name
            const variable = variableNamed(target, name)
            if (variable === null) break
            if (node.kind === 'function-declaration') declared.set(variable, node.function)
            else classOf.set(variable, node.class)
            break
          }
          case 'loop':
            if (node.target !== null && node.iterable !== null && node.form === 'of')
              define(node.target, node.iterable, target, ['[]'])
            break
          case 'assign':
            if (node.target.kind === 'member') {
              if (node.target.object.kind === 'this' && node.target.property !== null) {
                const owner = classAround(target)
                if (owner !== null)
                  setField(owner, node.target.property, { value: node.value, path: [], within: target })
              }
              exportOfCommonJs(node.target, node.value, target, given)
            } else if (node.operator === '=' || node.operator === '??=' || node.operator === '||=') {
              define(node.target, node.value, target)
            }
            break
          default:
        }
      })
    }
  }
  return {
    program,
    definitions,
    reads,
    fields,
    exports,
    calls,
    written,
    declared,
    classOf,
    classesNamed,
    paramsOf,
  }
}

function isTarget(name: Expression, parent: Node | undefined): boolean {
  // A name that stands in nothing is a parameter.
  if (parent === undefined) return true
  if (parent.kind === 'loop') return parent.target === name
  if (parent.kind === 'try') return parent.catches.some((each) => each.param === name)
  if (parent.kind === 'declare') return parent.target === name
  if (parent.kind === 'assign') return parent.target === name && parent.operator === '='
  return (
    parent.kind === 'object-pattern' || parent.kind === 'array-pattern' || parent.kind === 'default-pattern'
  )
}

/** The class whose `this` a function has. */
export function classAround(target: FunctionInfo): ClassInfo | null {
  for (let at: FunctionInfo | null = target; at !== null; at = at.parent) {
    if (at.class !== null) return at.class
    if (at.form === 'function' || at.form === 'module') return null
  }
  return null
}

function variableNamed(within: FunctionInfo, name: string): Variable | null {
  return within.variables.find((each) => each.name === name) ?? null
}

function exportOfCommonJs(
  target: Extract<Pattern, { kind: 'member' }>,
  value: Expression,
  within: FunctionInfo,
  given: Map<string, Definition | ExportedVariable>,
): void {
  if (target.property === null || within.form !== 'module') return
  const { object } = target
  const whole = isGlobal(object, 'module') && target.property === 'exports'
  const part =
    isGlobal(object, 'exports') ||
    (object.kind === 'member' && object.property === 'exports' && isGlobal(object.object, 'module'))
  if (part) given.set(target.property, { value, path: [], within })
  if (!whole) return
  given.set('default', { value, path: [], within })
  if (value.kind !== 'object') return
  for (const each of value.properties)
    if (each.key !== null && !each.spread) given.set(each.key, { value: each.value, path: [], within })
}

function isGlobal(expression: Expression, name: string): boolean {
  return expression.kind === 'name' && expression.variable === null && expression.name === name
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
