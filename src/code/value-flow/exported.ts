import type { FunctionInfo } from '../flow-graph/functions.ts'
import type { Analysis } from './analysis.ts'
import type { Value } from './value.ts'

const DEPTH = 3

/** Functions that users of a library may call, with the name that they have for them. */
export function exportedFunctions(analysis: Analysis): ReadonlyMap<FunctionInfo, string> {
  const found = new Map<FunctionInfo, string>()
  for (const info of analysis.packages) {
    if (!info.library) continue
    for (const entry of analysis.index.entriesOf(info)) {
      if (entry.test) continue
      const exports = analysis.moduleObject(entry).module.fields.get('exports')
      if (exports !== undefined) take(analysis, found, exports, info.name ?? entry.path, DEPTH, new Map())
    }
  }
  for (const module of analysis.modules)
    if (module.language === 'python' && !module.test)
      for (const fn of module.functions)
        if (open(fn) && analysis.summaryOf(fn).calls.size === 0) found.set(fn, fn.name)
  return found
}

/** Python says with an underscore what is nobody else's. */
function open(fn: FunctionInfo): boolean {
  return (
    !fn.name.startsWith('_') &&
    fn.decorators.length === 0 &&
    (fn.form === 'function' || fn.form === 'method') &&
    (fn.parent === null || fn.parent.form === 'module')
  )
}

function take(
  analysis: Analysis,
  found: Map<FunctionInfo, string>,
  value: Value,
  name: string,
  depth: number,
  seen: Map<number, number>,
): void {
  for (const ref of value.refs) {
    if ((seen.get(ref.id) ?? -1) >= depth) continue
    seen.set(ref.id, depth)
    switch (ref.kind) {
      case 'function':
        found.set(ref.fn, ref.fn.name === '' ? name : ref.fn.name)
        // What a function returns is its users' as well: a factory's methods.
        if (depth > 0) {
          fields(analysis, found, ref.own, name, depth - 1, seen)
          take(analysis, found, made(analysis, ref.fn), name, depth - 1, seen)
        }
        break
      case 'class':
        fields(analysis, found, ref.instance, ref.class.name, 0, seen)
        fields(analysis, found, ref.statics, ref.class.name, 0, seen)
        for (const method of ref.class.methods)
          if (method.form === 'constructor') found.set(method, `new ${ref.class.name}`)
        break
      case 'object':
        if (depth > 0) fields(analysis, found, ref, name, depth - 1, seen)
        break
      case 'api':
      case 'regex':
    }
  }
}

function fields(
  analysis: Analysis,
  found: Map<FunctionInfo, string>,
  object: { readonly fields: ReadonlyMap<string, Value>; readonly parents?: readonly unknown[] },
  name: string,
  depth: number,
  seen: Map<number, number>,
): void {
  for (const [key, each] of object.fields)
    if (!key.startsWith('_') || key === '__esModule')
      take(analysis, found, each, `${name}.${key}`, depth, seen)
  for (const parent of object.parents ?? []) {
    const ref = parent as { kind: string; fields: ReadonlyMap<string, Value> }
    if (ref.kind === 'object') fields(analysis, found, ref, name, depth, seen)
  }
}

/** What a function gives back that it has made itself: other functions, classes, objects with methods. */
function made(analysis: Analysis, fn: FunctionInfo): Value {
  const { returns } = analysis.summaryOf(fn)
  return {
    ...returns,
    refs: returns.refs.filter(
      (ref) =>
        (ref.kind === 'function' && ref.fn.parent === fn) ||
        ref.kind === 'class' ||
        (ref.kind === 'object' && ref.maker === fn),
    ),
  }
}
