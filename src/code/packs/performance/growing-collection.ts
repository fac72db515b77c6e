import type { Expression } from '../../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { type Node, walkFunction } from '../../flow-graph/walk.ts'
import { classAround } from '../../effects/bindings.ts'
import { type Effects, mentions } from '../../effects/effects.ts'
import { decoratorName } from '../../effects/handlers.ts'
import type { Hit, Rule } from '../rule.ts'

type Owner = Variable | string

interface Growth {
  readonly within: FunctionInfo
  readonly node: Expression
  readonly name: string
}

const ADDS = /^(?:set|add|push|unshift|append)$/
const TAKES = /^(?:delete|clear|shift|pop|splice|evict|prune|destroy|remove)$/
const MADE = /^(?:Map|Set|Array)$/

export const GROWING_COLLECTION: Rule = {
  info: {
    id: 'performance/growing-collection',
    title: 'A collection that only grows while the process runs',
    cwe: 'CWE-401',
    tags: ['CWE-770'],
    severity: 'warning',
    help: 'Bound it: an LRU cache with a maximum and a time to live, entries deleted when their request or connection ends, a WeakMap keyed by the object, or a store outside the process.',
  },
  *find(effects) {
    const kept = collections(effects)
    if (kept.size === 0) return
    const grows = new Map<Owner, Growth>()
    const shrinks = new Set<Owner>()
    for (const module of effects.program.modules)
      for (const within of module.functions)
        walkFunction(within, (node, around) => {
          change(node, around, within, kept, effects, grows, shrinks)
        })
    for (const [owner, growth] of grows) if (!shrinks.has(owner)) yield hitOf(growth)
  },
}

/** Collections that live as long as the process: of modules, and of services that are made once. */
function collections(effects: Effects): ReadonlyMap<Owner, string> {
  const found = new Map<Owner, string>()
  for (const [variable, definitions] of effects.bindings.definitions) {
    if (variable.owner.form !== 'module' || definitions.length !== 1 || variable.owner.module.test) continue
    const [definition] = definitions
    if (definition !== undefined && definition.path.length === 0 && startsEmpty(definition.value))
      found.set(variable, variable.name)
  }
  for (const module of effects.program.modules)
    for (const each of module.classes) {
      if (
        !each.decorators.some((one) =>
          /^(?:Injectable|Controller|Service|singleton)$/i.test(decoratorName(one)),
        )
      )
        continue
      for (const field of each.fields)
        if (field.name !== null && field.value !== null && startsEmpty(field.value))
          found.set(fieldKey(each, field.name), `this.${field.name}`)
    }
  return found
}

function fieldKey(owner: ClassInfo, name: string): string {
  return `${owner.module.path}#${owner.name}.${name}`
}

function startsEmpty(value: Expression): boolean {
  if (value.kind === 'array') return value.elements.length === 0
  if (value.kind === 'object') return value.properties.length === 0
  return (
    value.kind === 'call' &&
    value.construct &&
    value.args.length === 0 &&
    value.callee.kind === 'name' &&
    MADE.test(value.callee.name) &&
    value.callee.variable === null
  )
}

function ownerOf(expression: Expression, within: FunctionInfo, effects: Effects): Owner | null {
  if (expression.kind === 'name') {
    if (expression.variable === null) return null
    if (expression.variable.kind !== 'import') return expression.variable
    return effects.origins.variable(expression.variable).expression === null
      ? null
      : importedVariable(expression.variable, effects)
  }
  if (expression.kind === 'member' && expression.object.kind === 'this' && expression.property !== null) {
    const around = classAround(within)
    return around === null ? null : fieldKey(around, expression.property)
  }
  return null
}

function importedVariable(variable: Variable, effects: Effects): Variable | null {
  const { module } = variable.owner
  const found = module.imports.find((each) => each.variable === variable)
  const from = found === undefined ? null : effects.program.resolveImport(module, found.source)
  const given = from === null ? undefined : effects.bindings.exports.get(from)?.get(found?.imported ?? '')
  return given !== undefined && 'variable' in given ? given.variable : null
}

