import type { Variable } from '../flow-graph/functions.ts'
import type { Import, Module } from '../flow-graph/module.ts'
import type { Analysis } from './analysis.ts'
import { ofObject } from './load.ts'
import { pythonApi } from './python-names.ts'
import { PART, type Run } from './run.ts'
import { join, PLAIN, refValue, type Value } from './value.ts'

/** Other names of packages whose models we have. */
const ALIASES: Readonly<Record<string, string>> = {
  'fs/promises': 'fs.promises',
  'axios-retry': 'axios',
  'mysql2/promise': 'mysql2',
  'lodash-es': 'lodash',
  'child-process-promise': 'child_process',
  'mz/child_process': 'child_process',
  jade: 'pug',
  'pg-native': 'pg',
  'postgres-pool': 'pg',
  'node-uuid': 'uuid',
  'request-promise-any': 'request',
  'follow-redirects': 'http',
  'socket.io-client': 'socket.io',
  zx: 'zx',
  'path/posix': 'path',
  'sqlite3-offline': 'sqlite3',
  'drizzle-orm/pg-core': 'drizzle-orm',
  'drizzle-orm/sqlite-core': 'drizzle-orm',
  'drizzle-orm/node-postgres': 'drizzle-orm',
}

/** The package that an import names: `node:fs` is `fs`, `lodash/merge` is a member of `lodash`. */
export function apiOf(analysis: Analysis, source: string): Value {
  const bare = source.replace(/^node:/, '')
  const known = ALIASES[bare]
  if (known !== undefined) return refValue(analysis.api(known, known === 'fs.promises' ? '' : ''))
  const member = /^(lodash|lodash-es|underscore|validator|rxjs)\/(?:fp\/)?(\w+)(?:\.js)?$/.exec(bare)
  if (member !== null)
    return refValue(analysis.api((member[1] as string).replace('-es', ''), `.${member[2]}`))
  return refValue(analysis.api(bare, ''))
}

/** What `require(source)` gives. */
export function requiredValue(run: Run, source: string): Value {
  const module = run.analysis.index.resolve(run.module, source)
  if (module === null) return apiOf(run.analysis, source)
  ensureRead(run, module)
  const object = run.analysis.moduleObject(module)
  return ofObject(run, object.module, 'exports')
}

function ensureRead(run: Run, module: Module): void {
  const summary = run.analysis.summaryOf(module.main)
  if (summary.epoch === 0 && !summary.running && run.depth < 40)
    PART.read(run.analysis, module.main, run.depth + 1)
}

const importsOf = new WeakMap<Module, Map<Variable, Import>>()

/** The value of an imported name. */
export function importedModule(run: Run, variable: Variable): Value {
  const module = variable.owner.module
  let byVariable = importsOf.get(module)
  if (byVariable === undefined) {
    byVariable = new Map()
    for (const each of module.imports) if (each.variable !== null) byVariable.set(each.variable, each)
    importsOf.set(module, byVariable)
  }
  const found = byVariable.get(variable)
  return found === undefined || found.typeOnly
    ? PLAIN
    : importValue(run, module, found.source, found.imported)
}

function importValue(run: Run, from: Module, source: string, imported: string): Value {
  const module = run.analysis.index.resolve(from, source)
  if (module === null) {
    const api = from.language === 'python' ? pythonApi(run.analysis, source) : apiOf(run.analysis, source)
    const ref = api.refs[0]
    return imported === '*' || imported === 'default' || ref?.kind !== 'api'
      ? api
      : refValue(run.analysis.api(ref.package, `${ref.chain}.${imported}`))
  }
  ensureRead(run, module)
  const object = run.analysis.moduleObject(module)
  const exports = ofObject(run, object.module, 'exports')
  if (imported === '*') return exports
  let out = PLAIN
  for (const ref of exports.refs) {
    if (ref.kind === 'object') out = join(out, ofObject(run, ref, imported))
    else if (ref.kind === 'function' && imported !== 'default')
      out = join(out, ofObject(run, ref.own, imported))
    else if (ref.kind === 'class' && imported !== 'default')
      out = join(out, ofObject(run, ref.statics, imported))
  }
  // The default import of a CommonJS module is what it assigned to module.exports.
  return imported === 'default' && out === PLAIN ? exports : out
}

/** What a type's name means where it is written: a class of the program, or what a package makes. */
export function namedType(run: Run, type: string): Value {
  const name = /^(\w+)(?:<.*>)?$/s.exec(type.trim())?.[1]
  if (name === undefined) return PLAIN
  const { module } = run
  const own = module.classes.find((each) => each.name === name)
  if (own !== undefined) return refValue(run.analysis.classRef(own))
  const found = module.imports.find((each) => each.variable?.name === name)
  return found === undefined || found.imported === '*'
    ? PLAIN
    : importValue(run, module, found.source, found.imported)
}

/** Puts what a module exports into its exports object; after its top level has been read. */
export function collectExports(run: Run): void {
  const { exports } = run.analysis.moduleObject(run.module)
  for (const each of run.module.exports) {
    if (each.source !== null) {
      if (each.exported === '*') {
        const all = importValue(run, run.module, each.source, '*')
        for (const ref of all.refs)
          if (ref.kind === 'object' && ref !== exports && !exports.parents.includes(ref))
            exports.parents.push(ref)
          else if (ref.kind === 'api' && !exports.parents.includes(ref)) exports.parents.push(ref)
      } else
        run.analysis.writeField(
          exports,
          each.exported,
          importValue(run, run.module, each.source, each.imported ?? each.exported),
        )
      continue
    }
    let value = PLAIN
    if (each.variable !== null) {
      const local = run.env.get(each.variable)
      value = join(local ?? PLAIN, run.analysis.cell(each.variable).value)
      if (value === PLAIN && each.variable.kind === 'import') value = importedModule(run, each.variable)
    } else if (each.value !== null) value = PART.evaluate(run, each.value)
    run.analysis.writeField(exports, each.exported, value)
  }
}
