import type { Call, Expression } from './expressions.ts'
import type { FunctionInfo } from './functions.ts'
import type { Module } from './module.ts'

/** What a package.json says that matters to the analysis. */
export interface PackageInfo {
  /** Folder of its package.json, relative to the checked folder; '' for the root. */
  readonly folder: string
  readonly name: string | null
  /** Names in dependencies, devDependencies, peerDependencies, optionalDependencies. */
  readonly dependencies: ReadonlySet<string>
  /** Files that its `main`, `module`, `exports` and `bin` name, as they stand there. */
  readonly entries: readonly string[]
  readonly bins: readonly string[]
  /** Whether others install it: it has an entry, is not private, and nothing in it starts a server. */
  readonly library: boolean
}

/** A file that was left out, and why, in words for people. */
export interface Skipped {
  readonly path: string
  readonly reason: string
}

/** Everything that was read, with calls resolved: what packs look at. */
export interface Program {
  readonly modules: readonly Module[]
  readonly packages: readonly PackageInfo[]
  readonly skipped: readonly Skipped[]
  /** Other text files that packs may read (`schema.prisma`, `.sql`, `.yaml`), by relative path. */
  readonly texts: ReadonlyMap<string, string>
  /** The module that an import of `source` in `from` leads to; null when outside the program. */
  resolveImport(from: Module, source: string): Module | null
  /** Constant string value of an expression: literals, templates and `+` of constants, constants of other files. */
  constantOf(expression: Expression, within: FunctionInfo): string | null
  /** Functions of the program that call this one, with the calls. */
  callersOf(target: FunctionInfo): readonly CallSite[]
}

export interface CallSite {
  readonly caller: FunctionInfo
  readonly call: Call
}
