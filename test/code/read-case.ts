import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('./pairs/', import.meta.url)

/** A file of a case, and the lines on which a finding is expected. */
export interface CaseFile {
  readonly path: string
  readonly text: string
  readonly marked: readonly number[]
}

export interface Case {
  readonly name: string
  /** `pack/rule`; null for a look-alike. */
  readonly rule: string | null
  readonly bad: readonly CaseFile[]
  readonly fixed: readonly CaseFile[]
  /** Kept back while the rules were written. */
  readonly kept: boolean
}

const MARK = /\s*(?:\{\/\*!\*\/\}|(?:\/\/|--|#)!)[ \t]*$/

export function readCases(pack: string): { pairs: Case[]; benign: Case[] } {
  const folder = new URL(`${pack}/`, FOLDER)
  const read = (below: string): Case[] =>
    readdirSync(new URL(below, folder))
      .filter((file) => file.endsWith('.txt'))
      .toSorted()
      .map((file) => readCase(pack, file.slice(0, -4), readFileSync(new URL(below + file, folder), 'utf8')))
  return { pairs: read('./'), benign: read('./benign/') }
}

function readCase(pack: string, name: string, text: string): Case {
  const rule = /^rule: (\S+)\n/.exec(text)?.[1] ?? null
  const bad: CaseFile[] = []
  const fixed: CaseFile[] = []
  for (const part of text.split(/^-- /m).slice(1)) {
    const [, version, path] = /^(bad |fixed )?(\S+) --\n/.exec(part) ?? []
    if (path === undefined) throw new Error(`${pack}/${name}: a heading without a path`)
    const lines = part.slice(part.indexOf('\n') + 1).split('\n')
    const marked = lines.flatMap((line, index) => (MARK.test(line) ? [index + 1] : []))
    const file = { path, text: lines.map((line) => line.replace(MARK, '')).join('\n'), marked }
    if (version !== 'fixed ') bad.push(file)
    if (version !== 'bad ') fixed.push(file)
  }
  const digest = createHash('sha256').update(name).digest()
  return { name, rule: rule && `${pack}/${rule}`, bad, fixed, kept: (digest[0] as number) % 3 === 0 }
}
