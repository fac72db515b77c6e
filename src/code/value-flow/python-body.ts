import type { ClassInfo, Field, Param } from '../flow-graph/functions.ts'
import type { Expression } from '../flow-graph/expressions.ts'
import { textOf } from '../flow-graph/module.ts'
import { ALL } from '../models/classes.ts'
import { checkedByPattern } from './checked-by-pattern.ts'
import { namedType } from './imports.ts'
import type { Run } from './run.ts'
import { applied } from './schemas.ts'
import { leaf, objectSchema, type Schema } from './schema-refs.ts'
import type { Value } from './value.ts'

const DEPTH = 3
const MODEL = /^(?:\w+\.)*(?:BaseModel|SQLModel|BaseSettings|Schema)$/
/** Whatever is sent, what comes of it has no text of the sender's choosing. */
const NO_TEXT =
  /^(?:Optional\[)?(?:\w+\.)*(?:int|float|bool|complex|date|datetime|time|timedelta|UUID[1345]?|Decimal|Strict(?:Int|Float|Bool)|con(?:int|float|decimal)|(?:Non)?(?:Positive|Negative)(?:Int|Float)|IPv(?:4|6|Any)Address|Literal)\b[^|]*(?:\|\s*None)?$/

/** The class of the program that a framework fills from a request's body, by Pydantic; null for other types. */
export function bodyModel(run: Run, type: string): ClassInfo | null {
  for (const ref of namedType(run, type).refs)
    if (ref.kind === 'class' && isModel(ref.class, 0)) return ref.class
  return null
}

function isModel({ superClass, module }: ClassInfo, depth: number): boolean {
  if (superClass === null || depth > DEPTH) return false
  const text = textOf(module, superClass)
  if (MODEL.test(text)) return true
  const parent = module.classes.find((each) => each.name === text)
  return parent !== undefined && isModel(parent, depth + 1)
}

/** What was sent, as the fields of the model let it by. */
export function heldToModel(run: Run, model: ClassInfo, value: Value, param: Param): Value {
  return applied(run, schemaOf(run, model, 0), value, param, '', 0)
}

function schemaOf(run: Run, model: ClassInfo, depth: number): Schema {
  const fields = new Map<string, Schema>()
  for (const field of fieldsOf(model, 0))
    if (field.name !== null && field.type !== null)
      fields.set(field.name, fieldSchema(run, field, field.type, depth))
  return objectSchema(fields)
}

/** Those that it inherits first, which its own overwrite. */
function fieldsOf(model: ClassInfo, depth: number): readonly Field[] {
  const { superClass, module } = model
  const name = superClass === null || depth > DEPTH ? '' : textOf(module, superClass)
  const parent = module.classes.find((each) => each.name === name && each !== model)
  return parent === undefined ? model.fields : [...fieldsOf(parent, depth + 1), ...model.fields]
}

/** `class Kind(str, Enum)` */
function isEnum({ module, at }: ClassInfo): boolean {
  return /^class\s+\w+\s*\([^)]*\b\w*Enum\s*\)/.test(module.text.slice(at, at + 200))
}

function fieldSchema(run: Run, field: Field, type: string, depth: number): Schema {
  if (NO_TEXT.test(type)) return leaf(0)
  for (const ref of namedType(run, type).refs) {
    if (ref.kind !== 'class') continue
    if (isEnum(ref.class)) return leaf(0)
    if (depth < DEPTH && isModel(ref.class, 0)) return schemaOf(run, ref.class, depth + 1)
  }
  const pattern = patternOf(field.value)
  return leaf(pattern === null ? ALL : ALL & ~checkedByPattern(pattern, '', true))
}

/** `Field(pattern=r'^\w+$')` */
function patternOf(value: Expression | null): string | null {
  if (value?.kind !== 'call' || value.names === undefined) return null
  const at = value.names.findIndex((name) => name === 'pattern' || name === 'regex')
  const given = at === -1 ? undefined : value.args[at]
  return given?.kind === 'literal' && typeof given.value === 'string' ? given.value : null
}
