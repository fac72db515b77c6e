import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Loop, Statement } from '../../flow-graph/statements.ts'
import { boundNames } from '../../effects/bindings.ts'
import { type Effects, mentions, nodesIn } from '../../effects/effects.ts'
import { sizeOf } from '../../effects/sizes.ts'
import { writes } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'

const ENOUGH = 3

export const SEQUENTIAL_AWAITS: Rule = {
  info: {
    id: 'performance/sequential-awaits',
    title: 'Independent requests wait for one another',
    cwe: null,
    tags: [],
    severity: 'note',
    help: 'Start them together and wait for all: Promise.all([...]); with many, a few at a time.',
  },
  *find(effects) {
    for (const within of effects.onRequestPath) {
      for (const body of bodiesOf(within)) {
        const hit = row(body, within, effects)
        if (hit !== null) yield hit
      }
      for (const node of nodesIn(...within.body)) {
        if (node.kind !== 'loop') continue
        const hit = oneByOne(node, within, effects)
        if (hit !== null) yield hit
      }
    }
  },
}

function* bodiesOf(within: FunctionInfo): Iterable<readonly Statement[]> {
  yield within.body
  for (const node of nodesIn(...within.body)) {
    if (node.kind === 'try' || node.kind === 'block') yield node.body
    else if (node.kind === 'if') {
      yield node.then
      yield node.otherwise
    }
  }
}

/** Three awaited reads in a row over the network, none of which needs another. */
function row(body: readonly Statement[], within: FunctionInfo, effects: Effects): Hit | null {
  let run: { names: Set<Variable>; spans: Expression[] } = { names: new Set(), spans: [] }
  for (const statement of [...body, null]) {
    const awaited =
      statement?.kind === 'declare' &&
      statement.value?.kind === 'await' &&
      statement.value.value.kind === 'call'
        ? statement.value.value
        : null
    const goesOn =
      awaited !== null &&
      onlyReads(awaited, within, effects) &&
      !mentions(awaited, (variable) => run.names.has(variable))
    if (goesOn && statement?.kind === 'declare') {
      for (const { variable } of boundNames(statement.target)) run.names.add(variable)
      run.spans.push(awaited)
      continue
    }
    if (run.spans.length >= ENOUGH) {
      const second = run.spans[1] as Expression
      return {
        module: within.module,
        span: second,
        message: `${run.spans.length} requests that do not need one another are made one after the other.`,
      }
    }
    run = { names: new Set(), spans: [] }
  }
  return null
}

function onlyReads(call: Call, within: FunctionInfo, effects: Effects): boolean {
  const places = (effects.bindings.calls.get(within) ?? []).filter((each) => each.node === call)
  const reached = places.flatMap((place) => effects.effectsOf(place))
  return (
    reached.length > 0 &&
    reached.every(
      (each) => !writes(each.operation) && !/^(?:begin|commit|rollback)$/.test(each.operation.access),
    ) &&
    reached.some((each) => each.operation.kind === 'http')
  )
}

/** A loop over a few that waits for a read of each and only collects the answers. */
function oneByOne(loop: Loop, within: FunctionInfo, effects: Effects): Hit | null {
  if (loop.form !== 'of' || loop.awaits || loop.iterable === null || loop.target === null) return null
  if (!/^(?:small|page)$/.test(sizeOf(loop.iterable, within, effects))) return null
  let request: Call | null = null
  for (const node of nodesIn(...loop.body)) {
    if (/^(?:break|return|throw|try|if|continue)$/.test(node.kind)) return null
    if (node.kind === 'assign' && node.target.kind === 'name') return null
    if (node.kind === 'await' && node.value.kind === 'call') {
      const reached = (effects.bindings.calls.get(within) ?? [])
        .filter((each) => each.node === node.value)
        .flatMap((place) => effects.effectsOf(place))
      if (reached.length === 0) continue
      if (!onlyReads(node.value, within, effects)) return null
      request ??= node.value
    }
    if (
      node.kind === 'call' &&
      node.callee.kind === 'name' &&
      /sleep|delay|wait|throttle|limit/i.test(node.callee.name)
    )
      return null
  }
  if (request === null) return null
  return {
    module: within.module,
    span: request,
    message: 'Each request of the loop waits for the one before, though none needs another.',
  }
}
