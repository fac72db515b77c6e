import { entityKey } from '../../../effects/operation.ts'
import { type Entity, entityOf, type Reference, textModule } from './entity.ts'

const MOST = 2_000_000
const LONGEST_TABLE = 20_000
const MOST_TABLES = 5_000

/** Tables of a SQL file: every CREATE TABLE in it, in any of the usual dialects. */
export function readSqlSchema(path: string, text: string): Entity[] {
  if (text.length > MOST) return []
  const module = textModule(path, text)
  const found: Entity[] = []
  for (const head of text.matchAll(
    /\bcreate\s+(?:temp(?:orary)?\s+|unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([\w."`[\]]+)\s*\(/gi,
  )) {
    if (found.length >= MOST_TABLES) break
    const start = head.index + head[0].length
    const parts = columnsOf(text, start)
    const name = (head[1] as string).replace(/["`[\]]/g, '').replace(/^.*\./, '')
    const references = foreignKeys(parts)
    const fields = parts.flatMap((part) => {
      const [, column, rest] = /^\s*["`[]?(\w+)["`\]]?\s+([\s\S]*)$/.exec(part) ?? []
      if (
        column === undefined ||
        /^(?:constraint|primary|foreign|unique|check|key|index|exclude|like|fulltext)$/i.test(column)
      )
        return []
      return [{ name: column, references: references.get(column.toLowerCase()) ?? referenceIn(rest ?? '') }]
    })
    found.push(
      entityOf({ name, names: [name], fields, module, span: { at: head.index, end: start }, by: 'sql' }),
    )
  }
  return found
}

/** The parts between the parentheses that open before `start`, split at their own commas. */
function columnsOf(text: string, start: number): string[] {
  const parts: string[] = []
  let depth = 0
  let from = start
  const last = Math.min(text.length, start + LONGEST_TABLE)
  for (let at = start; at < last; at++) {
    const sign = text[at]
    if (sign === "'") at = Math.max(at, text.indexOf("'", at + 1))
    else if (sign === '-' && text[at + 1] === '-') {
      const line = text.indexOf('\n', at)
      at = line === -1 ? text.length : line
    } else if (sign === '(') depth++
    else if (sign === ')') {
      if (depth === 0) {
        parts.push(text.slice(from, at))
        break
      }
      depth--
    } else if (sign === ',' && depth === 0) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return parts.map((each) => each.replace(/--[^\n]*/g, ''))
}

function referenceIn(rest: string): Reference | null {
  const target = /\breferences\s+["`[]?([\w.]+)/i.exec(rest)?.[1]
  return target === undefined ? null : { target: entityKey(target), onDelete: onDelete(rest) }
}

function onDelete(text: string): Reference['onDelete'] {
  const action = /\bon\s+delete\s+(cascade|set\s+null|set\s+default|restrict|no\s+action)/i
    .exec(text)?.[1]
    ?.toLowerCase()
  if (action === 'cascade') return 'cascade'
  return action?.startsWith('set') === true ? 'set null' : 'restrict'
}

function foreignKeys(parts: readonly string[]): ReadonlyMap<string, Reference> {
  const found = new Map<string, Reference>()
  for (const part of parts) {
    const [, columns, target] =
      /\bforeign\s+key\s*\(([^)]*)\)\s*references\s+["`[]?([\w.]+)/i.exec(part) ?? []
    if (columns === undefined || target === undefined) continue
    for (const column of columns.split(','))
      found.set(column.replace(/["`[\]\s]/g, '').toLowerCase(), {
        target: entityKey(target),
        onDelete: onDelete(part),
      })
  }
  return found
}
