import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { propertyOf } from '../../effects/chain.ts'
import type { Effects } from '../../effects/effects.ts'
import { writes } from '../../effects/operation.ts'
import { sqlOf } from '../../effects/recognise/sql-text.ts'
import type { Rule } from '../rule.ts'
import { disclosed } from './told-personal.ts'

/** Packages that lead to somebody else, and the methods that tell them something. */
const OTHERS: readonly [RegExp, RegExp][] = [
  [/^@slack\/(?:web-api|webhook|bolt)/, /^(?:postMessage|send|update|postEphemeral)$/],
  [/^@sentry\//, /^(?:setUser|setContext|setExtra|setExtras|captureMessage|setTag|addBreadcrumb)$/],
  [
    /^(?:@hubspot\/|intercom|@intercom\/|customerio-node|@zendesk\/|jsforce|airtable|@notionhq\/client|discord\.js|telegraf|@bugsnag\/|rollbar|logrocket)/,
    /^(?:create|update|upsert|identify|track|send|sendMessage|setUser|notify|createOrUpdate|basicApi)$/,
  ],
]

export const PERSONAL_DATA_TO_THIRD_PARTY: Rule = {
  info: {
    id: 'compliance/personal-data-to-third-party',
    title: 'Personal data goes to a third party',
    cwe: 'CWE-359',
    tags: ['GDPR Art. 5(1)(b)', 'GDPR Art. 28', 'GDPR Art. 44', 'CCPA §1798.100(d)', 'SOC 2 CC9.2'],
    severity: 'warning',
    help: 'Send an id or a keyed hash instead of who it is. Where they need the data itself: a processing agreement, the purpose in the privacy notice, and their name in the record of processing; then suppress this with that reason.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const { node } of places) {
        if (node.kind !== 'call') continue
        const sent = sentBy(node, within, effects)
        if (sent === null) continue
        for (const each of disclosed(sent.values, within, node, effects, {}))
          yield {
            module: each.module,
            span: each.span,
            path: each.path,
            message: `${each.what} goes to ${sent.to}.`,
          }
      }
    }
  },
}

function sentBy(
  call: Call,
  within: FunctionInfo,
  effects: Effects,
): { to: string; values: readonly Expression[] } | null {
  const { text } = effects.origins.of(call.callee, within)
  const name = text.split('.').at(-1) ?? ''
  for (const [packages, methods] of OTHERS)
    if (packages.test(text) && methods.test(name))
      return { to: (/^(?:@[\w-]+\/)?[\w-]+/.exec(text) ?? [''])[0], values: call.args }
  const operation = effects.operationAt(call, within)
  if (operation === null || operation.kind !== 'http' || !writes(operation)) return null
  const host = hostOf(`${baseOf(operation.chain.base, within, effects)}${operation.entity ?? ''}`)
  return host === null || operation.data === null ? null : { to: host, values: [operation.data] }
}

/** The address that an Axios client was made with. */
function baseOf(base: Expression, within: FunctionInfo, effects: Effects): string {
  const { expression, within: made } = effects.origins.of(base, within)
  if (expression?.kind !== 'call' || made === null) return ''
  return sqlOf(propertyOf(expression.args[0], 'baseURL', 'prefixUrl'), made, effects.origins) ?? ''
}

/** The host of an absolute address that is not one's own network; null otherwise. */
export function hostOf(url: string): string | null {
  const host = /^https?:\/\/([a-z0-9.-]+)/i.exec(url)?.[1]?.toLowerCase()
  if (host === undefined || !host.includes('.')) return null
  return /(?:^|\.)(?:localhost|local|internal|lan|svc|cluster|intranet)(?:\.|$)|^\d+\.\d+\.\d+\.\d+$/.test(
    host,
  )
    ? null
    : host
}
