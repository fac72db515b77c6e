import type { CodeFinding } from './finding.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Span } from './flow-graph/expressions.ts'
import { lineOf, locate, type Module } from './flow-graph/module.ts'
import type { Statement } from './flow-graph/statements.ts'
import type { RuleInfo } from './pack.ts'

/** `belay-ignore RULE, RULE: reason` in a comment: at the end of the line that it is about, or above it. */
export interface Suppression {
  readonly path: string
  readonly line: number
  /** First and last line that it speaks about. */
  readonly from: number
  readonly to: number
  /** With or without the pack's name. */
  readonly rules: readonly string[]
  /** Empty where none was given: then it silences nothing. */
  readonly reason: string
}

export const SUPPRESSION_RULES: readonly RuleInfo[] = [
  {
    id: 'suppression/no-reason',
    title: 'A suppression gives no reason',
    cwe: null,
    tags: [],
    severity: 'warning',
    help: 'Write why the finding is none: `belay-ignore RULE: reason`. Until then it silences nothing.',
  },
  {
    id: 'suppression/unused',
    title: 'A suppression silences nothing',
    cwe: null,
    tags: [],
    severity: 'note',
    help: 'Remove the comment: what it was about is gone, or never was there.',
  },
]

const MARK = /^[\s*]*belay-ignore[ \t]+([\w./-]+(?:[ \t]*,[ \t]*[\w./-]+)*)[ \t]*(?::[ \t]*([^\r\n]*))?/
const MAX_REASON = 500

/** Those of a parsed file. */
export function suppressionsIn(module: Module): readonly Suppression[] {
  if (!module.text.includes('belay-ignore')) return []
  const found: Suppression[] = []
  for (const comment of module.comments) {
    const mark = MARK.exec(comment.text)
    if (mark === null) continue
    const from = linesAbout(module, comment)
    found.push(
      suppression(
        module.path,
        lineOf(module, comment.at),
        from,
        Math.max(from, endOfStatement(module, from)),
        mark,
      ),
    )
  }
  return found
}

/** Those of a file that nothing parses: a comment begins with `//`, `#`, `--`, `/*` or `<!--`. */
export function suppressionsInText(path: string, text: string): readonly Suppression[] {
  if (!text.includes('belay-ignore')) return []
  const lines = text.split(/\r\n|\n|\r/)
  return lines.flatMap((line, index) => {
    const at = line.indexOf('belay-ignore')
    if (at === -1) return []
    const before = line.slice(0, at).trimEnd()
    const opener = /(?:\/\/|#|--|\/\*+|<!--)$/.exec(before)
    const mark = MARK.exec(line.slice(at).replace(/\s*(?:\*\/|-->).*$/, ''))
    if (opener === null || mark === null) return []
    let about = index
    if (before.slice(0, opener.index).trim() === '')
      do about += 1
      while (about < lines.length - 1 && /^\s*(?:$|\/\/|#|--|\/\*|<!--)/.test(lines[about]!))
    return [suppression(path, index + 1, about + 1, about + 1, mark)]
  })
}

function suppression(
  path: string,
  line: number,
  from: number,
  to: number,
  mark: RegExpExecArray,
): Suppression {
  const rules = mark[1]!.split(',').map((rule) => rule.trim())
  return { path, line, from, to, rules, reason: (mark[2] ?? '').trim().slice(0, MAX_REASON) }
}

/** The line of the comment when there is code before it, else the next that has any. */
function linesAbout(module: Module, comment: Span): number {
  const line = lineOf(module, comment.at)
  const start = module.lineStarts[line - 1] as number
  if (/[^\s{]/.test(module.text.slice(start, comment.at))) return line
  let next = lineOf(module, comment.end) + 1
  for (; next < module.lineStarts.length; next += 1) {
    const from = module.lineStarts[next - 1] as number
    const end = module.lineStarts[next] ?? module.text.length
    const first = from + (/\S/.exec(module.text.slice(from, end))?.index ?? end - from)
    if (first < end && !module.comments.some((each) => each.at <= first && first < each.end)) break
  }
  return next
}

/** The last line of the statement without a body that begins on a line; 0 when there is none. */
function endOfStatement(module: Module, line: number): number {
  let last = 0
  const visit = (body: readonly Statement[]): void => {
    for (const each of body) {
      if (lineOf(module, each.at) > line) return
      if (/^(?:expression|declare|return|throw)$/.test(each.kind)) {
        if (lineOf(module, each.at) === line) last = Math.max(last, locate(module, each).endLine)
      } else for (const inner of bodiesOf(each)) visit(inner)
    }
  }
  for (const each of module.functions) {
    const place = locate(module, each)
    if (each === module.main || (place.line <= line && line <= place.endLine)) visit(each.body)
  }
  return last
}

function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.kind) {
    case 'if':
      return [statement.then, statement.otherwise]
    case 'loop':
    case 'block':
      return [statement.body]
    case 'switch':
      return statement.cases.map(({ body }) => body)
    case 'try':
      return [
        statement.body,
        ...statement.catches.map(({ body }) => body),
        statement.otherwise,
        statement.finally,
      ]
    case 'expression':
    case 'declare':
    case 'return':
    case 'throw':
    case 'break':
    case 'continue':
    case 'function-declaration':
    case 'class-declaration':
      return []
  }
}

export interface Silenced {
  /** The suppression that speaks about a finding, if any. */
  readonly by: ReadonlyMap<CodeFinding, Suppression>
  /** Findings about suppressions themselves. */
  readonly complaints: readonly CodeFinding[]
}

/** Which findings are silenced by comments, and which comments give no reason or silence nothing. */
export function silence(
  findings: readonly CodeFinding[],
  suppressions: readonly Suppression[],
  modules: ReadonlyMap<string, Module>,
): Silenced {
  const by = new Map<CodeFinding, Suppression>()
  const used = new Set<Suppression>()
  const ofPath = Map.groupBy(suppressions, ({ path }) => path)
  for (const finding of findings) {
    const match = ofPath.get(finding.location.path)?.find((each) => speaksOf(each, finding))
    if (match === undefined) continue
    used.add(match)
    if (match.reason !== '') by.set(finding, match)
  }
  const complaints = suppressions.flatMap((each) => {
    const rule =
      each.reason === '' ? SUPPRESSION_RULES[0]! : used.has(each) ? undefined : SUPPRESSION_RULES[1]!
    return rule === undefined ? [] : [complaint(rule, each, modules.get(each.path))]
  })
  return { by, complaints }
}

function speaksOf({ from, to, rules }: Suppression, { rule, location }: CodeFinding): boolean {
  if (location.line < from || location.line > to) return false
  return rules.some((each) => each === rule || rule.endsWith(`/${each}`))
}

function complaint(
  rule: RuleInfo,
  { path, line, rules }: Suppression,
  module: Module | undefined,
): CodeFinding {
  const name = rules.join(', ')
  const message =
    rule.id === 'suppression/no-reason'
      ? `The suppression of ${name} gives no reason, so it silences nothing.`
      : `The suppression of ${name} silences nothing.`
  const span = { at: module?.lineStarts[line - 1] ?? 0, end: module?.lineStarts[line] ?? 0 }
  const location = { path, line, column: 1, endLine: line, endColumn: 1 }
  return {
    rule: rule.id,
    cwe: null,
    severity: rule.severity,
    message,
    location,
    path: [],
    fix: { text: rule.help },
    fingerprint:
      module === undefined
        ? `${rule.id}:${path}:${name}`.slice(0, 200)
        : fingerprintOf(rule.id, module, span),
  }
}