function change(
  node: Node,
  around: readonly Node[],
  within: FunctionInfo,
  kept: ReadonlyMap<Owner, string>,
  effects: Effects,
  grows: Map<Owner, Growth>,
  shrinks: Set<Owner>,
): void {
  if (node.kind === 'call' && node.callee.kind === 'member') {
    const owner = ownerOf(node.callee.object, within, effects)
    if (owner === null || !kept.has(owner)) return passed(node.args, within, kept, effects, shrinks)
    const method = node.callee.property ?? ''
    if (TAKES.test(method)) shrinks.add(owner)
    else if (
      ADDS.test(method) &&
      byClients(
        method === 'push' || method === 'unshift' ? node.args[0] : node.args[0],
        within,
        effects,
        method,
      )
    )
      grow(grows, owner, { within, node, name: kept.get(owner) as string })
    passed(node.args, within, kept, effects, shrinks)
  } else if (node.kind === 'call') {
    passed(node.args, within, kept, effects, shrinks)
  } else if (node.kind === 'assign') {
    if (node.target.kind === 'member') {
      const owner = ownerOf(node.target, within, effects)
      if (owner !== null && kept.has(owner) && within.form !== 'constructor') shrinks.add(owner)
      const inside = ownerOf(node.target.object, within, effects)
      if (inside === null || !kept.has(inside)) return
      if (node.target.property === 'length') shrinks.add(inside)
      else if (node.target.key !== null && byClients(node.target.key, within, effects, 'set'))
        grow(grows, inside, { within, node, name: kept.get(inside) as string })
    } else if (node.target.kind === 'name' && node.target.variable !== null && within.form !== 'module')
      shrinks.add(node.target.variable)
  } else if (node.kind === 'unary' && node.operator === 'delete' && node.operand.kind === 'member') {
    const owner = ownerOf(node.operand.object, within, effects)
    if (owner !== null) shrinks.add(owner)
  } else if (node.kind === 'return' && node.value !== null && around.length >= 0) {
    // Handed out: whoever has it may empty it.
    const owner = ownerOf(node.value, within, effects)
    if (owner !== null) shrinks.add(owner)
  }
}

function passed(
  args: readonly Expression[],
  within: FunctionInfo,
  kept: ReadonlyMap<Owner, string>,
  effects: Effects,
  shrinks: Set<Owner>,
): void {
  for (const each of args) {
    const owner = ownerOf(each, within, effects)
    if (owner !== null && kept.has(owner)) shrinks.add(owner)
  }
}

function grow(grows: Map<Owner, Growth>, owner: Owner, growth: Growth): void {
  if (!grows.has(owner)) grows.set(owner, growth)
}

/** Whether clients decide how often, and under which keys, something is added. */
function byClients(
  key: Expression | undefined,
  within: FunctionInfo,
  effects: Effects,
  method: string,
): boolean {
  if (key === undefined) return false
  const handler = effects.answers(within)
  if (!effects.onRequestPath.has(within) && handler === null) return false
  if (isOnceGuarded(within)) return false
  if (method === 'push' || method === 'unshift') return true
  return mentions(key, (variable) => changes(variable, effects, 0))
}

function isOnceGuarded(within: FunctionInfo): boolean {
  return (
    within.form === 'module' ||
    within.form === 'constructor' ||
    /^(?:register|init|setup|configure|on[A-Z]|use|define)/.test(within.name)
  )
}

/** Whether a value differs from request to request: parameters of what runs for them, and what is made of these. */
function changes(variable: Variable, effects: Effects, depth: number): boolean {
  if (depth > 4) return false
  const param = effects.bindings.paramsOf.get(variable)
  if (param !== undefined)
    return (
      param.owner.form !== 'module' &&
      !/^(?:type|kind|name|locale|lang|language|model|table|schema|ctor|cls|klass|target|prototype|format|level|route|path|file|filename|plugin|template|query|sql|pattern|regex)$/i.test(
        variable.name,
      )
    )
  const [definition] = effects.bindings.definitions.get(variable) ?? []
  return (
    definition !== undefined &&
    definition.within.form !== 'module' &&
    mentions(definition.value, (each) => changes(each, effects, depth + 1))
  )
}

function hitOf({ within, node, name }: Growth): Hit {
  return {
    module: within.module,
    span: node,
    message: `\`${name}\` lives as long as the process, gets an entry with requests, and nothing ever takes one out.`,
  }
}
