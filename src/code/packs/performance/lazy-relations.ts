import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { type Chain, chainOf } from '../../effects/chain.ts'
import { deepNodesIn, type Effects, nodesIn } from '../../effects/effects.ts'
import { option } from '../../effects/recognise/python.ts'
import { nameOf } from '../../effects/recognise/found.ts'
import type { Node } from '../../flow-graph/walk.ts'
import type { Hit } from '../rule.ts'

/**
 * How a relation is loaded: `row` on the first look at what the row points to (Django's foreign keys), `set` when its
 * manager is asked, `look` as soon as it is named (SQLAlchemy).
 */
type Loading = 'row' | 'set' | 'look'
type Relations = ReadonlyMap<ClassInfo, ReadonlyMap<string, Loading>>

const KEPT = new WeakMap<Effects, Relations>()

/** `for order in Order.objects.all(): order.customer.name`: rows of a query whose relations are loaded one by one. */
export function* relationsRowByRow(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  const relations = relationsOf(effects)
  if (relations.size === 0) return
  for (const node of nodesIn(...within.body)) {
    if (
      node.kind === 'loop' &&
      node.form === 'of' &&
      node.target?.kind === 'name' &&
      node.iterable !== null
    ) {
      if ([...nodesIn(...node.body)].some((each) => each.kind === 'break' || each.kind === 'return')) continue
      if (node.target.variable !== null)
        yield* loadedIn(node.body, node.target.variable, node.iterable, within, effects, relations)
    } else if (node.kind === 'call' && node.callee.kind === 'member' && node.callee.property === 'map') {
      const [each] = node.args
      const pattern = each?.kind === 'function' ? each.function.params[0]?.pattern : undefined
      if (each?.kind === 'function' && pattern?.kind === 'name' && pattern.variable !== null)
        yield* loadedIn(each.function.body, pattern.variable, node.callee.object, within, effects, relations)
    }
  }
}

function* loadedIn(
  body: readonly Node[],
  row: Variable,
  collection: Expression,
  within: FunctionInfo,
  effects: Effects,
  relations: Relations,
): Iterable<Hit> {
  const rows = rowsOf(collection, within, effects, 0)
  const known = rows === null ? undefined : relations.get(rows.of)
  if (rows === null || known === undefined) return
  const told = new Set<string>()
  for (const node of deepNodesIn(...body)) {
    const found = relationAt(node, row, known)
    if (found === null || rows.eager === 'all' || rows.eager.has(found) || told.has(found)) continue
    told.add(found)
    yield {
      module: within.module,
      span: node,
      message: `\`${found}\` is loaded once for each \`${rows.of.name}\`: a query a row.`,
      fix: 'Load it with the rows: select_related or prefetch_related in Django, joinedload or selectinload in SQLAlchemy.',
    }
  }
}

const ASKS = /^(?:all|filter|exclude|count|exists|first|last|aggregate|values|values_list|order_by)$/

function relationAt(node: Node, row: Variable, known: ReadonlyMap<string, Loading>): string | null {
  const named = (at: Expression): string | null =>
    at.kind === 'member' && at.key === null && at.object.kind === 'name' && at.object.variable === row
      ? at.property
      : null
  if (node.kind !== 'member') return null
  const own = named(node)
  if (own !== null && known.get(own) === 'look') return own
  const name = named(node.object)
  if (name === null) return null
  const how = known.get(name)
  if (how === 'row') return /^(?:id|pk)$/.test(node.property ?? '') ? null : name
  return how === 'set' && ASKS.test(node.property ?? '') ? name : null
}

interface Rows {
  readonly of: ClassInfo
  readonly eager: ReadonlySet<string> | 'all'
}

const KEEPS =
  /^(?:objects|query|all|filter|filter_by|where|join|outerjoin|exclude|order_by|distinct|slice|reverse|iterator|select_related|prefetch_related|limit|offset|scalars|unique)$/

