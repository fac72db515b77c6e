import type { Call, Expression, Template } from '../flow-graph/expressions.ts'
import type { Place } from './bindings.ts'
import type { Chain, Link } from './chain.ts'

export type Access = 'read' | 'count' | 'insert' | 'update' | 'delete' | 'begin' | 'commit' | 'rollback'

/** What a call does outside the process. */
export interface Operation {
  readonly kind: 'database' | 'http' | 'payment' | 'mail' | 'queue' | 'storage' | 'model' | 'file'
  readonly access: Access
  /** `prisma`, `mongoose`, `sql` …; for others the package. */
  readonly library: string
  /** The table, model or entity as it is named in the code; null when unknown. */
  readonly entity: string | null
  /** The expression that names it, for libraries whose tables are values. */
  readonly entityValue: Expression | null
  /** Whether it may give any number of rows. */
  readonly many: boolean
  /** Whether it blocks instead of giving a promise. */
  readonly sync: boolean
  readonly place: Place<Call | Template>
  /** The call that names the operation, inside the chain. */
  readonly call: Call | Template
  readonly chain: Chain
  /** Links after the naming call, without `then`, `catch`, `finally`. */
  readonly after: readonly Link[]
  /** The statement as text, `?` where values are put in. */
  readonly sql: string | null
  readonly where: Expression | null
  readonly data: Expression | null
  /** The first argument's options object, where there is one. */
  readonly options: Expression | null
}

export function writes(operation: Operation): boolean {
  return operation.access === 'insert' || operation.access === 'update' || operation.access === 'delete'
}

/** Name of a table or model as it is compared: `OrderLine`, `order_lines`, `orderLines` are one. */
export function entityKey(name: string): string {
  const plain = name
    .replace(/^.*\./, '')
    .replace(/["'`[\]]/g, '')
    .replace(/(?:Model|Entity|Repository|Table|Schema)$/, '')
    .replace(/_/g, '')
    .toLowerCase()
  if (plain.endsWith('ies')) return `${plain.slice(0, -3)}y`
  if (/(?:ss|x|ch|sh)es$/.test(plain)) return plain.slice(0, -2)
  return plain.endsWith('s') && !plain.endsWith('ss') ? plain.slice(0, -1) : plain
}
