import type { Call, Expression, ObjectLiteral } from '../../../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo } from '../../../flow-graph/functions.ts'
import type { Module } from '../../../flow-graph/module.ts'
import { chainOf, propertyOf } from '../../../effects/chain.ts'
import { type Effects, nodesIn } from '../../../effects/effects.ts'
import { decoratorName } from '../../../effects/handlers.ts'
import { entityKey } from '../../../effects/operation.ts'
import { type Draft, type Entity, entityOf, type Reference } from './entity.ts'

/** Models that the program itself declares: Drizzle, TypeORM, Sequelize, Mongoose. */
export function readDeclaredModels(effects: Effects): Entity[] {
  const found: Entity[] = []
  for (const module of effects.program.modules) {
    if (module.test) continue
    for (const within of module.functions)
      for (const { node, around } of effects.bindings.calls.get(within) ?? []) {
        if (node.kind !== 'call') continue
        const parent = around.at(-1)
        const variable =
          parent?.kind === 'declare' && parent.target.kind === 'name' ? parent.target.name : null
        const entity =
          drizzle(node, variable, module) ??
          sequelize(node, module, within, effects) ??
          mongoose(node, variable, module, effects)
        if (entity !== null) found.push(entity)
      }
    for (const each of module.classes) {
      const entity = decorated(each)
      if (entity !== null) found.push(entity)
    }
  }
  return found
}

function textOf(expression: Expression | null | undefined): string | null {
  return expression?.kind === 'literal' && typeof expression.value === 'string' ? expression.value : null
}

function nameOf(expression: Expression | null | undefined): string | null {
  if (expression?.kind === 'name') return expression.name
  return expression?.kind === 'member' ? expression.property : null
}

function startOf(node: { at: number; end: number }): { at: number; end: number } {
  return { at: node.at, end: Math.min(node.end, node.at + 60) }
}

function drizzle(call: Call, variable: string | null, module: Module): Entity | null {
  const name = textOf(call.args[0])
  const [, columns] = call.args
  if (name === null || columns?.kind !== 'object') return null
  const callee = nameOf(call.callee) ?? ''
  if (!/^(?:pg|mysql|sqlite|singlestore)?Table$|^(?:pg|mysql|sqlite)Table$|^createTable$/.test(callee))
    return null
  return entityOf({
    name,
    names: [name, variable],
    fields: columns.properties.flatMap((each) =>
      each.key === null ? [] : [{ name: each.key, references: drizzleReference(each.value) }],
    ),
    module,
    span: startOf(call),
    by: 'drizzle',
  })
}

function drizzleReference(column: Expression): Reference | null {
  if (column.kind !== 'call') return null
  const link = chainOf(column).links.find((each) => each.name === 'references')
  if (link?.call === undefined || link.call === null) return null
  const [target, options] = link.call.args
  const last = target?.kind === 'function' ? target.function.body.at(-1) : undefined
  const table = last?.kind === 'return' && last.value?.kind === 'member' ? nameOf(last.value.object) : null
  return {
    target: table === null ? null : entityKey(table),
    onDelete: actionOf(propertyOf(options, 'onDelete')),
  }
}

function actionOf(action: Expression | null): Reference['onDelete'] {
  const text = textOf(action)?.toLowerCase() ?? ''
  if (text === 'cascade') return 'cascade'
  return text.startsWith('set') ? 'set null' : 'restrict'
}

