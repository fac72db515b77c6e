import type { Call, Expression } from '../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import { type Bindings, classAround, type Definition } from './bindings.ts'

/**
 * Where a value comes from, as far as names say it. `text` is a package and the members and calls that lead to the
 * value (`pg.Pool()`), `global:NAME` for globals, `type:TEXT` for what only an annotation tells, '' when unknown.
 */
export interface Origin {
  readonly text: string
  /** The class of the program that it is an instance of. */
  readonly instanceOf: ClassInfo | null
  readonly class: ClassInfo | null
  readonly function: FunctionInfo | null
  readonly module: Module | null
  /** The literal or call that makes it, for a closer look. */
  readonly expression: Expression | null
  readonly within: FunctionInfo | null
}

export const UNKNOWN: Origin = {
  text: '',
  instanceOf: null,
  class: null,
  function: null,
  module: null,
  expression: null,
  within: null,
}

const DEPTH = 12

/** Follows names through declarations, fields, imports and plain returns. Bounded in depth; memoised by expression. */
export class Origins {
  readonly bindings: Bindings
  private readonly known = new Map<Expression, Origin>()
  private readonly ofVariable = new Map<Variable, Origin>()

  constructor(bindings: Bindings) {
    this.bindings = bindings
  }

  of(expression: Expression, within: FunctionInfo, depth = 0): Origin {
    const before = this.known.get(expression)
    if (before !== undefined) return before
    if (depth > DEPTH) return UNKNOWN
    this.known.set(expression, UNKNOWN)
    const found = this.look(expression, within, depth + 1)
    this.known.set(expression, found)
    return found
  }

  private look(expression: Expression, within: FunctionInfo, depth: number): Origin {
    switch (expression.kind) {
      case 'name':
        return expression.variable === null
          ? { ...UNKNOWN, text: `global:${expression.name}` }
          : this.variable(expression.variable, depth)
      case 'await':
      case 'spread':
        return this.of(expression.value, within, depth)
      case 'assign':
        return this.of(expression.value, within, depth)
      case 'logical':
        return first(this.of(expression.left, within, depth), () => this.of(expression.right, within, depth))
      case 'this': {
        const owner = classAround(within)
        return owner === null ? UNKNOWN : this.instance(owner, depth)
      }
      case 'function':
        return { ...UNKNOWN, function: expression.function, expression, within }
      case 'class':
        return { ...UNKNOWN, class: expression.class, expression, within }
      case 'member':
        if (expression.property === null) return UNKNOWN
        return this.member(this.of(expression.object, within, depth), expression.property, depth)
      case 'call':
        return this.call(expression, within, depth)
      case 'import':
        return this.source(expression.source, within)
      case 'object':
      case 'array':
      case 'literal':
      case 'template':
        return { ...UNKNOWN, expression, within }
      default:
        return UNKNOWN
    }
  }

  variable(variable: Variable, depth = 0): Origin {
    const before = this.ofVariable.get(variable)
    if (before !== undefined) return before
    if (depth > DEPTH) return UNKNOWN
    this.ofVariable.set(variable, UNKNOWN)
    const found = this.lookVariable(variable, depth + 1)
    this.ofVariable.set(variable, found)
    return found
  }

  private lookVariable(variable: Variable, depth: number): Origin {
    const { declared, classOf, definitions } = this.bindings
    const asFunction = declared.get(variable)
    if (asFunction !== undefined) return { ...UNKNOWN, function: asFunction }
    const asClass = classOf.get(variable)
    if (asClass !== undefined) return { ...UNKNOWN, class: asClass }
    if (variable.kind === 'import') return this.imported(variable, depth)
    const definition = definitions.get(variable)?.[0]
    if (definition !== undefined && variable.kind !== 'param') {
      const found = this.definition(definition, depth)
      if (found !== UNKNOWN && (found.text !== '' || found.expression !== null || hasTarget(found)))
        return found
    }
    return variable.type === null ? UNKNOWN : this.typed(variable.type, depth)
  }

  definition(definition: Definition, depth = 0): Origin {
    let found = this.of(definition.value, definition.within, depth)
    for (const step of definition.path) found = this.member(found, step, depth)
    return found
  }

  /** What a type annotation tells: an instance of a class of the program, or only its text. */
  typed(type: string, depth = 0): Origin {
    const text = type.replace(/^\s*:\s*/, '').trim()
    const name = /^(?:Promise<)?([A-Za-z_$][\w$]*)>?$/.exec(text)?.[1]
    const classes = name === undefined ? undefined : this.bindings.classesNamed.get(name)
    if (classes?.length === 1) return this.instance(classes[0] as ClassInfo, depth)
    return { ...UNKNOWN, text: `type:${text}` }
  }

  private instance(made: ClassInfo, depth: number): Origin {
    const above =
      made.superClass === null || depth > DEPTH
        ? ''
        : this.of(made.superClass, made.module.main, depth + 1).text
    return { ...UNKNOWN, instanceOf: made, text: above === '' ? '' : `${above}()` }
  }

