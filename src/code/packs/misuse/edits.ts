import type { Effects } from '../../effects/effects.ts'
import type { CodeEdit } from '../../finding.ts'
import type { Span } from '../../flow-graph/expressions.ts'
import type { Module } from '../../flow-graph/module.ts'
import { optionOf, type Written } from './calls.ts'

/** Puts a text in place of a node. */
export function replaced(module: Module, span: Span, text: string): CodeEdit {
  return { path: module.path, at: span.at, end: span.end, text }
}

/** Sets a property of an object literal, where it stands or as the first one; null when something else may set it. */
export function withOption(effects: Effects, written: Written, name: string, text: string): CodeEdit | null {
  const known = optionOf(effects, written, name)
  if (known === 'unknown') return null
  if (known !== null) return replaced(known.within.module, known.value, text)
  const { object, within } = written
  const at = object.at + 1
  return { path: within.module.path, at, end: at, text: ` ${name}: ${text},` }
}
