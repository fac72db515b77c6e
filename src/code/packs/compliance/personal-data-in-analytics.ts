import type { Rule } from '../rule.ts'
import { disclosed } from './told-personal.ts'
import { trackingOf } from './trackers.ts'

export const PERSONAL_DATA_IN_ANALYTICS: Rule = {
  info: {
    id: 'compliance/personal-data-in-analytics',
    title: 'Personal data in analytics',
    cwe: 'CWE-359',
    tags: ['GDPR Art. 5(1)(c)', 'GDPR Art. 25', 'CCPA §1798.100(c)', 'SOC 2 P4.1'],
    severity: 'warning',
    help: 'Count events under an id that means nothing to the service; leave names, addresses and dates of birth out of its properties.',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const { node } of places) {
        const tracking = node.kind === 'call' ? trackingOf(node, within, effects) : null
        if (tracking === null || node.kind !== 'call') continue
        for (const each of disclosed(node.args, within, node, effects, {}))
          yield {
            module: each.module,
            span: each.span,
            path: each.path,
            message: `${each.what} goes to ${tracking.service}.`,
          }
      }
    }
  },
}
