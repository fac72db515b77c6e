import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Definition } from '../../effects/bindings.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { repeatedBy } from '../../effects/loops.ts'
import { isRequest } from '../../effects/sizes.ts'
import { type Entity, type FieldInfo, plain } from './inventory/entity.ts'
import { type Inventory, inventoryOf } from './inventory/inventory.ts'
import { selectionOf } from './selection.ts'

/** A row of a model, or several: `fields` are those that were asked for, null being all. */
export interface RecordValue {
  readonly kind: 'record'
  readonly entity: Entity
  readonly fields: ReadonlySet<string> | null
  /** Written out, as by JSON.stringify: only then does it mean anything inside of a text. */
  readonly text: boolean
}

export interface FieldValue {
  readonly kind: 'field'
  readonly entity: Entity
  readonly field: FieldInfo
}

/** What a parameter stands for is known by its callers alone. */
export interface ParamValue {
  readonly kind: 'param'
  readonly owner: FunctionInfo
  readonly index: number
  readonly path: readonly string[]
  readonly text: boolean
}

export type PersonalValue = RecordValue | FieldValue | ParamValue

const MOST = 16
const DEPTH = 14
const SANITISES =
  /mask|redact|hash|anonym|pseudonym|encrypt|digest|fingerprint|obfuscat|scrub|sanitis|sanitiz|tokeni[sz]|toPublic|toDto|toSafe|omit|pick|lastFour|last4|initials|domainOf|hmac|cipher/i
const KEEPS_TEXT =
  /^(?:toString|trim|toLowerCase|toUpperCase|toLocaleLowerCase|concat|padStart|padEnd|normalize|toISOString)$/
const KEEPS_RECORD =
  /^(?:toJSON|toObject|get|find|filter|at|slice|sort|toSorted|reverse|pop|shift|concat|flat|values|orFail|lean|exec|unwrap|parse)$/
const INSIDE = /^(?:rows|data|docs|items|results|records|dataValues|_doc|attributes|value|values|\d+|\[\])$/

/** Finds out which personal data a value may hold: read from models, given by clients, handed on through calls. */
export class PersonalValues {
  private readonly effects: Effects
  readonly inventory: Inventory
  private readonly known = new Map<Expression, readonly PersonalValue[]>()
  private readonly returned = new Map<FunctionInfo, readonly PersonalValue[]>()

  constructor(effects: Effects) {
    this.effects = effects
    this.inventory = inventoryOf(effects)
  }

  of(expression: Expression | null | undefined, within: FunctionInfo, depth = 0): readonly PersonalValue[] {
    if (expression === null || expression === undefined || depth > DEPTH) return NONE
    const before = this.known.get(expression)
    if (before !== undefined) return before
    this.known.set(expression, NONE)
    const found = this.look(expression, within, depth + 1).slice(0, MOST)
    this.known.set(expression, found)
    return found
  }

  private look(expression: Expression, within: FunctionInfo, depth: number): readonly PersonalValue[] {
    const next = (each: Expression | null | undefined): readonly PersonalValue[] =>
      this.of(each, within, depth)
    switch (expression.kind) {
      case 'name':
        return expression.variable === null ? NONE : this.variable(expression.variable, depth)
      case 'member':
        return this.member(expression, within, depth)
      case 'await':
      case 'spread':
        return next(expression.value)
      case 'assign':
        return next(expression.value)
      case 'logical':
        return expression.operator === '&&'
          ? next(expression.right)
          : [...next(expression.left), ...next(expression.right)]
      case 'conditional':
        return [...next(expression.then), ...next(expression.otherwise)]
      case 'binary':
        return expression.operator === '+'
          ? inText([...next(expression.left), ...next(expression.right)])
          : NONE
      case 'template': {
        const read = this.row(expression, within)
        return read === null ? inText(expression.values.flatMap(next)) : [read]
      }
      case 'object':
        return overridden(expression, next)
      case 'array':
        return expression.elements.flatMap(next)
      case 'call':
        return this.call(expression, within, depth)
      default:
        return NONE
    }
  }

  private row(expression: Expression, within: FunctionInfo): RecordValue | null {
    const operation = this.effects.operationAt(expression, within)
    if (
      operation === null ||
      operation.kind !== 'database' ||
      operation.access === 'count' ||
      operation.access === 'delete'
    )
      return null
    const entity = this.inventory.of(operation)
    if (entity === null) return null
    if (
      operation.access !== 'read' &&
      /^(?:sql|knex)$/.test(operation.library) &&
      !/\breturning\b/i.test(operation.sql ?? '')
    )
      return null
    return { kind: 'record', entity, fields: selectionOf(operation), text: false }
  }