  private member(object: Origin, property: string, depth: number): Origin {
    if (depth > DEPTH) return UNKNOWN
    if (object.module !== null) return this.exported(object.module, property, depth + 1)
    const owner = object.instanceOf ?? object.class
    if (owner !== null) {
      const found = this.memberOf(owner, property, depth + 1)
      if (found !== null) return found
    }
    if (object.expression?.kind === 'object') {
      const own = object.expression.properties.find((each) => each.key === property && !each.spread)
      if (own !== undefined) return this.of(own.value, object.within as FunctionInfo, depth + 1)
    }
    if (object.text === '') return UNKNOWN
    return { ...UNKNOWN, text: `${object.text}.${property}` }
  }

  private memberOf(owner: ClassInfo, property: string, depth: number): Origin | null {
    const method = owner.methods.find((each) => each.name === property && each.form !== 'setter')
    if (method !== undefined) return { ...UNKNOWN, function: method }
    const declaredType = owner.fields.find((each) => each.name === property)?.type ?? null
    const given = this.bindings.fields.get(owner)?.get(property)?.[0]
    if (given !== undefined) {
      const found = this.definition(given, depth)
      if (found.text !== '' || found.expression !== null || hasTarget(found)) return found
      const parameter = given.value.kind === 'name' ? given.value.variable?.type : null
      if (parameter) return this.typed(parameter, depth)
    }
    if (declaredType !== null) return this.typed(declaredType, depth)
    if (owner.superClass !== null && depth <= DEPTH) {
      const above = this.of(owner.superClass, owner.module.main, depth).class
      if (above !== null) return this.memberOf(above, property, depth + 1)
    }
    return null
  }

  private call(call: Call, within: FunctionInfo, depth: number): Origin {
    if (call.callee.kind === 'name' && call.callee.name === 'require' && call.callee.variable === null)
      return call.args[0] === undefined ? UNKNOWN : this.source(call.args[0], within)
    const callee = this.of(call.callee, within, depth)
    if (call.construct && callee.class !== null)
      return { ...this.instance(callee.class, depth), expression: call, within }
    if (callee.function !== null && !call.construct) {
      const returned = this.returned(callee.function, depth)
      if (returned !== UNKNOWN) return returned
      return { ...UNKNOWN, expression: call, within }
    }
    return { ...UNKNOWN, text: callee.text === '' ? '' : `${callee.text}()`, expression: call, within }
  }

  /** Of a function that does nothing but give a value back. */
  private returned(target: FunctionInfo, depth: number): Origin {
    const last = target.body.at(-1)
    if (last?.kind !== 'return' || last.value === null || target.body.length > 4) return UNKNOWN
    return this.of(last.value, target, depth)
  }

  private source(source: Expression, within: FunctionInfo): Origin {
    if (source.kind !== 'literal' || typeof source.value !== 'string') return UNKNOWN
    return this.module(within.module, source.value)
  }

  private module(from: Module, source: string): Origin {
    const inside = this.bindings.program.resolveImport(from, source)
    if (inside !== null) {
      // `require` of a module whose `module.exports` is one thing gives that thing.
      const whole = this.bindings.exports.get(inside)?.get('default')
      if (
        whole !== undefined &&
        inside.exports.length === 0 &&
        'value' in whole &&
        whole.value.kind !== 'object'
      )
        return this.definition(whole)
      return { ...UNKNOWN, module: inside }
    }
    return source.startsWith('.') ? UNKNOWN : { ...UNKNOWN, text: source.replace(/^node:/, '') }
  }

  private imported(variable: Variable, depth: number): Origin {
    const { module } = variable.owner
    const found = module.imports.find((each) => each.variable === variable)
    if (found === undefined) return UNKNOWN
    if (module.language === 'python' && found.imported !== '*') {
      // A name that no module gives may be a module itself.
      const dot = /[^.]$/.test(found.source) ? '.' : ''
      const below = this.bindings.program.resolveImport(module, `${found.source}${dot}${found.imported}`)
      if (below !== null) return { ...UNKNOWN, module: below }
    }
    const origin = this.module(module, found.source)
    if (found.imported === '*' || origin === UNKNOWN) return origin
    if (origin.module === null) {
      if (origin.text === '') return origin
      return found.imported === 'default' ? origin : { ...UNKNOWN, text: `${origin.text}.${found.imported}` }
    }
    return this.exported(origin.module, found.imported, depth)
  }

  private exported(module: Module, name: string, depth: number): Origin {
    if (depth > DEPTH) return UNKNOWN
    const given = this.bindings.exports.get(module)?.get(name)
    if (given !== undefined)
      return 'variable' in given
        ? this.variable(given.variable, depth + 1)
        : this.definition(given, depth + 1)
    for (const each of module.exports) {
      if (each.source === null || (each.exported !== name && each.exported !== '*')) continue
      const from = this.module(module, each.source)
      if (from.module === null) {
        if (each.exported === name && from.text !== '')
          return { ...UNKNOWN, text: `${from.text}.${each.imported ?? name}` }
        continue
      }
      if (each.imported === '*' && each.exported === name) return from
      const found = this.exported(
        from.module,
        each.exported === '*' ? name : (each.imported ?? name),
        depth + 1,
      )
      if (found !== UNKNOWN) return found
    }
    return UNKNOWN
  }
}

function hasTarget(origin: Origin): boolean {
  return (
    origin.function !== null || origin.class !== null || origin.instanceOf !== null || origin.module !== null
  )
}

function first(a: Origin, b: () => Origin): Origin {
  return a.text !== '' || a.expression !== null || hasTarget(a) ? a : b()
}
