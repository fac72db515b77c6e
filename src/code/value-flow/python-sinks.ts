import type { Call, Expression } from '../flow-graph/expressions.ts'
import type { Run } from './run.ts'
import { allTaints } from './labels.ts'
import { ofObject } from './load.ts'
import { type Value, valueOf } from './value.ts'

/**
 * What of a list of arguments decides about what is run: its program, the text after `sh -c`, and all of it where a
 * shell reads it.
 */
export function programParts(run: Run, list: Value, node: Call): readonly Value[] {
  const objects = list.refs.filter((each) => each.kind === 'object')
  if (objects.length === 0) return []
  if (optionIsOn(node, 'shell')) return [valueOf(allTaints(list, 2))]
  const parts: Value[] = []
  for (const object of objects) {
    const at = (index: number): Value => ofObject(run, object, String(index))
    parts.push(at(0))
    for (let index = 1; index < 6; index++) {
      const before = at(index - 1).constant
      const option = at(index).constant
      if (typeof option !== 'string' || !/^(?:-\w*c|\/c|-Command|-e|--eval)$/i.test(option)) continue
      // `git -c key=value` is none.
      if (typeof before === 'string' && !SHELL.test(before)) continue
      for (let after = index + 1; after < index + 4; after++) parts.push(at(after))
    }
  }
  return parts
}

const SHELL = /(?:^|[/\\])(?:ba|z|da|k)?sh$|cmd(?:\.exe)?$|powershell|node$|python[\d.]*$|perl$|ruby$/i

function optionIsOn(node: Call, name: string): boolean {
  const at = node.names?.indexOf(name) ?? -1
  const value: Expression | undefined = at === -1 ? undefined : node.args[at]
  return value !== undefined && !(value.kind === 'literal' && !value.value)
}

/** Whether the parser among the arguments resolves external entities; where there is none, what the library does. */
export function resolvesEntities(values: readonly Value[]): boolean {
  for (const value of values)
    for (const ref of value.refs) {
      if (ref.kind !== 'object') continue
      const { fields } = ref
      if (fields.get(PARSER)?.constant === 'sax') return fields.has(EXTERNAL)
      const resolve = fields.get('resolve_entities')
      if (fields.get(PARSER)?.constant === 'lxml' || resolve !== undefined)
        return resolve?.constant !== false && resolve?.constant !== 'internal'
      const given = fields.get('parser')
      if (given !== undefined) return resolvesEntities([given])
    }
  return false
}

/** Fields that no program writes. */
export const PARSER = '<parser>'
export const EXTERNAL = '<external entities>'
