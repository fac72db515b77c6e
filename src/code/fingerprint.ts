import { createHash } from 'node:crypto'
import { type Module, textOf } from './flow-graph/module.ts'
import type { Span } from './flow-graph/expressions.ts'

/**
 * Names a finding by its rule, its file and the code it lies on, so that it is known again when lines move.
 * `occurrence` tells apart findings of one rule on equal code in one file, in the order of their places.
 */
export function fingerprintOf(rule: string, module: Module, span: Span, occurrence = 0): string {
  const code = textOf(module, span).replace(/\s+/g, ' ').slice(0, 400)
  return createHash('sha256')
    .update(`${rule}\n${module.path}\n${code}\n${occurrence}`)
    .digest('hex')
    .slice(0, 24)
}
