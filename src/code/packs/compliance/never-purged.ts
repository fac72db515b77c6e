import type { Rule } from '../rule.ts'
import { anyOf, forgettingOf } from './forgetting.ts'
import { inventoryOf } from './inventory/inventory.ts'

export const NEVER_PURGED: Rule = {
  info: {
    id: 'compliance/never-purged',
    title: 'Deleted people are kept for ever',
    cwe: null,
    tags: ['GDPR Art. 17(1)', 'GDPR Art. 5(1)(e)', 'CCPA §1798.105(c)', 'SOC 2 P4.3', 'SOC 2 C1.2'],
    severity: 'warning',
    help: 'Add a job that deletes, or empties the personal fields of, rows whose mark of deletion is older than the time that the privacy notice gives.',
  },
  *find(effects) {
    const { deleted, anonymised, marked, dynamic } = forgettingOf(effects)
    if (dynamic) return
    for (const entity of inventoryOf(effects).entities) {
      if (!entity.personal || entity.softDelete === null || entity.expires) continue
      if (!anyOf(entity, marked) || anyOf(entity, deleted) || anyOf(entity, anonymised)) continue
      yield {
        module: entity.module,
        span: entity.span,
        message: `\`${entity.name}\` is only marked as deleted (\`${entity.softDelete}\`), and nothing ever takes its personal data away.`,
      }
    }
  },
}
