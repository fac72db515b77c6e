import type { Expression } from '../../flow-graph/expressions.ts'
import type { Link } from '../chain.ts'
import type { Access, Operation } from '../operation.ts'

/** What one library's reader makes of a chain; `at` is the link that names the operation. */
export interface Found {
  readonly kind: Operation['kind']
  readonly access: Access
  readonly library: string
  readonly entity?: string | null
  readonly entityValue?: Expression | null
  readonly many?: boolean
  readonly sync?: boolean
  readonly sql?: string | null
  readonly at: number
  readonly where?: Expression | null
  readonly data?: Expression | null
  readonly options?: Expression | null
}

/** Which packages the program names; a shape alone counts only beside the package that has it. */
export type Uses = (name: string) => boolean

export function argument(link: Link | undefined, index = 0): Expression | null {
  return link?.call?.args[index] ?? null
}

export function nameOf(expression: Expression | null): string | null {
  if (expression === null) return null
  if (expression.kind === 'name') return expression.name
  return expression.kind === 'member' ? expression.property : null
}
