import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { PolicyFault } from '../../policy/policy.ts'
import { readPromptFile, type PromptFile } from './read-prompt-file.ts'

const MAX_FILES = 1_000
const MAX_BYTES = 400_000
const MAX_DEPTH = 8
const EXTENSION = /\.(?:md|ya?ml)$/

export interface PromptFolderRead {
  /** With the path of each file, relative to the folder. */
  readonly prompts: readonly { readonly path: string; readonly prompt: PromptFile }[]
  readonly faults: readonly PolicyFault[]
}

/**
 * Reads every prompt of a folder: `*.md`, `*.yaml` and `*.yml` in it and below it, save `README.md` and what begins
 * with a dot. A prompt without a name takes its path's: `support/reply.md` is `support.reply`. Symbolic links are not
 * followed. Never throws: a bad file is a fault, and the others are read.
 */
export function readPromptFolder(folder: string): PromptFolderRead {
  const faults: PolicyFault[] = []
  const fault = (file: string, expected: string, found: string): void =>
    void faults.push({ severity: 'error', code: 'prompt:invalid', file, line: 1, column: 1, expected, found })
  const files: string[] = []
  const walk = (directory: string, depth: number): void => {
    if (depth > MAX_DEPTH) return fault(directory, `at most ${MAX_DEPTH} levels of folders`, 'more')
    for (const entry of readdirSync(directory, { withFileTypes: true }).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      if (entry.name.startsWith('.') || files.length > MAX_FILES) continue
      const path = join(directory, entry.name)
      if (entry.isDirectory()) walk(path, depth + 1)
      else if (entry.isFile() && EXTENSION.test(entry.name) && entry.name !== 'README.md') files.push(path)
    }
  }
  try {
    walk(folder, 1)
  } catch (error) {
    fault(folder, 'a folder of prompts', error instanceof Error ? error.message : String(error))
  }
  if (files.length > MAX_FILES) fault(folder, `at most ${MAX_FILES} files`, 'more')

  const prompts: { path: string; prompt: PromptFile }[] = []
  const seen = new Map<string, string>()
  for (const file of files.slice(0, MAX_FILES)) {
    const path = relative(folder, file).split(sep).join('/')
    const text = textOf(file)
    if (text instanceof Error) {
      fault(file, `a text of at most ${MAX_BYTES} bytes in UTF-8`, text.message)
      continue
    }
    const read = readPromptFile(text, file, path.replace(EXTENSION, '').replaceAll('/', '.'))
    faults.push(...read.faults)
    if (read.prompt === null) continue
    const { name } = read.prompt
    const other = seen.get(name)
    if (other === undefined) prompts.push({ path, prompt: read.prompt })
    else fault(file, 'a name of its own', `${name}, which is that of ${other}`)
    seen.set(name, path)
  }
  return { prompts, faults }
}

function textOf(file: string): string | Error {
  try {
    const { size } = statSync(file)
    if (size > MAX_BYTES) return new Error(`${size} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
