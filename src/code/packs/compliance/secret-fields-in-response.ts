import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { nodesIn } from '../../effects/effects.ts'
import { answerOf } from '../silent-failure/told.ts'
import type { Effects } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'
import { disclosed } from './told-personal.ts'

export const SECRET_FIELDS_IN_RESPONSE: Rule = {
  info: {
    id: 'compliance/secret-fields-in-response',
    title: 'Password hashes and tokens in an answer',
    cwe: 'CWE-201',
    tags: [
      'CWE-213',
      'GDPR Art. 25(2)',
      'GDPR Art. 32',
      'CCPA §1798.100(e)',
      'SOC 2 CC6.1',
      'OWASP API3:2023',
    ],
    severity: 'error',
    help: 'Select the fields that the client needs (select, attributes, columns, a DTO), or hide the secret ones in the model (select: false, @Exclude, toJSON).',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test) continue
      for (const within of module.functions)
        for (const [value, span] of answersOf(within, effects))
          for (const each of disclosed([value], within, span, effects, { onlySecrets: true }))
            yield {
              module: each.module,
              span: each.span,
              path: each.path,
              message: `${each.what} is sent to the client.`,
            }
    }
  },
}

function* answersOf(within: FunctionInfo, effects: Effects): Iterable<[Expression, Expression]> {
  for (const { node } of effects.bindings.calls.get(within) ?? []) {
    if (node.kind !== 'call') continue
    const answer = answerOf(node)
    if (answer !== null && answer.body !== null && /^(?:json|send|jsonp)$/.test(answer.method))
      yield [answer.body, node]
    const body = jsonResponse(node)
    if (body !== null) yield [body, node]
  }
  const handler = effects.handlers.get(within)
  if (handler === undefined || !/^(?:route|action)$/.test(handler.by)) return
  for (const node of nodesIn(...within.body))
    if (node.kind === 'return' && node.value !== null && !isAnswer(node.value)) yield [node.value, node.value]
}

function isAnswer(value: Expression): boolean {
  return value.kind === 'call' && (answerOf(value) !== null || jsonResponse(value) !== null)
}

function jsonResponse(call: Call): Expression | null {
  const { callee } = call
  if (callee.kind !== 'member' || callee.property !== 'json' || callee.object.kind !== 'name') return null
  return /^(?:Response|NextResponse)$/.test(callee.object.name) ? (call.args[0] ?? null) : null
}