const HASHING = /\b(?:hash\w*|bcrypt|argon2?|scrypt\w*|pbkdf2\w*|genSalt|encrypt\w*)\s*[.(]/

function decorated(owner: ClassInfo): Entity | null {
  const entity = owner.decorators.find((each) => /^(?:Entity|Table|Schema)$/.test(decoratorName(each)))
  if (entity === undefined) return null
  const fields: Draft['fields'][number][] = []
  let softDelete: string | null = null
  for (const field of owner.fields) {
    if (field.name === null || field.decorators.length === 0) continue
    const names = field.decorators.map(decoratorName)
    if (names.includes('OneToMany') || names.includes('ManyToMany') || names.includes('HasMany')) continue
    if (names.includes('DeleteDateColumn')) softDelete = field.name
    const column = field.decorators.find((each) => /^(?:Column|Prop)$/.test(decoratorName(each)))
    const options = column?.kind === 'call' ? column.args.at(-1) : null
    const selected = propertyOf(options, 'select')
    const relation = field.decorators.find((each) =>
      /^(?:ManyToOne|OneToOne|BelongsTo)$/.test(decoratorName(each)),
    )
    fields.push({
      name: field.name,
      hidden: names.includes('Exclude') || (selected?.kind === 'literal' && selected.value === false),
      references: relation?.kind === 'call' ? relationOf(relation) : null,
    })
  }
  const { text } = owner.module
  const hooks = owner.methods.some(
    (each) =>
      each.decorators.some((one) =>
        /^(?:BeforeInsert|BeforeUpdate|BeforeCreate)$/.test(decoratorName(one)),
      ) && HASHING.test(text.slice(each.at, each.end)),
  )
  return entityOf({
    name: owner.name,
    names: [owner.name, entity.kind === 'call' ? textOf(entity.args[0]) : null],
    fields,
    softDelete,
    hashes: hooks,
    module: owner.module,
    span: classSpan(owner),
    by: 'typeorm',
  })
}

/** The line with the class's name; decorators stand before it. */
function classSpan(owner: ClassInfo): { at: number; end: number } {
  const head = owner.module.text.indexOf(`class ${owner.name}`, owner.at)
  const at = head === -1 || head > owner.end ? owner.at : head
  return { at, end: at + 6 + owner.name.length }
}

function relationOf(relation: Call): Reference {
  const [target] = relation.args
  const last = target?.kind === 'function' ? target.function.body.at(-1) : undefined
  const name = last?.kind === 'return' ? nameOf(last.value) : null
  const action =
    relation.args.map((each) => propertyOf(each, 'onDelete')).find((each) => each !== null) ?? null
  return { target: name === null ? null : entityKey(name), onDelete: actionOf(action) }
}

function sequelize(call: Call, module: Module, within: FunctionInfo, effects: Effects): Entity | null {
  if (call.callee.kind !== 'member' || !(effects.uses('sequelize') || effects.uses('sequelize-typescript')))
    return null
  const define = call.callee.property === 'define'
  const init =
    call.callee.property === 'init' && effects.origins.of(call.callee.object, within).class !== null
  if (!define && !init) return null
  const name = define ? textOf(call.args[0]) : nameOf(call.callee.object)
  const attributes = call.args[define ? 1 : 0]
  const options = call.args[define ? 2 : 1]
  if (name === null || attributes?.kind !== 'object') return null
  const paranoid = propertyOf(options, 'paranoid')
  const hooks = propertyOf(options, 'hooks')
  return entityOf({
    name,
    names: [name, textOf(propertyOf(options, 'tableName')), textOf(propertyOf(options, 'modelName'))],
    fields: attributes.properties.flatMap((each) =>
      each.key === null ? [] : [{ name: each.key, references: sequelizeReference(each.value) }],
    ),
    softDelete: paranoid?.kind === 'literal' && paranoid.value === true ? 'deletedAt' : null,
    hashes:
      (hooks !== null && HASHING.test(module.text.slice(hooks.at, hooks.end))) || hookOutside(name, module),
    module,
    span: startOf(call),
    by: 'sequelize',
  })
}

function hookOutside(name: string, module: Module): boolean {
  return (
    new RegExp(`\\b${name.replace(/\W/g, '')}\\.(?:before|addHook)`).test(module.text) &&
    HASHING.test(module.text)
  )
}

function sequelizeReference(attribute: Expression): Reference | null {
  const references = propertyOf(attribute, 'references')
  if (references === null) return null
  const model = propertyOf(references, 'model')
  const name = textOf(model) ?? nameOf(model)
  return {
    target: name === null ? null : entityKey(name),
    onDelete: actionOf(propertyOf(attribute, 'onDelete')),
  }
}

function mongoose(call: Call, variable: string | null, module: Module, effects: Effects): Entity | null {
  if (!call.construct || nameOf(call.callee) !== 'Schema' || call.args[0]?.kind !== 'object') return null
  if (!effects.uses('mongoose')) return null
  const shape = call.args[0]
  const names = modelNames(call, variable, module, effects)
  const around = variable === null ? '' : statementsAbout(variable, module)
  const ttl =
    shape.properties.some((each) => propertyOf(each.value, 'expires') !== null) ||
    /expireAfterSeconds/.test(around) ||
    propertyOf(call.args[1], 'expireAfterSeconds') !== null
  const hides = /toJSON|toObject/.test(around) && /delete\s+\w+[.[]|transform/.test(around)
  return entityOf({
    name: names[0] ?? variable ?? 'schema',
    names: [...names, variable],
    fields: fieldsOf(shape, hides || propertyOf(call.args[1], 'toJSON') !== null),
    expires: ttl,
    hashes: /\.pre\(/.test(around) && HASHING.test(around),
    deletesOthers: /\.(?:pre|post)\(\s*\[?['"](?:deleteOne|remove|findOneAndDelete|deleteMany)/.test(around),
    module,
    span: startOf(call),
    by: 'mongoose',
  })
}

function fieldsOf(shape: ObjectLiteral, hidden: boolean): Draft['fields'] {
  return shape.properties.flatMap((each) => {
    if (each.key === null) return []
    const selected = propertyOf(each.value, 'select')
    const ref = textOf(propertyOf(each.value, 'ref'))
    return [
      {
        name: each.key,
        hidden: hidden || (selected?.kind === 'literal' && selected.value === false),
        references: ref === null ? null : { target: entityKey(ref), onDelete: 'none' as const },
      },
    ]
  })
}

/** The source of every statement of a module that begins with a schema's name. */
function statementsAbout(variable: string, module: Module): string {
  const found: string[] = []
  for (const statement of module.main.body) {
    if (statement.kind !== 'expression') continue
    for (const node of nodesIn(statement))
      if (node.kind === 'name' && node.name === variable) {
        found.push(module.text.slice(statement.at, statement.end))
        break
      }
  }
  return found.join('\n')
}

/** Names that a schema gets by `model('User', schema)`, in its own module or another. */
function modelNames(schema: Call, variable: string | null, module: Module, effects: Effects): string[] {
  const found: string[] = []
  for (const [owner, places] of effects.bindings.calls)
    for (const { node } of places) {
      if (node.kind !== 'call' || nameOf(node.callee) !== 'model' || node.args.length < 2) continue
      const [name, given] = node.args
      const text = textOf(name)
      if (text === null || given === undefined) continue
      const same =
        given === schema ||
        (given.kind === 'name' && given.name === variable && owner.module === module) ||
        (given.kind === 'name' &&
          given.variable?.kind === 'import' &&
          effects.origins.of(given, owner).expression === schema)
      if (same) found.push(text)
    }
  return found
}
