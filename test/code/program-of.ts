import type { Module } from '../../src/code/flow-graph/module.ts'
import type { Program } from '../../src/code/flow-graph/program.ts'
import { JAVASCRIPT } from '../../src/code/front-ends/javascript/javascript.ts'
import { PYTHON } from '../../src/code/front-ends/python/python.ts'
import { ModuleIndex } from '../../src/code/reading/module-index.ts'
import { readPackages } from '../../src/code/reading/packages.ts'
import { readPathAliases } from '../../src/code/reading/path-aliases.ts'
import { isTestPath } from '../../src/code/reading/readable.ts'
import { analyse } from '../../src/code/value-flow/analyse.ts'

await PYTHON.prepare?.()

const FRONT_ENDS = [JAVASCRIPT, PYTHON]

/** A program of texts that lie on no disk. */
export function programOf(files: readonly { readonly path: string; readonly text: string }[]): Program {
  const modules: Module[] = []
  const texts = new Map<string, string>()
  for (const { path, text } of files) {
    const frontEnd = FRONT_ENDS.find(({ extensions }) => extensions.some((each) => path.endsWith(each)))
    if (frontEnd === undefined) {
      texts.set(path, text)
      continue
    }
    const read = frontEnd.parse({ path, text, test: isTestPath(path) })
    if ('reason' in read) throw new Error(`${path}: ${read.reason}`)
    modules.push(read)
  }
  const packages = readPackages(texts)
  const index = new ModuleIndex(modules, packages, readPathAliases(texts))
  return analyse({ modules, packages, skipped: [], texts, index, timeLimit: 60_000 })
}