  private variable(variable: Variable, depth: number): readonly PersonalValue[] {
    const definitions = this.effects.bindings.definitions.get(variable)
    if (definitions !== undefined)
      return definitions.slice(0, 4).flatMap((each) => this.definition(each, depth))
    if (variable.kind === 'import') {
      const origin = this.effects.origins.variable(variable)
      return origin.expression === null || origin.within === null
        ? NONE
        : this.of(origin.expression, origin.within, depth)
    }
    const param = this.effects.bindings.paramsOf.get(variable)
    if (param === undefined) return NONE
    const typed = this.typed(param.owner.params[param.index]?.type ?? null)
    if (typed !== null) return this.through([typed], param.path)
    const passed = this.callbackElement(param.owner, param.index, depth)
    if (passed !== null) return this.through(passed, param.path)
    if (this.effects.handlers.get(param.owner)?.request.includes(param.index) === true)
      return this.requestField(variable.name, param.path)
    return [{ kind: 'param', owner: param.owner, index: param.index, path: param.path, text: false }]
  }

  private definition({ value, path, within, without }: Definition, depth: number): readonly PersonalValue[] {
    const last = path.at(-1)
    if (last !== undefined && isRequest(value, this.effects)) return this.requestField(last, path)
    const found = this.through(this.of(value, within, depth), path)
    if (without === undefined) return found
    const left = new Set(without.map(plain))
    return found.map((each) =>
      each.kind === 'record'
        ? {
            ...each,
            fields: new Set([...(each.fields ?? each.entity.fields.keys())].filter((key) => !left.has(key))),
          }
        : each,
    )
  }

  /** A value with a personal name that a client sent, and that the program stores under that name. */
  private requestField(name: string, _path: readonly string[]): readonly PersonalValue[] {
    const key = plain(name)
    if (!this.inventory.hasPersonalField(key)) return NONE
    const entity = this.inventory.entities.find((each) => each.personal && each.fields.get(key)?.category)
    const field = entity?.fields.get(key)
    return entity === undefined || field === undefined ? NONE : [{ kind: 'field', entity, field }]
  }

  private typed(type: string | null): RecordValue | null {
    const name = /^\s*:?\s*(?:Prisma\.)?([A-Z]\w*?)(?:Document|Entity|Row|Model)?(?:\[\])?\s*$/.exec(
      type ?? '',
    )?.[1]
    const entity = name === undefined ? null : this.inventory.named(name)
    return entity === null || !entity.personal ? null : { kind: 'record', entity, fields: null, text: false }
  }

  /** What a callback of `map`, `then` and so on is given. */
  private callbackElement(
    owner: FunctionInfo,
    index: number,
    depth: number,
  ): readonly PersonalValue[] | null {
    const written = this.effects.bindings.written.get(owner)
    const parent = written?.around.at(-1)
    if (written === undefined || parent?.kind !== 'call') return null
    const collection = repeatedBy(parent, written.node)
    if (collection !== null) return index === 0 ? this.of(collection, written.within, depth) : NONE
    if (parent.callee.kind === 'member' && parent.callee.property === 'then' && index === 0)
      return this.of(parent.callee.object, written.within, depth)
    return null
  }

  private through(values: readonly PersonalValue[], path: readonly string[]): readonly PersonalValue[] {
    let found = values
    for (const step of path) found = found.flatMap((each) => this.property(each, step))
    return found
  }

  property(value: PersonalValue, name: string): readonly PersonalValue[] {
    if (value.kind === 'field') return NONE
    if (value.kind === 'param')
      return value.path.length > 4 ? NONE : [{ ...value, path: [...value.path, name] }]
    const key = plain(name)
    const field = value.entity.fields.get(key)
    if (field !== undefined && (value.fields === null || value.fields.has(key)))
      return field.category !== null || field.secret ? [{ kind: 'field', entity: value.entity, field }] : NONE
    return INSIDE.test(name) ? [value] : NONE
  }

  private member(
    expression: Extract<Expression, { kind: 'member' }>,
    within: FunctionInfo,
    depth: number,
  ): readonly PersonalValue[] {
    if (expression.property === null) return this.through(this.of(expression.object, within, depth), ['[]'])
    if (isRequest(expression, this.effects)) {
      if (isRequest(expression.object, this.effects)) return this.requestField(expression.property, [])
      return expression.property === 'body' ? this.wholeBody(within) : NONE
    }
    return this.through(this.of(expression.object, within, depth), [expression.property])
  }

