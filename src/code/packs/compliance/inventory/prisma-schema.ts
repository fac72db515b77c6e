import { entityKey } from '../../../effects/operation.ts'
import { type Draft, type Entity, entityOf, type Reference, textModule } from './entity.ts'

const MOST = 2_000_000
const LONGEST_MODEL = 50_000
const MOST_MODELS = 3_000

/** Models of a schema.prisma. https://www.prisma.io/docs/orm/reference/prisma-schema-reference */
export function readPrismaSchema(path: string, text: string): Entity[] {
  if (text.length > MOST) return []
  const module = textModule(path, text)
  const found: Entity[] = []
  for (const head of text.matchAll(/^[ \t]*model[ \t]+(\w+)[ \t]*\{/gm)) {
    const start = head.index + head[0].length
    if (found.length >= MOST_MODELS) break
    const rest = text.slice(start, start + LONGEST_MODEL)
    const end = rest.search(/\n(?:\}|[ \t]*model[ \t]+\w)/)
    const body = end === -1 ? rest : rest.slice(0, end)
    const name = head[1] as string
    const at = head.index + (head[0].length - head[0].trimStart().length)
    found.push(
      entityOf({
        name,
        names: [name, mapped(body)],
        ...fieldsOf(body),
        module,
        span: { at, end: start },
        by: 'prisma',
      }),
    )
  }
  return found
}

function mapped(body: string): string | null {
  return /@@map\(\s*(?:name:\s*)?"([^"]+)"/.exec(body)?.[1] ?? null
}

function fieldsOf(body: string): Pick<Draft, 'fields'> {
  const relations = new Map<string, Reference>()
  const names: string[] = []
  for (const line of body.split('\n')) {
    const [, name, type] = /^\s*(\w+)\s+(\w+)/.exec(line.replace(/\/\/.*$/, '')) ?? []
    if (name === undefined || type === undefined) continue
    const relation = /@relation\(([^)]*)\)/.exec(line.replaceAll(/"[^"]*"/g, '""'))?.[1]
    const keys = relation === undefined ? undefined : /fields:\s*\[([^\]]*)\]/.exec(relation)?.[1]
    if (keys !== undefined) {
      const action = /onDelete:\s*(\w+)/.exec(relation ?? '')?.[1]
      const optional = new RegExp(`^\\s*${name}\\s+${type}\\?`).test(line)
      const onDelete =
        action === 'Cascade'
          ? 'cascade'
          : action === 'SetNull'
            ? 'set null'
            : action === undefined && optional
              ? 'set null'
              : 'restrict'
      for (const key of keys.split(',')) relations.set(key.trim(), { target: entityKey(type), onDelete })
      continue
    }
    if (/^(?:[A-Z]\w*)$/.test(type) && !SCALARS.has(type) && /\[\]/.test(line)) continue
    names.push(name)
  }
  return { fields: names.map((name) => ({ name, references: relations.get(name) ?? null })) }
}

const SCALARS = new Set([
  'String',
  'Boolean',
  'Int',
  'BigInt',
  'Float',
  'Decimal',
  'DateTime',
  'Json',
  'Bytes',
])
