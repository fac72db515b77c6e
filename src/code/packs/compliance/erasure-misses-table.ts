import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import { writes } from '../../effects/operation.ts'
import type { Hit, Rule } from '../rule.ts'
import { empties, isDeletion } from './forgetting.ts'
import { type Entity, isPerson } from './inventory/entity.ts'
import { inventoryOf } from './inventory/inventory.ts'

const NAMED =
  /(?:erase|delete|remove|forget|purge|destroy|wipe|anonymi[sz]e|close).*(?:user|account|customer|member|me|mydata|data|person|profile|patient|subscriber)s?(?:$|by|with|and|in|from|data|handler)|gdpr|^forget(?:me)?$|erasure/i

export const ERASURE_MISSES_TABLE: Rule = {
  info: {
    id: 'compliance/erasure-misses-table',
    title: 'Erasing a person leaves some of their data behind',
    cwe: null,
    tags: ['GDPR Art. 17(1)', 'CCPA §1798.105(c)', 'SOC 2 P4.3'],
    severity: 'warning',
    help: 'Delete the rows of this person there as well, in the same transaction, or let the foreign key cascade; what a law makes you keep is kept without what names the person.',
  },
  *find(effects) {
    const { entities } = inventoryOf(effects)
    for (const module of effects.program.modules) {
      if (module.test) continue
      for (const within of module.functions) {
        if (within.form === 'module' || !NAMED.test(within.name)) continue
        const hit = missed(within, entities, effects)
        if (hit !== null) yield hit
      }
    }
  },
}

function missed(within: FunctionInfo, entities: readonly Entity[], effects: Effects): Hit | null {
  const inventory = inventoryOf(effects)
  const gone = new Set<Entity>()
  let root: Entity | null = null
  for (const { operation } of effects.reached(within)) {
    if (operation.kind !== 'database') continue
    const entity = inventory.of(operation)
    if (entity === null) {
      if (operation.access === 'delete') return null
      continue
    }
    if (!isDeletion(operation, entity) && !empties(operation, entity)) continue
    gone.add(entity)
    if (isRoot(entity) && (root === null || entity.name.length < root.name.length)) root = entity
  }
  if (root === null || root.deletesOthers || isDynamic(within, effects)) return null
  const kept = entities.filter((each) => !gone.has(each) && each !== root && survives(each, root))
  const [first] = kept
  if (first === undefined) return null
  const names = kept.slice(0, 4).map((each) => `\`${each.name}\``)
  const { module } = within
  return {
    module,
    span: headOf(within),
    message: `\`${within.name}\` erases \`${root.name}\`, but not what belongs to the person in ${names.join(', ')}.`,
    path: kept
      .slice(0, 4)
      .map((each) => ({ location: placeOf(each), message: `${personalFields(each)} stays` })),
  }
}

function placeOf(entity: Entity): NonNullable<Hit['path']>[number]['location'] {
  const before = entity.module.text.slice(0, entity.span.at)
  const line = before.split('\n').length
  const column = entity.span.at - before.lastIndexOf('\n')
  return { path: entity.module.path, line, column, endLine: line, endColumn: column }
}

function personalFields(entity: Entity): string {
  return [...entity.fields.values()]
    .filter((each) => each.category !== null)
    .map((each) => `\`${each.name}\``)
    .slice(0, 3)
    .join(', ')
}

function headOf(within: FunctionInfo): { at: number; end: number } {
  const { text } = within.module
  const brace = text.indexOf('{', within.at)
  return { at: within.at, end: brace === -1 || brace > within.end ? within.end : brace }
}

/** The record of the person itself: named for a person, and pointing to nobody. */
function isRoot(entity: Entity): boolean {
  if (![...entity.keys].some(isPerson)) return false
  return ![...entity.fields.values()].some(
    (each) =>
      each.references !== null && (each.references.target === null || isPerson(each.references.target)),
  )
}

/** Whether rows of a model hold personal data of a root's person and stay when the root goes. */
function survives(entity: Entity, root: Entity): boolean {
  if (!entity.personal || entity.expires) return false
  if (![...entity.fields.values()].some((each) => each.category !== null && each.category !== 'user agent'))
    return false
  const links = [...entity.fields.values()].flatMap((each) => {
    if (each.references === null) return []
    const { target } = each.references
    const points =
      target === null
        ? root.keys.has(
            each.name
              .replace(/_?[iI][dD]$/, '')
              .replace(/_/g, '')
              .toLowerCase(),
          )
        : root.keys.has(target)
    return points ? [each.references.onDelete] : []
  })
  return links.length > 0 && links.every((each) => each === 'none' || each === 'set null')
}

/** A model that is named only at run time, or a deletion that is left to somebody else. */
function isDynamic(within: FunctionInfo, effects: Effects): boolean {
  for (const node of nodesIn(...within.body)) {
    if (node.kind !== 'call' || node.callee.kind !== 'member') continue
    if (
      node.callee.object.kind === 'member' &&
      node.callee.object.property === null &&
      /^delete|^destroy/.test(node.callee.property ?? '')
    )
      return true
    if (/^(?:emit|publish|dispatch|enqueue)$/.test(node.callee.property ?? '')) return true
  }
  return effects.reached(within).some((each) => each.operation.kind === 'queue' && writes(each.operation))
}
