import type { Module } from '../flow-graph/module.ts'
import type { Skipped } from '../flow-graph/program.ts'

/** A source file as it is handed to a front end. */
export interface SourceFile {
  /** Relative to the checked folder, with `/`. */
  readonly path: string
  readonly text: string
  readonly test: boolean
}

/**
 * Reads one language. `parse` gives the file as a `Module`, or says why it was skipped; it never throws on bad input.
 * It must fill in every field that the types in flow-graph/ name except `Call.targets` and `Call.api`, which start
 * as [] and null: names bound to variables, functions listed outer before inner, calls of nested functions inside
 * their own `FunctionInfo`. Nesting deeper than 500 expressions is cut off as `unknown` without parts.
 */
export interface FrontEnd {
  readonly language: Module['language']
  /** With the dot, as `.ts`. */
  readonly extensions: readonly string[]
  parse(file: SourceFile): Module | Skipped
  /** Loads what parsing needs (a WebAssembly grammar); awaited once before the first `parse`. */
  prepare?(): Promise<void>
}
