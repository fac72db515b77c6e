import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Catch, Statement, Try } from '../../flow-graph/statements.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { propertyOf } from '../../effects/chain.ts'
import type { Hit, Rule } from '../rule.ts'
import { isDeaf } from './deaf.ts'
import { answerOf, blocksOf, claimsSuccess, consequenceIn, matters, nameFor } from './told.ts'

const FINAL =
  /^(?:paid|completed?|success|succeeded|done|sent|confirmed|shipped|captured|refunded|active|fulfilled|published|processed)$/i

export const SUCCESS_AFTER_FAILURE: Rule = {
  info: {
    id: 'silent-failure/success-after-failure',
    title: 'It failed, and the caller is told that it worked',
    cwe: 'CWE-393',
    tags: ['CWE-755', 'OWASP A10:2025', 'SOC 2 PI1.4'],
    severity: 'error',
    help: 'Leave in the catch: rethrow, answer with an error status, or give back that it failed. Set the final state only where it worked.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || !/\bcatch\b/.test(module.text)) continue
      for (const within of module.functions)
        for (const block of blocksOf(within))
          for (const [index, statement] of block.entries()) {
            if (statement.kind !== 'try' || statement.catches.length === 0) continue
            const hit = told(statement, block.slice(index + 1), within, effects)
            if (hit !== null) yield hit
          }
    }
  },
}

function told(attempt: Try, rest: readonly Statement[], within: FunctionInfo, effects: Effects): Hit | null {
  const [clause] = attempt.catches as readonly [Catch]
  // The other rule has it.
  if (isDeaf(clause, attempt, within, effects)) return null
  const found = consequenceIn(attempt.body, within, effects)
  if (found === null) return null
  const inside = claimIn(clause, attempt)
  const after = inside === null && fallsThrough(clause) ? claimAfter(rest, within, effects) : null
  if (inside === null && after === null) return null
  return {
    module: within.module,
    span: { at: clause.at, end: Math.min(clause.end, clause.at + 60) },
    message: `When ${nameFor(found.operation)} fails, the caller is still told that it worked.`,
  }
}

/** The clause itself gives the same success that the body gives. */
function claimIn(clause: Catch, attempt: Try): Statement | null {
  const last = clause.body.at(-1)
  const value = claimed(last)
  if (last === undefined || value === null) return null
  // A clause that looks at the error may have found that it is none.
  for (const node of nodesIn(...clause.body))
    if (node.kind === 'if' || node.kind === 'conditional') return null
  return attempt.body.some((each) => claimed(each) !== null) || value !== null ? last : null
}

function claimed(statement: Statement | undefined): Expression | null {
  const value =
    statement?.kind === 'return'
      ? statement.value
      : statement?.kind === 'expression'
        ? statement.expression
        : null
  if (value === null || value === undefined) return null
  if (claimsSuccess(value)) return value
  if (value.kind !== 'call') return null
  const answer = answerOf(value)
  if (answer !== null) {
    if (answer.status !== null && answer.status >= 300) return null
    return claimsSuccess(answer.body) || answer.status === 201 ? value : null
  }
  const [body, options] = value.args
  const json =
    value.callee.kind === 'member' &&
    value.callee.property === 'json' &&
    value.callee.object.kind === 'name' &&
    /^(?:Response|NextResponse)$/.test(value.callee.object.name)
  const status = propertyOf(options, 'status')
  return json &&
    claimsSuccess(body ?? null) &&
    (status === null || (status.kind === 'literal' && Number(status.value) < 300))
    ? value
    : null
}

/** Whether control goes on behind the try: nothing leaves, and nothing is kept that could tell. */
function fallsThrough(clause: Catch): boolean {
  for (const node of nodesIn(...clause.body)) {
    if (/^(?:return|throw|break|continue|assign|if)$/.test(node.kind)) return false
    if (node.kind === 'unary' && (node.operator === '++' || node.operator === '--')) return false
    if (node.kind === 'call') {
      const name =
        node.callee.kind === 'name'
          ? node.callee.name
          : node.callee.kind === 'member'
            ? (node.callee.property ?? '')
            : ''
      if (
        /^(?:set[A-Z]\w*|push|add|reject|next|exit|abort|rollback|fail\w*|redirect|notFound|json|send|status|sendStatus|end|mark\w*|update\w*|create|save|refund\w*)$/.test(
          name,
        )
      )
        return false
    }
  }
  return true
}

/** A claim of success, or a final state that is set, behind the try and on its own level. */
function claimAfter(rest: readonly Statement[], within: FunctionInfo, effects: Effects): Statement | null {
  for (const statement of rest) {
    if (claimed(statement) !== null) return statement
    if (statement.kind === 'if' || statement.kind === 'try' || statement.kind === 'switch') return null
    if (statement.kind === 'expression') {
      const { expression } = statement
      if (
        expression.kind === 'assign' &&
        expression.target.kind === 'member' &&
        /status|state/i.test(expression.target.property ?? '') &&
        isFinal(expression.value)
      )
        return statement
      const call = expression.kind === 'await' ? expression.value : expression
      const written = call.kind === 'call' ? effects.operationAt(call, within) : null
      if (
        written !== null &&
        written.kind === 'database' &&
        matters(written) &&
        call.kind === 'call' &&
        setsFinal(call.args)
      )
        return statement
    }
  }
  return null
}

function isFinal(value: Expression): boolean {
  return value.kind === 'literal' && typeof value.value === 'string' && FINAL.test(value.value)
}

function setsFinal(args: readonly Expression[]): boolean {
  for (const each of args)
    for (const node of nodesIn(each))
      if (
        node.kind === 'object' &&
        node.properties.some((one) => /^(?:status|state)$/.test(one.key ?? '') && isFinal(one.value))
      )
        return true
  return false
}
