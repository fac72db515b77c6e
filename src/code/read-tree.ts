import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckOptions } from './check-tree.ts'
import type { Module } from './flow-graph/module.ts'
import type { Program, Skipped } from './flow-graph/program.ts'
import { FRONT_ENDS } from './front-ends/all-front-ends.ts'
import { JAVASCRIPT } from './front-ends/javascript/javascript.ts'
import { findFiles } from './reading/find-files.ts'
import { isTestPath, whyUnreadable } from './reading/readable.ts'
import { readPackages } from './reading/packages.ts'
import { readPathAliases } from './reading/path-aliases.ts'
import { ModuleIndex } from './reading/module-index.ts'
import { analysing } from './value-flow/analyse.ts'

const FRONT_END_OF = new Map(FRONT_ENDS.flatMap((each) => each.extensions.map((ext) => [ext, each] as const)))

/** Milliseconds that following values may take where nobody says, besides a fifth of one for each line. */
const DEFAULT_LIMIT = 30_000

/** The part of a path from its last dot, or ''. */
function extensionOf(path: string): string {
  const dot = path.lastIndexOf('.')
  return dot > path.lastIndexOf('/') ? path.slice(dot) : ''
}

/** Whether a file of this name is read by one of our front ends. */
export function isSource(path: string): boolean {
  return FRONT_END_OF.has(extensionOf(path))
}

/** A promise for each of thousands of small files costs more than reading them. */
function readNow(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** Reads one file; its front end must be prepared. */
export function readText(path: string, text: string): Module | Skipped {
  const reason = whyUnreadable(path, text)
  if (reason !== null) return { path, reason }
  const frontEnd = FRONT_END_OF.get(extensionOf(path)) ?? JAVASCRIPT
  return frontEnd.parse({ path, text, test: isTestPath(path) })
}

/** Reads the files of a folder into one program, with calls resolved. */
export async function readTree(folder: string, options: CheckOptions): Promise<Program> {
  const started = performance.now()
  const found = await (options.found ?? findFiles(folder, options))
  const turns = new Turns(options)
  const skipped: Skipped[] = [...found.skipped]
  const modules: Module[] = []
  const texts = new Map<string, string>()
  const used = new Set(found.sources.map((path) => FRONT_END_OF.get(extensionOf(path))))
  for (const frontEnd of used) await frontEnd?.prepare?.()
  for (const [index, path] of found.sources.entries()) {
    if (options.timeLimit !== undefined && performance.now() - started > options.timeLimit) {
      skipped.push({ path, reason: 'the time limit had passed' })
      continue
    }
    if (index % 50 === 0) options.progress?.(index, found.sources.length, path)
    const text = options.contents?.get(path) ?? readNow(join(folder, path))
    if (text === null) {
      skipped.push({ path, reason: 'it cannot be read' })
      continue
    }
    const read = options.kept?.take(path, text) ?? readText(path, text)
    options.kept?.keep(path, text, read)
    if (turns.due()) await turns.take()
    if ('reason' in read) skipped.push(read)
    else modules.push(read)
  }
  for (const path of found.texts) {
    const text = options.contents?.get(path) ?? readNow(join(folder, path))
    if (text !== null) texts.set(path, text)
  }
  options.kept?.only(new Set(found.sources))
  const packages = readPackages(texts)
  const index = new ModuleIndex(modules, packages, readPathAliases(texts))
  const remaining =
    options.timeLimit === undefined
      ? DEFAULT_LIMIT + modules.reduce((sum, each) => sum + each.lineStarts.length, 0) / 5
      : Math.max(1000, options.timeLimit - (performance.now() - started))
  const steps = analysing({ modules, packages, skipped, texts, index, timeLimit: remaining })
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (!turns.due()) continue
    options.progress?.(step.value, modules.length, 'what values lead to')
    await turns.take()
  }
}

/** Milliseconds that others wait at most. */
const TURN = 25

/** Lets others have their turn now and then. */
class Turns {
  readonly #pause: () => Promise<void>
  #since = performance.now()

  constructor({ pause = () => new Promise<void>((resolve) => void setImmediate(resolve)) }: CheckOptions) {
    this.#pause = pause
  }

  due(): boolean {
    return performance.now() - this.#since > TURN
  }

  async take(): Promise<void> {
    await this.#pause()
    this.#since = performance.now()
  }
}