/** The model whose rows an expression gives, and what is loaded with them; null where that cannot be told. */
function rowsOf(collection: Expression, within: FunctionInfo, effects: Effects, depth: number): Rows | null {
  if (depth > 4) return null
  if (collection.kind === 'name' && collection.variable !== null) {
    const [only, ...more] = effects.bindings.definitions.get(collection.variable) ?? []
    return only === undefined ||
      more.length > 0 ||
      only.path.length > 0 ||
      collection.variable.kind === 'param'
      ? null
      : rowsOf(only.value, only.within, effects, depth + 1)
  }
  if (collection.kind === 'await') return rowsOf(collection.value, within, effects, depth + 1)
  if (collection.kind !== 'call') return null
  if (
    collection.callee.kind === 'name' &&
    /^(?:list|sorted|reversed|enumerate)$/.test(collection.callee.name)
  ) {
    const [first] = collection.args
    return first === undefined || collection.callee.name === 'enumerate'
      ? null
      : rowsOf(first, within, effects, depth + 1)
  }
  const chain = chainOf(collection)
  // What is called in between may load more than is seen here.
  if (chain.links.some((link) => link.name !== '' && !KEEPS.test(link.name) && link.call !== null))
    return null
  const model = modelOf(chain, within, effects)
  return model === null ? null : { of: model, eager: eagerIn(chain) }
}

function modelOf(chain: Chain, within: FunctionInfo, effects: Effects): ClassInfo | null {
  const classOf = (at: Expression | undefined): ClassInfo | null =>
    at === undefined ? null : effects.origins.of(at, within).class
  const [first] = chain.links
  if (first?.call === null && /^(?:objects|query)$/.test(first.name)) {
    const found = classOf(chain.base)
    // A manager of its own may load more than is seen here.
    return found?.fields.some((each) => each.name === first.name) === true ? null : found
  }
  const asked = chain.links.find((link) => link.call !== null && /^(?:query|scalars)$/.test(link.name))
  const [given, ...more] = asked?.call?.args ?? []
  if (asked === undefined || given === undefined || more.length > 0) return null
  if (asked.name === 'query') return classOf(given)
  const inner = given.kind === 'call' ? chainOf(given) : null
  if (
    inner === null ||
    nameOf(inner.base) !== 'select' ||
    inner.links.some((link) => link.name === 'options')
  )
    return null
  return inner.links[0]?.call?.args.length === 1 ? classOf(inner.links[0].call.args[0]) : null
}

function eagerIn(chain: Chain): ReadonlySet<string> | 'all' {
  const names = new Set<string>()
  for (const link of chain.links) {
    if (!/^(?:select|prefetch)_related$/.test(link.name) || link.call === null) continue
    if (link.call.args.length === 0) return 'all'
    for (const each of link.call.args) {
      if (each.kind !== 'literal') return 'all'
      names.add(String(each.value).split('__')[0] as string)
    }
  }
  return names
}

function relationsOf(effects: Effects): Relations {
  const before = KEPT.get(effects)
  if (before !== undefined) return before
  const found = new Map<ClassInfo, Map<string, Loading>>()
  const add = (owner: ClassInfo, name: string, how: Loading): void => {
    const own = found.get(owner) ?? new Map<string, Loading>()
    found.set(owner, own.set(name, how))
  }
  for (const module of effects.program.modules) {
    if (module.language !== 'python' || module.test) continue
    for (const owner of module.classes)
      for (const { name, value } of owner.fields) {
        if (name === null || value?.kind !== 'call') continue
        const made = nameOf(value.callee)
        if (made === 'relationship') {
          if (option(value, 'lazy') === null) add(owner, name, 'look')
        } else if (made === 'ManyToManyField') add(owner, name, 'set')
        else if (made === 'ForeignKey' || made === 'OneToOneField') {
          add(owner, name, 'row')
          const target = targetOf(value, owner, effects)
          if (target !== null && made === 'ForeignKey') add(target, reverseOf(value, owner), 'set')
        }
      }
  }
  KEPT.set(effects, found)
  return found
}

function targetOf(value: Call, owner: ClassInfo, effects: Effects): ClassInfo | null {
  const given = option(value, 'to') ?? value.args[0]
  if (given === undefined) return null
  if (given.kind !== 'literal') return effects.origins.of(given, owner.module.main).class
  const classes = effects.bindings.classesNamed.get(String(given.value).split('.').at(-1) ?? '')
  return classes?.length === 1 ? (classes[0] as ClassInfo) : null
}

function reverseOf(value: Call, owner: ClassInfo): string {
  const named = option(value, 'related_name')
  return named?.kind === 'literal' ? String(named.value) : `${owner.name.toLowerCase()}_set`
}
