import type { Expression, ObjectLiteral } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { boundNames } from '../../effects/bindings.ts'
import { type Effects, mentions, nodesIn } from '../../effects/effects.ts'
import { decoratorName } from '../../effects/handlers.ts'
import type { Hit, Rule } from '../rule.ts'
import { describe } from './asked-per-element.ts'

const ROOTS = /^(?:Query|Mutation|Subscription)$/
const GRAPHQL = /graphql|apollo|pothos|mercurius|yoga|type-graphql/i

export const QUERY_PER_RESOLVER: Rule = {
  info: {
    id: 'performance/query-per-resolver',
    title: 'A resolver that asks once for each parent',
    cwe: 'CWE-1073',
    tags: ['CWE-1050'],
    severity: 'warning',
    help: 'Load through a DataLoader that is made for each request: it collects the keys of one tick and asks once for all of them.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      for (const owner of module.classes)
        for (const method of owner.methods) {
          if (!method.decorators.some((each) => /^(?:ResolveField|FieldResolver)$/.test(decoratorName(each))))
            continue
          const parent = method.params.findIndex((each) =>
            each.decorators.some((one) => /^(?:Parent|Root)$/.test(decoratorName(one))),
          )
          const hit = parent === -1 ? null : perParent(method, parent, effects)
          if (hit !== null) yield hit
        }
    }
    for (const [within, definitions] of resolverMaps(effects))
      for (const map of definitions)
        for (const type of map.properties) {
          if (
            type.key === null ||
            !/^[A-Z]/.test(type.key) ||
            ROOTS.test(type.key) ||
            type.value.kind !== 'object'
          )
            continue
          for (const field of type.value.properties) {
            const target =
              field.value.kind === 'function'
                ? field.value.function
                : effects.origins.of(field.value, within).function
            const hit = target === null ? null : perParent(target, 0, effects)
            if (hit !== null) yield hit
          }
        }
  },
}

/** Object literals that map types to fields: named `resolvers`, or beside `Query`. */
function* resolverMaps(effects: Effects): Iterable<[FunctionInfo, ObjectLiteral[]]> {
  if (
    ![...GRAPHQL_PACKAGES].some(effects.uses) &&
    !effects.program.modules.some((each) => each.imports.some((one) => GRAPHQL.test(one.source)))
  ) {
    for (const [within, found] of maps(effects)) {
      const both = found.filter((each) => each.properties.some((one) => ROOTS.test(one.key ?? '')))
      if (both.length > 0) yield [within, both]
    }
    return
  }
  yield* maps(effects)
}

const GRAPHQL_PACKAGES = [
  'graphql',
  '@apollo/server',
  'apollo-server',
  'graphql-yoga',
  'mercurius',
  '@graphql-tools/schema',
]

function* maps(effects: Effects): Iterable<[FunctionInfo, ObjectLiteral[]]> {
  for (const module of effects.program.modules) {
    const found: ObjectLiteral[] = []
    for (const node of nodesIn(...module.main.body)) {
      if (node.kind !== 'object') continue
      const named = node.properties.find((each) => each.key === 'resolvers' && each.value.kind === 'object')
      if (named !== undefined) found.push(named.value as ObjectLiteral)
      else if (looksLikeResolvers(node)) found.push(node)
    }
    if (found.length > 0) yield [module.main, found]
  }
}

function looksLikeResolvers(node: ObjectLiteral): boolean {
  const types = node.properties.filter(
    (each) => /^[A-Z]/.test(each.key ?? '') && each.value.kind === 'object',
  )
  return (
    types.length > 0 &&
    types.length === node.properties.filter((each) => !each.spread).length &&
    types.every((each) => (each.value as ObjectLiteral).properties.every((one) => isFunctionLike(one.value)))
  )
}

function isFunctionLike(value: Expression): boolean {
  return (
    value.kind === 'function' || value.kind === 'name' || value.kind === 'member' || value.kind === 'object'
  )
}

function perParent(target: FunctionInfo, index: number, effects: Effects): Hit | null {
  const parameter = target.params[index]
  if (parameter === undefined) return null
  const own = new Set(boundNames(parameter.pattern).map((each) => each.variable))
  for (const place of effects.bindings.calls.get(target) ?? []) {
    const reached = effects
      .effectsOf(place)
      .find(
        (each) =>
          each.operation.kind === 'database' &&
          (each.operation.access === 'read' || each.operation.access === 'count'),
      )
    if (reached === undefined || !mentions(place.node, (variable) => own.has(variable))) continue
    return {
      module: target.module,
      span: place.node,
      message: `The resolver asks ${describe(reached.operation)} once for each parent of a list.`,
    }
  }
  return null
}
