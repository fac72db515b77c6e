import type { Call } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Effects } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'
import { nameFor } from './told.ts'
import { writes } from '../../effects/operation.ts'

const VERIFIES = /^(?:jsonwebtoken|jwt)\.verify$|^(?:bcrypt|bcryptjs)\.compare$|\.(?:verify|authenticate)$/

export const IGNORED_CALLBACK_ERROR: Rule = {
  info: {
    id: 'silent-failure/ignored-callback-error',
    title: 'A callback that does not look at its error',
    cwe: 'CWE-391',
    tags: ['CWE-252', 'OWASP A10:2025'],
    severity: 'warning',
    help: 'Look at the error first: pass it on (next(err), callback(err), reject) or log it and answer that it failed. Or use the variant that gives a promise.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const { node } of places) {
        if (node.kind !== 'call') continue
        const callback = node.args.at(-1)
        if (callback?.kind !== 'function' || !ignores(callback.function, effects)) continue
        const what = whatFails(node, within, effects)
        if (what === null) continue
        yield {
          module: within.module,
          span: { at: node.at, end: Math.min(callback.at, node.at + 200) },
          message: `When ${what} fails, the callback goes on as if it had worked.`,
        }
      }
    }
  },
}

function ignores(target: FunctionInfo, effects: Effects): boolean {
  const [first] = target.params
  if (first?.pattern.kind !== 'name' || first.pattern.variable === null || target.body.length === 0)
    return false
  if (!/^_?(?:e|er|err|error)$/.test(first.pattern.name)) return false
  return (effects.bindings.reads.get(first.pattern.variable) ?? 0) === 0
}

function whatFails(call: Call, within: FunctionInfo, effects: Effects): string | null {
  const { text } = effects.origins.of(call.callee, within)
  if (VERIFIES.test(text)) return 'the check'
  const operation = effects.operationAt(call, within)
  if (operation === null)
    return /\.transport\.sendMail$|createTransport\(\)\.sendMail$/.test(text) ? 'the mail' : null
  if (operation.kind === 'file') return operation.access === 'insert' ? 'writing the file' : null
  return writes(operation) || operation.kind === 'mail' ? nameFor(operation) : null
}
