import type { Call } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Catch, Try } from '../../flow-graph/statements.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { isOneOff } from '../performance/query-in-loop.ts'
import type { Hit, Rule } from '../rule.ts'
import { caught, consequenceIn, isRead, mentionsAny, nameFor, saysWhy } from './told.ts'

export const SWALLOWED_ERROR: Rule = {
  info: {
    id: 'silent-failure/swallowed-error',
    title: 'An error that nobody will ever hear of',
    cwe: 'CWE-390',
    tags: ['CWE-391', 'OWASP A10:2025', 'SOC 2 CC7.2'],
    severity: 'warning',
    help: 'Let the error go up, or log it and give a result that says that it failed. When only one kind of error may be ignored, test for that kind and rethrow the rest.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || !/\bcatch\b|allSettled/.test(module.text)) continue
      for (const within of module.functions) {
        for (const node of nodesIn(...within.body)) {
          if (node.kind !== 'try') continue
          const hit = silent(node, within, effects)
          if (hit !== null) yield hit
        }
        if (module.text.includes('allSettled')) yield* settled(within, effects)
      }
    }
  },
}

function silent(attempt: Try, within: FunctionInfo, effects: Effects): Hit | null {
  const [clause] = attempt.catches
  if (clause === undefined || !isDeaf(clause, attempt, within, effects)) return null
  const found = consequenceIn(attempt.body, within, effects)
  if (found === null) return null
  return {
    module: within.module,
    span: { at: clause.at, end: Math.min(clause.end, clause.at + 60) },
    message: `When ${nameFor(found.operation)} fails, nobody hears of it: the error is dropped and the code goes on as if it had worked.`,
  }
}

/** Whether a catch neither passes the error on, nor tells anybody, nor changes what comes out. */
export function isDeaf(clause: Catch, attempt: Try, within: FunctionInfo, effects: Effects): boolean {
  if (clause.types.length > 0) return false
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

/** `await Promise.allSettled([…])` whose results nobody looks at. */
function* settled(within: FunctionInfo, effects: Effects): Iterable<Hit> {
  for (const statement of nodesIn(...within.body)) {
    if (statement.kind !== 'expression') continue
    const call: unknown =
      statement.expression.kind === 'await' ? statement.expression.value : statement.expression
    const made = call as Call
    if (made.kind !== 'call' || made.callee.kind !== 'member' || made.callee.property !== 'allSettled')
      continue
    if (saysWhy(within, statement.at - 200, statement.end)) continue
    const found = consequenceIn([statement], within, effects)
    // Whole pieces of work are often kept apart on purpose; a write that stands right there is not.
    if (found === null || found.through.length > 0 || isOneOff(within.module.path)) continue
    yield {
      module: within.module,
      span: statement,
      message: `Whether ${nameFor(found.operation)} worked is never looked at: allSettled does not throw.`,
      fix: 'Look for results with the status "rejected" and act on them, or use Promise.all.',
    }
  }
}
