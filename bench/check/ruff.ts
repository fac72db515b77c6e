// What ruff (bandit's rules, its WebAssembly build) says of a text, by weakness.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { ruffWeaknesses } from '../../src/code/external/ruff-weaknesses.ts'

interface Workspace {
  check(text: string): readonly { readonly code: string | null }[]
}

/** A function that gives the weaknesses that ruff names in a text, and how often it says something at all. */
export async function openRuff(): Promise<(text: string) => { weaknesses: Set<string>; findings: number }> {
  const path = createRequire(import.meta.url).resolve('@astral-sh/ruff-wasm-nodejs')
  const { Workspace, PositionEncoding } = (await import(pathToFileURL(path).href)) as {
    readonly Workspace: new (options: object, encoding: number) => Workspace
    readonly PositionEncoding: { readonly Utf16: number }
  }
  const workspace = new Workspace({ lint: { select: ['S'] } }, PositionEncoding.Utf16)
  return (text) => {
    const codes = workspace.check(text).flatMap(({ code }) => (code?.startsWith('S') === true ? [code] : []))
    const weaknesses = new Set<string>()
    for (const code of codes) for (const cwe of ruffWeaknesses(code)) weaknesses.add(cwe)
    return { weaknesses, findings: codes.length }
  }
}
