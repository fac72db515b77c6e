import { nodesIn } from '../../effects/effects.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Rule } from '../rule.ts'

export const UNAWAITED_COROUTINE: Rule = {
  info: {
    id: 'silent-failure/unawaited-coroutine',
    title: 'A coroutine that nobody awaits',
    cwe: 'CWE-252',
    tags: ['OWASP A10:2025'],
    severity: 'error',
    help: 'Await it. Work that is meant to go on alone is handed to asyncio.create_task, whose task is kept and whose failure is looked at.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || module.language !== 'python') continue
      for (const within of module.functions)
        for (const node of nodesIn(...within.body)) {
          if (node.kind !== 'expression' || node.expression.kind !== 'call') continue
          const call = node.expression
          const targets = effects.targets(call, within)
          if (call.construct || targets.length === 0 || !targets.every(isCoroutine)) continue
          yield {
            module,
            span: call,
            message: `\`${targets[0]?.name ?? ''}\` is never run: the call only makes a coroutine, and nobody awaits it.`,
          }
        }
    }
  },
}

/** What a decorator makes of a function may well be called without await. */
function isCoroutine(target: FunctionInfo): boolean {
  return (
    target.module.language === 'python' &&
    target.async &&
    !target.generator &&
    target.decorators.every(
      (each) => each.kind === 'name' && /^(?:staticmethod|classmethod|override)$/.test(each.name),
    )
  )
}
