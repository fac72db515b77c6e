import type { Call, Expression, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { locate } from '../../flow-graph/module.ts'
import type { FindingStep } from '../../finding.ts'
import type { Place } from '../../effects/bindings.ts'
import { type Effects, type Reached, nodesIn } from '../../effects/effects.ts'
import type { Repetition } from '../../effects/loops.ts'
import { type Operation, writes } from '../../effects/operation.ts'
import type { Hit } from '../rule.ts'

/** Arguments of every call of the chain: `db.select().from(t).where(eq(t.id, x))`, `repository(x).find()`. */
export function allArguments(call: Call): readonly Expression[] {
  const found: Expression[] = []
  let at: Expression = call
  for (let depth = 0; depth < 40; depth++) {
    if (at.kind === 'call') {
      found.push(...at.args)
      at = at.callee
    } else if (at.kind === 'member') at = at.object
    else break
  }
  return found
}

/** Whether a function is about the database alone: work that also mails, pays or queues is done one by one on purpose. */
export function onlyAsks(target: FunctionInfo, effects: Effects): boolean {
  const reached = effects.reached(target)
  if (reached.length > 6 || reached.some((each) => each.operation.kind !== 'database')) return false
  const writing = reached.filter((each) => writes(each.operation)).length
  return writing === 0 || (writing === 1 && reached.length === 1)
}

/** A loop that is left at the first that fits, or statements that are handed over as one transaction. */
export function isOneOfMany(repetition: Repetition): boolean {
  if (repetition.loop !== null) {
    for (const node of nodesIn(...repetition.loop.body)) {
      if (node.kind === 'return' || node.kind === 'break') return true
    }
    return false
  }
  const outer = repetition.place?.around.at(-1)
  return (
    outer?.kind === 'call' &&
    outer.callee.kind === 'member' &&
    /^\$?transaction$/.test(outer.callee.property ?? '')
  )
}

export function hitOf(place: Place<Call | Template>, reached: Reached, repetition: Repetition): Hit {
  const { operation, through } = reached
  const { module } = place.within
  const what = describe(operation)
  const over =
    repetition.collection === null
      ? 'each turn'
      : `each element of \`${short(module.text.slice(repetition.collection.at, repetition.collection.end))}\``
  const by =
    through.length === 0
      ? ''
      : ` (through ${through.map((each) => `\`${each.name || 'a function'}\``).join(', ')})`
  const path: FindingStep[] = [
    {
      location: locate(repetition.within.module, repetition.collection ?? repetition.span),
      message: 'goes through these',
    },
    { location: locate(module, place.node), message: 'once for each' },
  ]
  if (through.length > 0)
    path.push({
      location: locate(operation.place.within.module, operation.call),
      message: `${what} is asked here`,
    })
  return {
    module,
    span: place.node,
    message: `${what} is ${operation.kind === 'http' ? 'made' : 'asked'} once for ${over}${by}.`,
    path,
  }
}

export function describe(operation: Operation): string {
  if (operation.kind === 'http') return 'A request'
  if (operation.entity === null || operation.entity.length > 40) return 'A query'
  return `\`${operation.entity}\``
}

export function short(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 57)}…` : line
}
