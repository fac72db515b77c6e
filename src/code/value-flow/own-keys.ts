import type { Expression } from '../flow-graph/expressions.ts'
import { ALL } from '../models/classes.ts'
import { exclude, isConstantTable, KEYS } from './exclude.ts'
import { PART, type Run } from './run.ts'
import type { Label, Value } from './value.ts'

/**
 * `hasOwnProperty` holds: what the key leads to in that object is its own, and no prototype. In another object the same
 * key may still lead to one: a merge that asks its source so is none the safer.
 */
export function ownKey(run: Run, object: Expression, key: Expression): void {
  const holder = PART.evaluate(run, object)
  // In a table of ours, the key is one of ours.
  if (isConstantTable(run, holder)) return exclude(run, key, ALL)
  const name = PART.evaluate(run, key)
  for (const owner of identities(holder))
    for (const taint of name.taints) run.env.markOwn(`${owner}:${taint.label.id}`)
  if (holder.taints.length === 0 && holder.refs.length === 0) exclude(run, key, KEYS)
  noteOwnKey(run, holder, name)
}

/** The key is known to be one of the object's own: it was enumerated from it, or a check said so. */
export function isOwnKey(run: Run, object: Value, key: Label): boolean {
  if (key.path.at(-1) === '<key>' && object.taints.some((each) => each.label === key.parent)) return true
  return identities(object).some((owner) => run.env.isOwn(`${owner}:${key.id}`))
}

function identities(object: Value): readonly number[] {
  return [...object.taints.map((each) => each.label.id), ...object.refs.map((each) => each.id)]
}

/** `hasOwn(object, key)` of the program's own: its callers know the same when it says yes. */
function noteOwnKey(run: Run, holder: Value, name: Value): void {
  const parameter = (value: Value): number | undefined =>
    value.taints.find((each) => each.label.fn === run.fn && each.label.path.length === 0)?.label.index
  const [object, key] = [parameter(holder), parameter(name)]
  if (object === undefined || key === undefined || object < 0 || key < 0) return
  const { ownKeys } = run.summary
  if (ownKeys.length < 4 && !ownKeys.some((each) => each.object === object && each.key === key))
    ownKeys.push({ object, key })
}

export function applyOwnKeys(
  run: Run,
  args: readonly Expression[],
  pairs: readonly { readonly object: number; readonly key: number }[],
): void {
  for (const each of pairs) {
    const [object, key] = [args[each.object], args[each.key]]
    if (object !== undefined && key !== undefined) ownKey(run, object, key)
  }
}
