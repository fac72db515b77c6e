import type { Call } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { propertyOf } from '../../effects/chain.ts'
import type { Effects } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'
import type { Category } from './inventory/entity.ts'
import { loggedInPython } from './python-logged.ts'
import { disclosed } from './told-personal.ts'

const METHODS = /^(?:log|info|debug|warn|error|trace|verbose|fatal|notice|silly|dir)$/
const LOGGERS =
  /^(?:pino|winston|bunyan|log4js|loglevel|signale|tslog|consola|@nestjs\/common\.Logger|type:(?:\w+\.)?(?:Logger|PinoLogger|FastifyBaseLogger|LoggerService|Log))\b/

/** What every server keeps of a request counts as traffic, not as a leak. */
const TRAFFIC: ReadonlySet<Category> = new Set<Category>(['IP address', 'user agent', 'location'])

export const PERSONAL_DATA_IN_LOG: Rule = {
  info: {
    id: 'compliance/personal-data-in-log',
    title: 'Personal data in a log',
    cwe: 'CWE-532',
    tags: ['GDPR Art. 5(1)(c)', 'GDPR Art. 32', 'CCPA §1798.100(c)', 'SOC 2 CC6.1', 'OWASP A09:2025'],
    severity: 'warning',
    help: 'Log the id instead. Logs are kept longer, copied further and read by more people than the table; an erasure never reaches them. Redact in the logger what must not slip through.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      if (within.module.language === 'python') {
        yield* loggedInPython(within, effects)
        continue
      }
      for (const { node } of places) {
        if (node.kind !== 'call' || !isLog(node, within, effects)) continue
        for (const each of disclosed(node.args, within, node, effects, { ignore: TRAFFIC, secrets: true }))
          yield {
            module: each.module,
            span: each.span,
            path: each.path,
            message: `${each.what} ends up in a log.`,
          }
      }
    }
  },
}

function isLog(call: Call, within: FunctionInfo, effects: Effects): boolean {
  if (call.callee.kind !== 'member' || !METHODS.test(call.callee.property ?? '')) return false
  const { object } = call.callee
  if (object.kind === 'name' && object.variable === null) return object.name === 'console'
  const origin = effects.origins.of(object, within)
  if (origin.expression?.kind === 'call' && propertyOf(origin.expression.args[0], 'redact') !== null)
    return false
  if (LOGGERS.test(origin.text)) return true
  const name = object.kind === 'name' ? object.name : object.kind === 'member' ? (object.property ?? '') : ''
  return /^_?(?:logger|log)$/.test(name)
}
