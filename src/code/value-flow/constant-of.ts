import type { Expression } from '../flow-graph/expressions.ts'
import type { FunctionInfo } from '../flow-graph/functions.ts'
import type { Analysis } from './analysis.ts'
import { Environment } from './environment.ts'
import { PART, type Run } from './run.ts'

/** The constant text of an expression, as far as the analysis knows one; in a function, of what does not change. */
export function constantOf(analysis: Analysis, expression: Expression, within: FunctionInfo): string | null {
  if (expression.kind === 'literal') return typeof expression.value === 'string' ? expression.value : null
  if (expression.kind === 'name' && expression.variable !== null) {
    if (expression.variable.assigned > 0) return null
    const held = analysis.conditions.get(expression.variable)
    if (held !== undefined && held !== expression)
      return constantOf(analysis, held, expression.variable.owner)
  }
  if (
    expression.kind !== 'name' &&
    expression.kind !== 'member' &&
    expression.kind !== 'binary' &&
    expression.kind !== 'template'
  )
    return null
  const env = new Environment()
  const run: Run = {
    analysis,
    fn: within,
    module: within.module,
    summary: analysis.summaryOf(within),
    env,
    exits: [],
    depth: 100,
    loops: 0,
    top: env,
    shared: true,
  }
  const value = PART.evaluate(run, expression)
  return typeof value.constant === 'string' ? value.constant : null
}
