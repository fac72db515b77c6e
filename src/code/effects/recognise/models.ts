import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Chain, chainOf, type Link, propertyOf } from '../chain.ts'
import type { Access } from '../operation.ts'
import * as libraries from '../libraries.ts'
import { type Origin, type Origins, UNKNOWN } from '../origins.ts'
import { argument, type Found, nameOf, type Uses } from './found.ts'

const MONGOOSE_MODEL =
  /^mongoose\.(?:\w+\.)?model\(\)|^mongoose\.(?:createConnection\(\)\.)?model\(\)|^type:(?:\w+\.)?Model</
const SEQUELIZE_MODEL =
  /^sequelize\.(?:Sequelize\(\)\.define\(\)|Model\b)|^sequelize-typescript\.Model|\.define\(\)$/

export function models(
  chain: Chain,
  origin: Origin,
  within: FunctionInfo,
  origins: Origins,
  uses: Uses,
): Found | null {
  const mongoose = uses('mongoose') || uses('@nestjs/mongoose')
  const sequelize = uses('sequelize') || uses('sequelize-typescript')
  if (!mongoose && !sequelize) return null
  const at = chain.links.findIndex(
    (link) =>
      link.call !== null &&
      (libraries.MONGOOSE.has(link.name) ||
        libraries.SEQUELIZE.has(link.name) ||
        /^(?:save|updateOne|deleteOne)$/.test(link.name)),
  )
  if (at === -1) return null
  const link = chain.links[at] as Link
  const receiver = link.call?.callee.kind === 'member' ? link.call.callee.object : null
  if (receiver === null) return null
  const from = at === 0 ? origin : origins.of(receiver, within)
  const above = from.class?.superClass ?? null
  const text =
    above === null
      ? from.text
      : origins.of(above, (from.class as { module: { main: FunctionInfo } }).module.main).text
  const name = nameOf(receiver)
  const capital = name !== null && /^[A-Z]/.test(name)
  const isMongoose = MONGOOSE_MODEL.test(text) && !text.endsWith('()()')
  const isSequelize = SEQUELIZE_MODEL.test(text)
  const document = /^mongoose\..*\(\)\(\)|^mongoose\.model\(\)\./.test(text) || isDocument(receiver, origins)
  if (link.name === 'save' && (link.call?.args.length ?? 1) <= 1 && (document || text.endsWith('()()')))
    return { kind: 'database', access: 'update', library: 'mongoose', entity: modelName(from, name), at }
  if (
    !isMongoose &&
    !isSequelize &&
    !(capital && from === UNKNOWN) &&
    !(capital && from.text === '' && from.function === null && from.class === null)
  ) {
    if (document && /^(?:updateOne|deleteOne)$/.test(link.name) && (link.call?.args.length ?? 2) <= 1)
      return {
        kind: 'database',
        access: /delete|destroy/.test(link.name) ? 'delete' : 'update',
        library: mongoose ? 'mongoose' : 'sequelize',
        entity: null,
        at,
        data: argument(link),
      }
    return null
  }
  const table = isSequelize || (!isMongoose && !mongoose) ? libraries.SEQUELIZE : libraries.MONGOOSE
  const known = table.get(link.name)
  if (known === undefined) return null
  const [access, many] = known
  const entity = modelName(from, name)
  if (table === libraries.SEQUELIZE) {
    const byFirst = /^(?:findAll|findAndCountAll|findOne|count|destroy)$/.test(link.name)
    const options = link.name === 'findByPk' || !byFirst ? argument(link, 1) : argument(link)
    return {
      kind: 'database',
      access,
      many,
      library: 'sequelize',
      entity,
      at,
      options,
      where: link.name === 'findByPk' ? argument(link) : propertyOf(options, 'where'),
      data: access === 'insert' || access === 'update' ? argument(link) : null,
    }
  }
  return {
    kind: 'database',
    access,
    many,
    library: 'mongoose',
    entity,
    at,
    options: argument(link, 2),
    where: access === 'insert' ? null : argument(link),
    data: access === 'insert' ? argument(link) : access === 'update' ? argument(link, 1) : null,
  }
}

const NATIVE: ReadonlyMap<string, Access> = new Map([
  ['insert', 'insert'],
  ['save', 'update'],
  ['update', 'update'],
  ['remove', 'delete'],
  ['count', 'count'],
])

/** The MongoDB driver's own collections: `db.collection('users').insertOne(…)`. */
export function mongodb(chain: Chain, origin: Origin, uses: Uses): Found | null {
  if (!uses('mongodb')) return null
  const inChain = chain.links.findIndex((link) => link.call !== null && link.name === 'collection')
  const made = inChain === -1 ? origin.expression : (chain.links[inChain]?.call ?? null)
  if (made?.kind !== 'call' || made.callee.kind !== 'member' || made.callee.property !== 'collection')
    return null
  const [name] = made.args
  const at = chain.links.findIndex(
    (link, index) =>
      index > inChain && link.call !== null && (libraries.MONGOOSE.has(link.name) || NATIVE.has(link.name)),
  )
  const link = chain.links[at]
  if (link === undefined) return null
  const [access, many] = libraries.MONGOOSE.get(link.name) ?? [NATIVE.get(link.name) as Access, false]
  return {
    kind: 'database',
    access,
    many,
    library: 'mongoose',
    entity: name?.kind === 'literal' ? String(name.value) : null,
    at,
    where: access === 'insert' ? null : argument(link),
    data: access === 'insert' ? argument(link) : access === 'update' ? argument(link, 1) : null,
  }
}

/** Whether a value is what a find, create or construction of a model gave. */
function isDocument(receiver: Expression, origins: Origins): boolean {
  if (receiver.kind !== 'name' || receiver.variable === null) return false
  const definition = origins.bindings.definitions.get(receiver.variable)?.[0]
  let value = definition?.value
  if (value?.kind === 'await') value = value.value
  if (definition === undefined || value?.kind !== 'call') {
    // An element that a callback gets: only documents have these methods without a filter.
    return origins.bindings.paramsOf.has(receiver.variable) && /^[a-z]/.test(receiver.name)
  }
  const links = chainOf(value).links
  return (
    links.some((link) => /^(?:findOne|findById|findByPk|create|findOneAndUpdate|orFail)$/.test(link.name)) ||
    /^mongoose\..*model\(\)/.test(origins.of(value, definition.within).text)
  )
}

function modelName(origin: Origin, name: string | null): string | null {
  const typed = /^type:(?:\w+\.)?Model<(\w+)/.exec(origin.text)?.[1]
  if (typed !== undefined) return typed
  const made = origin.expression
  if (made?.kind === 'call' && made.args[0]?.kind === 'literal' && typeof made.args[0].value === 'string')
    return made.args[0].value
  return origin.class?.name ?? name
}
