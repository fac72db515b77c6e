import type { CompiledExpression } from './cel.ts'
import { compileExpression, ExpressionFault } from './cel.ts'
import type { Check, CheckSetup } from './check.ts'
import type { ApproverGroup } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** Tells a fault at a path; with `offset`, at a character of the text there. */
export type Report = (
  path: DocumentPath,
  code: string,
  expected: string,
  found: string,
  offset?: number,
) => void

/** What the entries of a policy have in common while they are compiled. */
export interface Compilation {
  readonly checks: ReadonlyMap<string, Check>
  readonly setup: CheckSetup
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly approvers: Readonly<Record<string, ApproverGroup>>
  /** Names of the providers that the policy declares or Belay knows. */
  readonly providers: ReadonlySet<string>
  readonly report: Report
  /** Every expression that compiled, with its place; for measures, history and lint. */
  readonly expressions: { readonly path: DocumentPath; readonly expression: CompiledExpression<unknown> }[]
}

/** What an expression may look at beside the action: a result only where there is one, history only before the action ran. */
export interface Sight {
  readonly result?: boolean
  readonly history?: boolean
}

/** Compiles the expression at a path. A fault is reported, and the answer is then `null`. */
export function compileAt(
  source: string,
  type: 'bool',
  path: DocumentPath,
  compilation: Compilation,
  sight?: Sight,
): CompiledExpression<boolean> | null
export function compileAt(
  source: string,
  type: 'strings',
  path: DocumentPath,
  compilation: Compilation,
  sight?: Sight,
): CompiledExpression<readonly string[]> | null
export function compileAt(
  source: string,
  type: 'bool' | 'strings',
  path: DocumentPath,
  { lists, report, expressions }: Compilation,
  { result = false, history = true }: Sight = {},
): CompiledExpression<unknown> | null {
  try {
    const expression =
      type === 'bool' ? compileExpression(source, 'bool', lists) : compileExpression(source, 'strings', lists)
    if (!result && expression.names.has('result'))
      report(
        path,
        'policy:expression',
        'no result: it is known only in undo.when and in rules under result',
        'result',
        source.indexOf('result'),
      )
    if (!history && expression.history.length > 0)
      report(path, 'policy:expression', 'no history here', 'history', expression.history[0]!.start)
    expressions.push({ path, expression })
    return expression
  } catch (error) {
    const offset = error instanceof ExpressionFault ? error.start : 0
    report(path, 'policy:expression', 'a CEL expression that can be evaluated', messageOf(error), offset)
    return null
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
