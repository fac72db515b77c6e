import type { Call } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Try } from '../../flow-graph/statements.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { isOneOff } from '../performance/query-in-loop.ts'
import type { Hit, Rule } from '../rule.ts'
import { isDeaf } from './deaf.ts'
import { swallowedInPython } from './python-swallowed.ts'
import { consequenceIn, nameFor, saysWhy } from './told.ts'

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
      if (module.test || !/\b(?:catch|except)\b|allSettled/.test(module.text)) continue
      const read = module.language === 'python' ? swallowedInPython : silent
      for (const within of module.functions) {
        for (const node of nodesIn(...within.body)) {
          if (node.kind !== 'try') continue
          const hit = read(node, within, effects)
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
