import type { Expression, Span } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { locate, type Module } from '../../flow-graph/module.ts'
import type { FindingStep } from '../../finding.ts'
import type { Effects } from '../../effects/effects.ts'
import type { Category } from './inventory/entity.ts'
import { personalValuesOf, type PersonalValue } from './personal-values.ts'

/** Personal data that comes to a place: what it is, and where to point. */
export interface Disclosure {
  readonly module: Module
  readonly span: Span
  readonly what: string
  readonly path: readonly FindingStep[]
}

export interface Asked {
  /** Kinds that do not count here. */
  readonly ignore?: ReadonlySet<Category>
  /** Whether passwords and tokens count as well. */
  readonly secrets?: boolean
  /** Only secrets count, and only where a model does not hide them. */
  readonly onlySecrets?: boolean
}

const CALLERS = 8
const DEPTH = 3

/**
 * Personal data that an expression may hold at a place. What only callers know is looked for at their calls, and told
 * there.
 */
export function* disclosed(
  expressions: readonly Expression[],
  within: FunctionInfo,
  span: Span,
  effects: Effects,
  asked: Asked,
): Iterable<Disclosure> {
  const values = personalValuesOf(effects)
  const found = expressions.flatMap((each) => [...values.of(each, within)])
  yield* tell(found, { module: within.module, span }, [], effects, asked, 0)
}

function* tell(
  found: readonly PersonalValue[],
  place: { readonly module: Module; readonly span: Span },
  path: readonly FindingStep[],
  effects: Effects,
  asked: Asked,
  depth: number,
): Iterable<Disclosure> {
  const names = [...new Set(found.flatMap((each) => namesOf(each, asked)))]
  if (names.length > 0) {
    yield {
      ...place,
      what: listOf(names),
      path:
        path.length === 0
          ? []
          : [
              { location: locate(place.module, place.span), message: 'personal data is handed over here' },
              ...path,
            ],
    }
    return
  }
  if (depth >= DEPTH) return
  const values = personalValuesOf(effects)
  for (const each of found) {
    if (each.kind !== 'param') continue
    for (const { node, within } of effects.callers(each.owner).slice(0, CALLERS)) {
      if (node.kind !== 'call') continue
      const given = node.args[each.index]
      if (given === undefined || within === each.owner) continue
      let passed = values.of(given, within)
      for (const step of each.path) passed = passed.flatMap((one) => values.property(one, step))
      const usable = each.text ? passed.filter((one) => one.kind !== 'record' || one.text) : passed
      const step = { location: locate(place.module, place.span), message: 'and leaves here' }
      yield* tell(usable, { module: within.module, span: node }, [step, ...path], effects, asked, depth + 1)
    }
  }
}

function namesOf(value: PersonalValue, { ignore, secrets, onlySecrets }: Asked): string[] {
  if (value.kind === 'param') return []
  const counts = (field: { category: Category | null; secret: boolean; hidden: boolean }): boolean => {
    if (onlySecrets === true) return field.secret && !field.hidden
    return (
      (field.category !== null && value.entity.personal && ignore?.has(field.category) !== true) ||
      (secrets === true && field.secret)
    )
  }
  if (value.kind === 'field')
    return counts(value.field) ? [`\`${value.entity.name}.${value.field.name}\``] : []
  if (value.fields !== null && value.fields.size === 0) return []
  const fields = [...value.entity.fields].filter(
    ([key, field]) => (value.fields === null || value.fields.has(key)) && counts(field),
  )
  return fields.map(([, field]) => `\`${value.entity.name}.${field.name}\``)
}

function listOf(names: readonly string[]): string {
  if (names.length <= 3) return names.join(', ')
  return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}
