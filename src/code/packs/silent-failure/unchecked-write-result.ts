import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { propertyOf } from '../../effects/chain.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import type { Operation } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { nameFor, saysWhy } from './told.ts'

export const UNCHECKED_WRITE_RESULT: Rule = {
  info: {
    id: 'silent-failure/unchecked-write-result',
    title: 'A conditional update whose outcome nobody looks at',
    cwe: 'CWE-252',
    tags: ['CWE-362', 'SOC 2 PI1.3'],
    severity: 'warning',
    help: 'Look at how many rows changed (count, rowCount, affectedRows, modifiedCount) and stop when it is none: somebody else was faster, or the condition did not hold.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test) continue
      for (const within of module.functions)
        for (const operation of effects.operations(within)) {
          if (operation.kind !== 'database' || operation.access !== 'update') continue
          const condition = conditionOf(operation)
          if (condition === null || !isDropped(operation) || !goesOn(operation, within, effects)) continue
          if (saysWhy(within, operation.call.at - 160, operation.call.at)) continue
          yield hitOf(operation, condition, within)
        }
    }
  },
}

function hitOf(operation: Operation, condition: string, within: FunctionInfo): Hit {
  return {
    module: within.module,
    span: operation.call,
    message: `${nameFor(operation).replace(/^t/, 'T')} happens only while \`${condition}\` holds; whether it did is never looked at, and the code goes on as if.`,
  }
}

const KEY = /^(?:_?id|code|token|key|slug|uuid|sku|number|reference|handle)$/i

/** The column that is both a condition and changed, beside a key: a claim, a withdrawal, a version. */
function conditionOf(operation: Operation): string | null {
  if (operation.sql !== null) return ofSql(operation.sql)
  const where = keysOf(operation.where)
  const data = keysOf(operation.data ?? null)
  if (!/^(?:updateMany|updateOne|update)$/.test(nameOfCall(operation)) || where.length < 2) return null
  if (operation.library === 'prisma' && nameOfCall(operation) === 'update') return null
  if (!where.some((each) => KEY.test(each) && !isList(operation.where, each))) return null
  return where.find((each) => !KEY.test(each) && data.includes(each)) ?? null
}

/** `id: { in: […] }` names many: how many of them change says nothing. */
function isList(where: Expression | null, key: string): boolean {
  return propertyOf(where, key)?.kind === 'object'
}

function nameOfCall(operation: Operation): string {
  if (operation.library === 'knex') return 'update'
  return operation.call.kind === 'call' && operation.call.callee.kind === 'member'
    ? (operation.call.callee.property ?? '')
    : ''
}

function keysOf(expression: Expression | null): string[] {
  if (expression?.kind !== 'object') return []
  return expression.properties.flatMap((each) => {
    if (each.key === '$set' || each.key === '$inc') return keysOf(each.value)
    return each.key === null || each.spread ? [] : [each.key]
  })
}

function ofSql(sql: string): string | null {
  if (/\breturning\b/i.test(sql)) return null
  const parts = /^\s*update\s+\S+\s+(?:as\s+\w+\s+)?set\s+([\s\S]*?)\swhere\s+([\s\S]*)$/i.exec(sql)
  if (parts === null) return null
  const set = [...(parts[1] as string).matchAll(/(?:^|,)\s*"?(\w+)"?\s*=/g)].map((each) =>
    (each[1] as string).toLowerCase(),
  )
  const where = [
    ...(parts[2] as string).matchAll(/(?:^|\band\s+|\(\s*)"?(\w+)"?\s*(?:=|<|>|!=|is\b|in\b)/gi),
  ].map((each) => (each[1] as string).toLowerCase())
  if (where.length < 2 || !where.some((each) => KEY.test(each))) return null
  return where.find((each) => !KEY.test(each) && set.includes(each)) ?? null
}

/** Whether the count that the update gives is thrown away. */
function isDropped(operation: Operation): boolean {
  const { around } = operation.place
  const last = around.findLast((each) => each.kind !== 'await')
  return last?.kind === 'expression'
}

/** Whether something follows that only makes sense if the update happened. */
function goesOn(operation: Operation, within: FunctionInfo, effects: Effects): boolean {
  for (const node of nodesIn(...within.body)) {
    if (node.at < operation.place.node.end) continue
    if (node.kind === 'return' && node.value !== null) return true
    if (node.kind === 'call' || node.kind === 'assign') return effects !== null
  }
  return false
}
