import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import type { Effects } from '../../effects/effects.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Hit, Rule } from '../rule.ts'
import { type Answer, answerOf, blocksOf, consequenceIn, nameFor, saysWhy } from './told.ts'

export const ANSWER_BEFORE_WRITE: Rule = {
  info: {
    id: 'silent-failure/answer-before-write',
    title: 'Success is answered before anything is written',
    cwe: 'CWE-393',
    tags: ['OWASP A10:2025', 'SOC 2 PI1.4'],
    severity: 'warning',
    help: 'Write first and answer then; or answer 202 and hand the work to a queue that keeps it.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test) continue
      for (const within of module.functions) {
        if (effects.answers(within) === null) continue
        for (const block of blocksOf(within)) {
          const hit = early(block, within, effects)
          if (hit !== null) yield hit
        }
      }
    }
  },
}

function early(block: readonly Statement[], within: FunctionInfo, effects: Effects): Hit | null {
  for (const [index, statement] of block.entries()) {
    const call = statement.kind === 'expression' ? callIn(statement.expression) : null
    const answer = call === null ? null : answerOf(call)
    if (answer === null || !claims(answer) || saysWhy(within, statement.at - 200, statement.end)) continue
    const rest = block.slice(index + 1)
    const found = consequenceIn(rest, within, effects)
    if (found === null) continue
    return {
      module: within.module,
      span: statement,
      message: `The client is told that it worked before ${nameFor(found.operation)} has happened.`,
    }
  }
  return null
}

function callIn(expression: Expression): Call | null {
  const inner = expression.kind === 'await' ? expression.value : expression
  return inner.kind === 'call' ? inner : null
}

/** An answer that says more than "received". */
function claims(answer: Answer): boolean {
  if (answer.status === 202 || (answer.status !== null && answer.status >= 300)) return false
  if (answer.status === 201 || answer.status === 204) return true
  const { body } = answer
  if (body?.kind !== 'object' || !/^(?:json|send)$/.test(answer.method)) return false
  return (
    body.properties.length > 0 &&
    !body.properties.some((each) =>
      /^(?:received|accepted|queued|pending|error|errors|acknowledged|ack|challenge|type)$/i.test(
        each.key ?? '',
      ),
    )
  )
}
