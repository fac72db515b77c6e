import type { Module } from '../flow-graph/module.ts'
import type { PackageInfo } from '../flow-graph/program.ts'
import { resolvePythonImport } from '../front-ends/python/resolve-import.ts'
import { join, type PathAliases } from './path-aliases.ts'

const EXTENSIONS = ['', '.ts', '.tsx', '.js', '.jsx', '.mjs', '.cjs', '.mts', '.cts', '.py']
const INDEXES = [
  '/index.ts',
  '/index.tsx',
  '/index.js',
  '/index.jsx',
  '/index.mjs',
  '/index.cjs',
  '/__init__.py',
]

/** Finds modules by what an import says, with the files that are there alone: nothing needs to be installed. */
export class ModuleIndex {
  readonly #byPath: ReadonlyMap<string, Module>
  readonly #packages: readonly PackageInfo[]
  readonly #aliases: readonly PathAliases[]
  readonly #known = new Map<string, Module | null>()

  constructor(modules: readonly Module[], packages: readonly PackageInfo[], aliases: readonly PathAliases[]) {
    this.#byPath = new Map(modules.map((each) => [each.path, each]))
    this.#packages = packages
    this.#aliases = aliases
  }

  resolve(from: Module, source: string): Module | null {
    const folder = from.path.includes('/') ? from.path.slice(0, from.path.lastIndexOf('/')) : ''
    const key = `${folder}\n${source}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const found =
      from.language === 'python'
        ? this.#plainPath(resolvePythonImport(from.path, source, (path) => this.#byPath.has(path)))
        : this.#resolve(folder, source)
    this.#known.set(key, found)
    return found
  }

  /** The package that a file belongs to: the innermost package.json above it. */
  packageOf(path: string): PackageInfo | null {
    let best: PackageInfo | null = null
    for (const each of this.#packages) {
      if (each.folder === '' || path.startsWith(`${each.folder}/`)) best = each
    }
    return best
  }

  /** The modules that a package's `main`, `exports` and so on lead to, or its index when they name built files. */
  entriesOf(info: PackageInfo): readonly Module[] {
    const found = info.entries.flatMap((entry) => {
      if (entry.includes('*')) return []
      const path = join(info.folder, entry)
      return this.#fileOrSource(path) ?? []
    })
    if (found.length > 0) return [...new Set(found)]
    for (const name of [
      'index',
      'src/index',
      'lib/index',
      'main',
      'src/main',
      `src/${info.name ?? 'index'}`,
      info.name ?? 'index',
      `lib/${info.name ?? 'index'}`,
    ]) {
      const index = this.#file(join(info.folder, name))
      if (index !== null) return [index]
    }
    return []
  }

  #resolve(folder: string, source: string): Module | null {
    if (source.startsWith('.')) return this.#fileOrSource(join(folder, source))
    if (source.startsWith('/')) return null
    for (const alias of this.#aliases) {
      if (alias.folder !== '' && folder !== alias.folder && !folder.startsWith(`${alias.folder}/`)) continue
      for (const { from, to } of alias.paths) {
        const star = from.indexOf('*')
        const rest =
          star < 0
            ? source === from
              ? ''
              : null
            : between(source, from.slice(0, star), from.slice(star + 1))
        if (rest === null) continue
        for (const each of to) {
          const found = this.#file(each.replace('*', rest))
          if (found !== null) return found
        }
      }
      const based = alias.base === null ? null : this.#file(join(alias.base, source))
      if (based !== null) return based
    }
    if (/^[@~#]\//.test(source)) {
      const root = this.packageOf(`${folder}/x`)?.folder ?? ''
      const rest = source.slice(2)
      return (
        this.#file(join(root, `src/${rest}`)) ??
        this.#file(join(root, rest)) ??
        this.#file(join(root, `app/${rest}`))
      )
    }
    return this.#workspace(source)
  }

  #workspace(source: string): Module | null {
    for (const info of this.#packages) {
      if (info.name === null || (source !== info.name && !source.startsWith(`${info.name}/`))) continue
      const rest = source.slice(info.name.length + 1)
      if (rest === '') return this.entriesOf(info)[0] ?? null
      return this.#file(join(info.folder, rest)) ?? this.#file(join(info.folder, `src/${rest}`))
    }
    return null
  }

  /** What is not there because nobody has built it is read where it is made from. */
  #fileOrSource(path: string): Module | null {
    const source = path.replace(/(^|\/)(?:dist|lib|build|out|es|esm|cjs)\//, '$1src/')
    return this.#file(path) ?? (source === path ? null : this.#file(source))
  }

  #file(path: string): Module | null {
    for (const extension of EXTENSIONS) {
      const found = this.#byPath.get(path + extension)
      if (found !== undefined) return found
    }
    // TypeScript imports `./x.js` for `./x.ts`.
    const bare = path.replace(/\.([mc]?)jsx?$/, '')
    if (bare !== path)
      for (const extension of ['.ts', '.tsx', '.mts', '.cts']) {
        const found = this.#byPath.get(bare + extension)
        if (found !== undefined) return found
      }
    for (const index of INDEXES) {
      const found = this.#byPath.get(path === '' ? index.slice(1) : path + index)
      if (found !== undefined) return found
    }
    const info = this.#packages.find((each) => each.folder === path && path !== '')
    const main = info?.entries[0]
    return info !== undefined && main !== undefined && join(path, main) !== path
      ? this.#plain(join(path, main))
      : null
  }

  #plainPath(path: string | null): Module | null {
    return path === null ? null : (this.#byPath.get(path) ?? null)
  }

  #plain(path: string): Module | null {
    for (const suffix of [...EXTENSIONS, ...INDEXES]) {
      const found = this.#byPath.get(path + suffix)
      if (found !== undefined) return found
    }
    return null
  }
}

function between(text: string, before: string, after: string): string | null {
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after)
    ? text.slice(before.length, text.length - after.length)
    : null
}
