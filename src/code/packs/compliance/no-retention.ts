import { isTrail } from './trail.ts'
import type { Rule } from '../rule.ts'
import { anyOf, forgettingOf } from './forgetting.ts'
import { inventoryOf } from './inventory/inventory.ts'

export const NO_RETENTION: Rule = {
  info: {
    id: 'compliance/no-retention',
    title: 'A trail of people that grows for ever',
    cwe: null,
    tags: ['GDPR Art. 5(1)(e)', 'GDPR Art. 13(2)(a)', 'CCPA §1798.100(a)(3)', 'SOC 2 P4.2', 'SOC 2 C1.2'],
    severity: 'note',
    help: 'Decide how long it is needed and delete what is older: a scheduled deleteMany, a TTL index, partitions that are dropped.',
  },
  *find(effects) {
    const { deleted, anonymised, written, dynamic } = forgettingOf(effects)
    if (dynamic) return
    for (const entity of inventoryOf(effects).entities) {
      if (!entity.personal || entity.expires || !isTrail(entity)) continue
      if (!anyOf(entity, written) || anyOf(entity, deleted) || anyOf(entity, anonymised)) continue
      // What goes with the person who goes is bounded by that.
      if ([...entity.fields.values()].some((each) => each.references?.onDelete === 'cascade')) continue
      const kinds = [...new Set([...entity.fields.values()].flatMap((each) => each.category ?? []))]
      yield {
        module: entity.module,
        span: entity.span,
        message: `\`${entity.name}\` collects ${kinds.slice(0, 3).join(', ')} with every use, and nothing ever deletes old rows.`,
      }
    }
  },
}
