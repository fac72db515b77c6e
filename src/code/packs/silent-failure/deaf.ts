import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Catch, Try } from '../../flow-graph/statements.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { caught, isRead, mentionsAny, saysWhy } from './told.ts'

/** Whether a catch neither passes the error on, nor tells anybody, nor changes what comes out. */
export function isDeaf(clause: Catch, attempt: Try, within: FunctionInfo, effects: Effects): boolean {
  return clause.types.length === 0 && isDeafTo(clause, attempt, within, effects)
}

/** The same, whatever it catches. */
export function isDeafTo(clause: Catch, attempt: Try, within: FunctionInfo, effects: Effects): boolean {
  if (mentionsAny(clause.body, caught(clause.param))) return false
  if (saysWhy(within, clause.at, clause.end)) return false
  // The same clean-up that `finally` would do: best effort by its place.
  if (isInCleanUp(attempt, within)) return false
  for (const node of nodesIn(...clause.body)) {
    switch (node.kind) {
      case 'throw':
      case 'call':
      case 'break':
      case 'yield':
        return false
      case 'return':
        if (node.value !== null && !(node.value.kind === 'literal' && node.value.value === undefined))
          return false
        break
      case 'assign':
        if (
          node.target.kind !== 'name' ||
          node.target.variable === null ||
          isRead(node.target.variable, effects)
        )
          return false
        break
      case 'unary':
        if (node.operator === '++' || node.operator === '--') return false
        break
      default:
    }
  }
  return !resultTells(attempt)
}

/** `try { await save(); return true } catch {}`, with something else given after it. */
function resultTells(attempt: Try): boolean {
  for (const node of nodesIn(...attempt.body)) {
    if (node.kind === 'return' && node.value !== null) return true
    if (node.kind === 'break') return true
  }
  // A flag that is raised only when it worked.
  const last = attempt.body.at(-1)
  if (last?.kind !== 'expression' || attempt.body.length < 2) return false
  return last.expression.kind === 'assign' && last.expression.value.kind === 'literal'
}

function isInCleanUp(attempt: Try, within: FunctionInfo): boolean {
  if (
    /^(?:close|dispose|shutdown|cleanup|cleanUp|teardown|stop|destroy|disconnect|release|rollback|abort)/i.test(
      within.name,
    )
  )
    return true
  let found = false
  walkFunction(within, (node, around) => {
    if (node !== attempt) return
    for (const [index, each] of around.entries()) {
      if (each.kind !== 'try') continue
      const inner = around[index + 1] ?? attempt
      if (each.finally.some((one) => one === inner)) found = true
      if (each.catches.some((one) => one.body.some((statement) => statement === inner))) found = true
    }
  })
  return found
}
