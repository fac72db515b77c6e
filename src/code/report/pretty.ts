import type { CodeFinding, CodeSeverity } from '../finding.ts'
import type { Location } from '../flow-graph/module.ts'
import type { CheckReport, ReportedFinding } from './check-report.ts'
import { codeFrame, printable } from './code-frame.ts'

export type Colour = 'red' | 'yellow' | 'cyan' | 'green' | 'dim' | 'bold'
/** Colours a text, or leaves it as it is where there are none. */
export type Paint = (colour: Colour, text: string) => string

const COLOURS: Readonly<Record<CodeSeverity, Colour>> = { error: 'red', warning: 'yellow', note: 'cyan' }
const MAX_STEPS = 12
const MAX_SKIPPED = 20

/** The report for people: every new finding with its way through the code, then what was left out and why. */
export function prettyReport(report: CheckReport, paint: Paint): string {
  const lines = new Map<string, readonly string[]>()
  const linesOf = (path: string): readonly string[] => {
    const known = lines.get(path)
    if (known !== undefined) return known
    const read = (report.textOf(path) ?? '').split(/\r\n|\n|\r/)
    lines.set(path, read)
    return read
  }
  const of = (name: ReportedFinding['standing']['name']): readonly ReportedFinding[] =>
    report.findings.filter(({ standing }) => standing.name === name)
  const fresh = of('new')
  return [
    ...fresh.map((each) => findingText(each, linesOf, paint)),
    ...suppressedText(of('suppressed'), paint),
    ...skippedText(report, paint),
    summary(report, fresh, paint),
    '',
  ].join('\n')
}

function findingText(
  { finding, by }: ReportedFinding,
  linesOf: (path: string) => readonly string[],
  paint: Paint,
): string {
  const { rule, cwe, severity, message, location, path, fix } = finding
  const head = [
    paint(COLOURS[severity], severity),
    paint('bold', printable(rule)),
    ...(cwe === null ? [] : [paint('dim', printable(cwe))]),
    ...(by === undefined ? [] : [paint('dim', `found by ${printable(by)}`)]),
  ].join('  ')
  const steps = path.length === 0 ? [{ location, message: '' }] : shortened(path)
  const out = [`${placeText(location)}  ${head}`, `  ${printable(message)}`]
  const gutter = Math.max(...steps.map((step) => String(step.location.line).length))
  let file = ''
  for (const [index, step] of steps.entries()) {
    if (step.location.path !== file) {
      file = step.location.path
      out.push(paint('dim', `  ${' '.repeat(gutter)} ┌ ${printable(file)}`))
    }
    const frame = codeFrame(linesOf(file), step.location)
    if (frame === null) {
      out.push(`  ${String(step.location.line).padStart(gutter)} │ ${printable(step.message)}`)
      continue
    }
    const marks = paint(index === steps.length - 1 ? COLOURS[severity] : 'cyan', '^'.repeat(frame.width))
    out.push(
      `  ${paint('dim', `${String(step.location.line).padStart(gutter)} │`)} ${frame.code}`,
      `  ${paint('dim', `${' '.repeat(gutter)} │`)} ${' '.repeat(frame.column)}${marks} ${printable(step.message)}`.trimEnd(),
    )
  }
  if (fix !== undefined) out.push(`  ${paint('green', 'fix:')} ${printable(fix.text)}`)
  return `${out.join('\n')}\n`
}

/** Both ends of a long path. */
function shortened(path: CodeFinding['path']): CodeFinding['path'] {
  return path.length <= MAX_STEPS ? path : [...path.slice(0, MAX_STEPS / 2), ...path.slice(-MAX_STEPS / 2)]
}

function placeText({ path, line, column }: Location): string {
  return `${printable(path)}:${line}:${column}`
}

function suppressedText(all: readonly ReportedFinding[], paint: Paint): readonly string[] {
  if (all.length === 0) return []
  const rows = all.map(({ finding, standing }) =>
    standing.name === 'suppressed'
      ? `  ${placeText(finding.location)}  ${printable(finding.rule)}: ${printable(standing.reason)}`
      : '',
  )
  return [paint('dim', 'Suppressed in the code:'), ...rows, '']
}

function skippedText({ skipped }: CheckReport, paint: Paint): readonly string[] {
  if (skipped.length === 0) return []
  const rows = skipped
    .slice(0, MAX_SKIPPED)
    .map(({ path, reason }) => `  ${path === '' ? '' : `${printable(path)}: `}${printable(reason)}`)
  const more =
    skipped.length > MAX_SKIPPED
      ? [`  and ${skipped.length - MAX_SKIPPED} more (--format json lists all)`]
      : []
  return [paint('dim', 'Skipped:'), ...rows, ...more, '']
}

function summary(report: CheckReport, fresh: readonly ReportedFinding[], paint: Paint): string {
  const count = (severity: CodeSeverity): number =>
    fresh.filter(({ finding }) => finding.severity === severity).length
  const parts = (['error', 'warning', 'note'] as const)
    .map((severity) => [severity, count(severity)] as const)
    .filter(([, number]) => number > 0)
    .map(([severity, number]) => paint(COLOURS[severity], plural(number, severity)))
  const others = (['known', 'unchanged', 'suppressed'] as const).flatMap((name) => {
    const number = report.findings.filter(({ standing }) => standing.name === name).length
    return number === 0 ? [] : [`${number} ${OTHERS[name]}`]
  })
  const found = parts.length === 0 ? paint('green', 'no findings') : parts.join(', ')
  const size = `${plural(report.files, 'file')}, ${plural(report.lines, 'line')} in ${(report.milliseconds / 1000).toFixed(1)} s`
  return [found, ...others].join(', ') + paint('dim', ` (${size})`)
}

const OTHERS = {
  known: 'known by the baseline',
  unchanged: 'outside of what changed',
  suppressed: 'suppressed',
} as const

function plural(number: number, word: string): string {
  return `${number.toLocaleString('en-US')} ${word}${number === 1 ? '' : 's'}`
}
