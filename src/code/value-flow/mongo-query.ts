import { joinTaints } from './value.ts'
import type { Taint, Value } from './value.ts'

/** What stands behind these is compared as it is: an object there is no operator. */
const COMPARED = new Set([
  '$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$all', '$size', '$exists', '$type', '$mod', '$options', '$search',
]) // prettier-ignore
const FIELDS_READ = 40

/** The taints of a query's parts that may bring operators with them, so many levels down. */
export function operatorTaints(value: Value, levels: number): readonly Taint[] {
  let out = value.taints
  if (levels === 0) return out
  for (const ref of value.refs) {
    if (ref.kind !== 'object') continue
    let read = 0
    for (const [field, each] of ref.fields) {
      if (++read > FIELDS_READ) break
      if (!COMPARED.has(field)) out = joinTaints(out, operatorTaints(each, levels - 1))
    }
    out = joinTaints(out, operatorTaints(ref.element, levels - 1))
  }
  return out
}