  /** The body of a request out of which the function fills a model about people. */
  private wholeBody(within: FunctionInfo): readonly PersonalValue[] {
    for (const operation of this.effects.operations(within)) {
      if (operation.access !== 'insert') continue
      const entity = this.inventory.of(operation)
      if (entity?.personal === true) return [{ kind: 'record', entity, fields: null, text: false }]
    }
    return NONE
  }

  private call(call: Call, within: FunctionInfo, depth: number): readonly PersonalValue[] {
    const read = this.row(call, within)
    if (read !== null) return [read]
    const { callee } = call
    const name =
      callee.kind === 'name' ? callee.name : callee.kind === 'member' ? (callee.property ?? '') : ''
    if (SANITISES.test(name)) return NONE
    const args = (): readonly PersonalValue[] => call.args.flatMap((each) => this.of(each, within, depth))
    if (callee.kind === 'member') {
      const object =
        callee.object.kind === 'name' && callee.object.variable === null ? callee.object.name : ''
      if (object === 'JSON' && name === 'stringify') return written(this.of(call.args[0], within, depth))
      if (object === 'Promise' && /^(?:all|allSettled|race|any|resolve)$/.test(name)) return args()
      if (object === 'Object')
        return /^(?:assign|values|entries|fromEntries|freeze)$/.test(name) ? args() : NONE
      if (/^(?:map|flatMap)$/.test(name) && call.args[0]?.kind === 'function')
        return this.returns(call.args[0].function, depth)
      if (name === 'then' && call.args[0]?.kind === 'function')
        return this.returns(call.args[0].function, depth)
      if (/^(?:catch|finally)$/.test(name)) return this.of(callee.object, within, depth)
      if (name === 'join' || KEEPS_TEXT.test(name)) {
        const found = this.of(callee.object, within, depth).filter(
          (each) => each.kind !== 'record' || each.text,
        )
        if (found.length > 0 || name !== 'get') return found
      }
      const targets = this.effects.targets(call, within)
      if (targets.length === 0 && KEEPS_RECORD.test(name))
        return this.of(callee.object, within, depth).filter((each) => each.kind !== 'field')
    } else if (/^(?:String|encodeURIComponent|encodeURI|structuredClone|btoa|escape)$/.test(name))
      return args()
    return this.entered(call, within, depth)
  }

  /** What the functions give back that a call enters, with its arguments in place of their parameters. */
  private entered(call: Call, within: FunctionInfo, depth: number): readonly PersonalValue[] {
    const found: PersonalValue[] = []
    for (const target of this.effects.targets(call, within).slice(0, 3))
      for (const each of this.returns(target, depth)) {
        if (each.kind !== 'param' || each.owner !== target) found.push(each)
        else {
          const given = this.through(this.of(call.args[each.index], within, depth), each.path)
          found.push(...(each.text ? inText(written(given)) : given))
        }
      }
    return found
  }

  private returns(target: FunctionInfo, depth: number): readonly PersonalValue[] {
    const before = this.returned.get(target)
    if (before !== undefined) return before
    this.returned.set(target, NONE)
    const found: PersonalValue[] = []
    for (const node of nodesIn(...target.body))
      if (node.kind === 'return') found.push(...this.of(node.value, target, depth + 1))
    const kept = found.slice(0, MOST)
    this.returned.set(target, kept)
    return kept
  }
}

const NONE: readonly PersonalValue[] = []

/** `{ ...user, passwordHash: undefined }`: what stands beside a spread takes the place of what it brings. */
function overridden(
  literal: Extract<Expression, { kind: 'object' }>,
  of: (expression: Expression) => readonly PersonalValue[],
): readonly PersonalValue[] {
  const named = new Set(
    literal.properties.flatMap((each) => (each.spread || each.key === null ? [] : [plain(each.key)])),
  )
  return literal.properties.flatMap((each) => {
    const found = of(each.value)
    if (!each.spread || named.size === 0) return found
    return found.map((one) =>
      one.kind === 'record'
        ? {
            ...one,
            fields: new Set([...(one.fields ?? one.entity.fields.keys())].filter((key) => !named.has(key))),
          }
        : one,
    )
  })
}

function inText(values: readonly PersonalValue[]): readonly PersonalValue[] {
  return values
    .filter((each) => each.kind !== 'record' || each.text)
    .map((each) => (each.kind === 'param' ? { ...each, text: true } : each))
}

function written(values: readonly PersonalValue[]): readonly PersonalValue[] {
  return values.map((each) => (each.kind === 'record' ? { ...each, text: true } : each))
}

const KEPT = new WeakMap<Effects, PersonalValues>()

export function personalValuesOf(effects: Effects): PersonalValues {
  let found = KEPT.get(effects)
  if (found === undefined) {
    found = new PersonalValues(effects)
    KEPT.set(effects, found)
  }
  return found
}
