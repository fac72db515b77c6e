import type { Module } from './flow-graph/module.ts'
import type { Program } from './flow-graph/program.ts'

/** Lines beside the changed files themselves: more could not be followed while somebody waits. */
const LINES = 5_000
const REQUIRED = /\b(?:require|import)\s*\(\s*(['"])([^'"\n]{1,200})\1\s*\)/g

/** Which module imports which, by path. */
export class ImportGraph {
  readonly #program: Program
  readonly #imports = new Map<string, readonly string[]>()
  readonly #importers = new Map<string, string[]>()

  constructor(program: Program) {
    this.#program = program
    for (const module of program.modules) {
      const imports = this.#importsOf(module)
      this.#imports.set(module.path, imports)
      for (const path of imports) {
        const importers = this.#importers.get(path)
        if (importers === undefined) this.#importers.set(path, [module.path])
        else importers.push(module.path)
      }
    }
  }

  has(path: string): boolean {
    return this.#imports.has(path)
  }

  /**
   * The paths of modules that a change of some concerns most: themselves, those that `needed` names, then those that
   * they import and that import them, nearest first.
   */
  around(
    changed: readonly Module[],
    needed: readonly string[],
    modules: ReadonlyMap<string, Module>,
  ): ReadonlySet<string> {
    const chosen = new Set(changed.map(({ path }) => path))
    let left = LINES
    const take = (path: string): boolean => {
      const module = modules.get(path)
      if (module === undefined || module.test || chosen.has(path)) return false
      if (module.lineStarts.length > left) return false
      left -= module.lineStarts.length
      chosen.add(path)
      return true
    }
    const first = needed.filter(take)
    let up = changed.flatMap((module) => this.#importsOf(module))
    // Whoever uses what the values went through may give it others.
    let down = [...changed.map(({ path }) => path), ...first].flatMap(
      (path) => this.#importers.get(path) ?? [],
    )
    while (left > 0 && (up.length > 0 || down.length > 0)) {
      up = up.filter(take).flatMap((path) => this.#imports.get(path) ?? [])
      down = down.filter(take).flatMap((path) => this.#importers.get(path) ?? [])
    }
    return chosen
  }

  #importsOf(module: Module): readonly string[] {
    const sources = new Set<string>()
    for (const each of module.imports) if (!each.typeOnly) sources.add(each.source)
    for (const each of module.exports) if (each.source !== null) sources.add(each.source)
    for (const match of module.text.matchAll(REQUIRED)) sources.add(match[2] as string)
    const paths = new Set<string>()
    for (const source of sources) {
      const found = this.#program.resolveImport(module, source)
      if (found !== null && found.path !== module.path) paths.add(found.path)
    }
    return [...paths]
  }
}
