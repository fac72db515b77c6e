import { createHash } from 'node:crypto'
import type { CodeFinding } from '../finding.ts'
import type { Location } from '../flow-graph/module.ts'
import { parseSyntax, type SyntaxNode } from '../front-ends/syntax-tree.ts'
import type { Language } from './language.ts'
import { LocalTaint, type Hit, type Summaries, type Summary } from './local-taint.ts'
import { HARMS, PATTERN_RULE_OF } from './rules.ts'

/** A file of a language without a front end, read. */
export interface ReadFile {
  readonly path: string
  readonly text: string
  readonly language: Language
  readonly root: SyntaxNode
}

/** Null when it took too long. */
export function readSource(path: string, text: string, language: Language): ReadFile | null {
  const tree = parseSyntax(language.grammar, text)
  return tree === null ? null : { path, text, language, root: tree.root }
}

/** What the functions of some files do with their parameters; names that several functions share tell nothing. */
export function summarise(files: readonly ReadFile[]): Summaries {
  let summaries: Summaries = new Map()
  // The second time, functions know what those that they call do.
  for (let round = 0; round < 2; round += 1) {
    const next = new Map<string, Summary | null>()
    for (const { language, text, root } of files)
      for (const summary of new LocalTaint(language, text, summaries).run(root))
        if (summary.name !== '' && (summary.hits.length > 0 || summary.returns.length > 0))
          next.set(summary.name, next.has(summary.name) ? null : summary)
    summaries = new Map(
      [...next].flatMap(([name, summary]) => (summary === null ? [] : [[name, summary] as const])),
    )
  }
  return summaries
}

/** Values from outside that do harm in this file, and constructs that are wrong wherever they stand. */
export function findIn(file: ReadFile, summaries: Summaries): readonly CodeFinding[] {
  const hits = new LocalTaint(file.language, file.text, summaries)
    .run(file.root)
    .flatMap((summary) => summary.hits)
    .filter(({ taint }) => 'what' in taint.from)
  const seen = new Set<string>()
  const findings = hits.flatMap((hit) => {
    const key = `${hit.sink.harm} ${hit.node.at}`
    if (seen.has(key)) return []
    seen.add(key)
    return [flowFinding(file, hit)]
  })
  return [...findings, ...patternFindings(file)]
}

function flowFinding(file: ReadFile, { sink, node, taint, callee }: Hit): CodeFinding {
  const { cwe, becomes, help } = HARMS[sink.harm]
  const what = 'what' in taint.from ? taint.from.what : ''
  const shown = callee.replaceAll(/\s+/g, ' ').slice(0, 60)
  return {
    rule: `value-flow/${sink.harm}`,
    cwe,
    severity: 'error',
    message: `A value from ${what} becomes ${becomes}, by ${shown}.`,
    location: locationOf(file, node),
    path: [
      ...taint.steps.map((step) => ({ location: locationOf(file, step.node), message: step.message })),
      { location: locationOf(file, node), message: `becomes ${becomes}` },
    ],
    fix: { text: help },
    fingerprint: fingerprintIn(file, `value-flow/${sink.harm}`, node, 0),
  }
}

function patternFindings(file: ReadFile): readonly CodeFinding[] {
  const findings: CodeFinding[] = []
  const visit = (node: SyntaxNode, depth: number): void => {
    for (const pattern of file.language.patterns) {
      if (!pattern.nodes.test(node.type)) continue
      if (pattern.text.test(file.text.slice(node.at, Math.min(node.end, node.at + 400))))
        findings.push(patternFinding(file, pattern.rule, pattern.message, node, findings.length))
    }
    if (depth < 300) for (const child of node.children) visit(child, depth + 1)
  }
  visit(file.root, 0)
  return findings
}

/** A finding of a rule of `PATTERN_RULES`. */
export function patternFinding(
  file: { readonly path: string; readonly text: string },
  name: string,
  message: string,
  span: { readonly at: number; readonly end: number },
  occurrence: number,
): CodeFinding {
  const info = PATTERN_RULE_OF.get(`patterns/${name}`)
  if (info === undefined) throw new Error(`there is no rule patterns/${name}`)
  return {
    rule: info.id,
    cwe: info.cwe,
    severity: info.severity,
    message,
    location: locationOf(file, span),
    path: [],
    fix: { text: info.help },
    fingerprint: fingerprintIn(file, info.id, span, occurrence),
  }
}

function fingerprintIn(
  { path, text }: { readonly path: string; readonly text: string },
  rule: string,
  { at, end }: { readonly at: number; readonly end: number },
  occurrence: number,
): string {
  const code = text.slice(at, end).replace(/\s+/g, ' ').slice(0, 400)
  return createHash('sha256').update(`${rule}\n${path}\n${code}\n${occurrence}`).digest('hex').slice(0, 24)
}

function locationOf(
  { path, text }: { readonly path: string; readonly text: string },
  { at, end }: { readonly at: number; readonly end: number },
): Location {
  const [start, stop] = [place(text, at), place(text, end)]
  return { path, line: start.line, column: start.column, endLine: stop.line, endColumn: stop.column }
}

function place(text: string, offset: number): { line: number; column: number } {
  let line = 1
  let from = 0
  for (let next = text.indexOf('\n'); next !== -1 && next < offset; next = text.indexOf('\n', next + 1)) {
    line += 1
    from = next + 1
  }
  return { line, column: offset - from + 1 }
}
