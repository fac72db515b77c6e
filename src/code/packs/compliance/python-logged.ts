import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo } from '../../flow-graph/functions.ts'
import { classAround } from '../../effects/bindings.ts'
import { chainOf } from '../../effects/chain.ts'
import type { Effects } from '../../effects/effects.ts'
import { nameOf } from '../../effects/recognise/found.ts'
import type { Hit } from '../rule.ts'
import { categoryOf, isPerson, isSecretName, plain, type Category } from './inventory/entity.ts'

const METHODS = /^(?:info|debug|warn|warning|error|exception|critical|fatal|log|trace|success)$/
const COLUMNS = /^(?:Column|mapped_column|\w*Field)$/
/** What every server keeps of a request counts as traffic, not as a leak. */
const TRAFFIC: ReadonlySet<Category> = new Set<Category>(['IP address', 'user agent', 'location'])

type Models = ReadonlyMap<ClassInfo, ReadonlyMap<string, string>>
const KEPT = new WeakMap<Effects, Models>()

/** Fields about people, of models of Django and SQLAlchemy, that are put into a log or printed. */
export function* loggedInPython(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  const models = modelsOf(effects)
  for (const { node } of effects.bindings.calls.get(within) ?? []) {
    if (node.kind !== 'call' || !isLog(node, within, effects)) continue
    const names = [...new Set(node.args.flatMap((each) => shown(each, within, effects, models, 0)))]
    if (names.length > 0)
      yield {
        module: within.module,
        span: node,
        message: `${names.slice(0, 3).join(', ')} ends up in a log.`,
      }
  }
}

function isLog(call: Call, within: FunctionInfo, effects: Effects): boolean {
  const { callee } = call
  if (callee.kind === 'name')
    return (
      callee.name === 'print' &&
      callee.variable === null &&
      !/\b__main__\b/.test(within.module.text) &&
      // What a command prints is its answer.
      !/(?:^|\/)(?:commands?|scripts?|bin|cli|tools?|migrations?|examples?)(?:\/|\.py$)/.test(
        within.module.path,
      )
    )
  if (callee.kind !== 'member' || !METHODS.test(callee.property ?? '')) return false
  if (/^_?(?:logger|log|logging)$/i.test(nameOf(callee.object) ?? '')) return true
  return /^(?:logging|loguru|structlog)\b/.test(effects.origins.of(callee.object, within).text)
}

function shown(
  given: Expression,
  within: FunctionInfo,
  effects: Effects,
  models: Models,
  depth: number,
): readonly string[] {
  if (depth > 6) return []
  const next = (each: Expression | null): readonly string[] =>
    each === null ? [] : shown(each, within, effects, models, depth + 1)
  switch (given.kind) {
    case 'template':
      return given.values.flatMap(next)
    case 'array':
      return given.elements.flatMap(next)
    case 'object':
      return given.properties.flatMap((each) => next(each.value))
    case 'binary':
      return given.operator === '+' ? [...next(given.left), ...next(given.right)] : []
    case 'logical':
      return [...next(given.left), ...next(given.right)]
    case 'call':
      // Any other function may mask it.
      if (given.callee.kind === 'name' && /^(?:str|repr)$/.test(given.callee.name))
        return given.args.flatMap(next)
      return given.callee.kind === 'member' &&
        /^(?:lower|upper|strip|title)$/.test(given.callee.property ?? '')
        ? next(given.callee.object)
        : []
    case 'member': {
      const { object, property } = given
      if (property === null || given.key !== null) return []
      if (isSignedIn(object))
        return /^(?:email|first_name|last_name|phone)$/.test(property) ? [`\`user.${property}\``] : []
      const model = modelOf(object, within, effects)
      const field = model === null ? undefined : models.get(model)?.get(property)
      return field === undefined ? [] : [`\`${field}\``]
    }
    default:
      return []
  }
}

function isSignedIn(object: Expression): boolean {
  return (
    (object.kind === 'member' && object.property === 'user' && nameOf(object.object) === 'request') ||
    (object.kind === 'name' && object.name === 'current_user')
  )
}

/** The model that a value is a row of. */
function modelOf(value: Expression, within: FunctionInfo, effects: Effects): ClassInfo | null {
  if (value.kind === 'this') return classAround(within)
  if (value.kind !== 'name' || value.variable === null) return null
  const { instanceOf } = effects.origins.of(value, within)
  if (instanceOf !== null) return instanceOf
  const [only, ...more] = effects.bindings.definitions.get(value.variable) ?? []
  if (only === undefined || more.length > 0 || only.path.some((each) => each !== '[]')) return null
  const made = only.value.kind === 'await' ? only.value.value : only.value
  if (made.kind !== 'call') return null
  const classOf = (at: Expression | undefined): ClassInfo | null =>
    at === undefined ? null : effects.origins.of(at, only.within).class
  const { base, links } = chainOf(made)
  if (links[0]?.call === null && /^(?:objects|query)$/.test(links[0].name)) {
    // Counts and tuples are no rows.
    if (
      links.some((each) =>
        /^(?:values|values_list|count|exists|aggregate|with_entities|update)$/.test(each.name),
      )
    )
      return null
    return classOf(base)
  }
  for (const { name, call } of links) {
    if (call === null || !/^(?:get|query|scalars?)$/.test(name)) continue
    const [given, second] = call.args
    if (name === 'query') return second === undefined ? classOf(given) : null
    if (name === 'get') return classOf(given)
    const inner = given?.kind === 'call' ? chainOf(given) : null
    return inner !== null && nameOf(inner.base) === 'select' && inner.links[0]?.call?.args.length === 1
      ? classOf(inner.links[0].call.args[0])
      : null
  }
  return null
}

/** Models by class: their fields about people, as they are told. */
function modelsOf(effects: Effects): Models {
  const before = KEPT.get(effects)
  if (before !== undefined) return before
  const found = new Map<ClassInfo, ReadonlyMap<string, string>>()
  for (const module of effects.program.modules) {
    if (module.language !== 'python' || module.test) continue
    for (const owner of module.classes) {
      const columns = owner.fields.flatMap(({ name, value }) =>
        name !== null && value?.kind === 'call' && COLUMNS.test(nameOf(value.callee) ?? '') ? [name] : [],
      )
      const person = isPerson(plain(owner.name))
      const fields = new Map<string, string>()
      for (const name of columns) {
        const category = categoryOf(name, person)
        if (isSecretName(name) || (category !== null && !TRAFFIC.has(category)))
          fields.set(name, `${owner.name}.${name}`)
      }
      // Fields beside something that is no person are about things.
      if (
        fields.size > 0 &&
        (person || columns.some((name) => /e?mail$|^(?:first|last|full)_?name$|birth/i.test(name)))
      )
        found.set(owner, fields)
    }
  }
  KEPT.set(effects, found)
  return found
}
