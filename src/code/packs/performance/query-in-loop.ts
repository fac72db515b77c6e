import type { Call, Expression, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Place } from '../../effects/bindings.ts'
import { type Effects, type Reached, nodesIn } from '../../effects/effects.ts'
import { isBounded, repetitionsAround, type Repetition, varies } from '../../effects/loops.ts'
import type { Operation } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { relationsRowByRow } from './lazy-relations.ts'
import { allArguments, hitOf, isOneOfMany, onlyAsks } from './asked-per-element.ts'
import { pythonQueries } from './python-query-in-loop.ts'

export const QUERY_IN_LOOP: Rule = {
  info: {
    id: 'performance/query-in-loop',
    title: 'A query for each element (N+1)',
    cwe: 'CWE-1073',
    tags: ['CWE-1050'],
    severity: 'warning',
    help: 'Collect the keys first and ask once: a join or include, `IN (…)`, a batch insert, or a data loader; then look the rows up in a Map.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test || isOneOff(within.module.path)) continue
      if (within.module.language === 'python') {
        yield* pythonQueries(within, effects)
        yield* relationsRowByRow(within, effects)
        continue
      }
      for (const place of places) {
        const hit = looped(place, effects)
        if (hit !== null) yield hit
      }
      yield* lazyAwaits(within, effects)
    }
  },
}

/** Scripts, seeds and migrations run once, and nobody waits for them. */
export function isOneOff(path: string): boolean {
  return /(?:^|\/)(?:migrations?|seeds?|seeders?|scripts?|bin|tools?|examples?|fixtures?|cli|commands?|jobs?|workers?|queues?|tasks?|crons?|processors?)\/|(?:^|\/|[.-])(?:seed|migrate|migration|backfill)[^/]*$/i.test(
    path,
  )
}

function looped(place: Place<Call | Template>, effects: Effects): Hit | null {
  const repetitions = repetitionsAround(place, effects.bindings)
  if (repetitions.length === 0) return null
  const reached = effects
    .effectsOf(place)
    .filter((each) => each.operation.kind === 'database' && !each.operation.sync)
  if (reached.length === 0) return null
  const [innermost] = repetitions
  if (innermost === undefined || isBounded(innermost, effects) || waits(innermost) || isOneOfMany(innermost))
    return null
  const args: readonly (Expression | null)[] =
    place.node.kind === 'call' ? allArguments(place.node) : place.node.values
  if (!args.some((each) => varies(each, innermost))) return null
  const each = reached.find((one) => isWorst(one, place, innermost, effects))
  return each === undefined ? null : hitOf(place, each, innermost)
}

/** A pause in the loop says that it is slow on purpose. */
function waits(repetition: Repetition): boolean {
  const roots = repetition.loop === null ? [] : repetition.loop.body
  for (const node of nodesIn(...roots))
    if (
      node.kind === 'call' &&
      node.callee.kind === 'name' &&
      /^(?:sleep|delay|wait|setTimeout|pause|throttle)$/.test(node.callee.name)
    )
      return true
  return false
}

function isWorst(
  reached: Reached,
  place: Place<Call | Template>,
  repetition: Repetition,
  effects: Effects,
): boolean {
  const { operation, through } = reached
  if (through.length > 0 && !onlyAsks(through[0] as FunctionInfo, effects)) return false
  if (operation.access === 'read' || operation.access === 'count') {
    // A chunked `IN` list is a batch, whatever goes through it.
    return !asksForMany(operation)
  }
  const waited = effects.onRequestPath.has(place.within) || effects.answers(place.within) !== null
  if (!waited) return false
  if (operation.access === 'insert') {
    if (Array.isArray(operation.data) || operation.data?.kind === 'array') return false
    if (reached.through.length > 0)
      return (
        effects
          .reached(reached.through[0] as FunctionInfo)
          .filter((each) => each.operation.kind === 'database').length === 1
      )
    return !resultIsUsed(place)
  }
  if (reached.through.length > 0) return false
  if (operation.sql !== null) {
    const values = operation.data
    return (
      values?.kind === 'array' &&
      values.elements.filter((each) => each !== null && varies(each, repetition)).length === 1 &&
      !resultIsUsed(place)
    )
  }
  return (
    operation.where !== null &&
    !varies(operation.data, repetition) &&
    operation.data?.kind !== 'name' &&
    !resultIsUsed(place)
  )
}

function asksForMany(operation: Operation): boolean {
  for (const node of nodesIn(operation.where)) {
    if (node.kind === 'object' && node.properties.some((each) => /^(?:in|\$in|Op\.in)$/.test(each.key ?? '')))
      return true
    if (node.kind === 'call' && node.callee.kind === 'name' && /^(?:In|inArray)$/.test(node.callee.name))
      return true
  }
  return (
    (operation.sql !== null && /=\s*any\s*\(|\bin\s*\(\s*\?|\bin\s*\(\s*\$/i.test(operation.sql)) ||
    operation.after.some((each) => each.name === 'whereIn')
  )
}

function resultIsUsed(place: Place<Call | Template>): boolean {
  const outer = place.around.findLast(
    (each) => each.kind !== 'await' && each.kind !== 'member' && each.kind !== 'call',
  )
  return outer?.kind === 'declare' || outer?.kind === 'assign'
}

/** `await row.lessons`, with `lessons: Promise<Lesson[]>` in an entity of TypeORM. */
function* lazyAwaits(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  if (!effects.uses('typeorm')) return
  const lazy = lazyRelations(effects)
  if (lazy.size === 0) return
  for (const node of nodesIn(...within.body)) {
    if (node.kind !== 'loop' || node.form !== 'of') continue
    for (const inner of nodesIn(...node.body)) {
      if (inner.kind !== 'await' || inner.value.kind !== 'member' || !lazy.has(inner.value.property ?? ''))
        continue
      const { object } = inner.value
      const target = node.target?.kind === 'name' ? node.target.variable : null
      if (object.kind === 'name' && object.variable !== null && object.variable === target)
        yield {
          module: within.module,
          span: inner,
          message: `The lazy relation \`${inner.value.property ?? ''}\` is loaded once for each element.`,
        }
    }
  }
}

function lazyRelations(effects: Effects): ReadonlySet<string> {
  const found = new Set<string>()
  for (const module of effects.program.modules)
    for (const each of module.classes)
      for (const field of each.fields)
        if (field.name !== null && /^\s*:?\s*Promise</.test(field.type ?? '') && field.decorators.length > 0)
          found.add(field.name)
  return found
}
