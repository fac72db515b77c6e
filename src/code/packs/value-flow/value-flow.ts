import type { CodeFinding, FindingStep } from '../../finding.ts'
import { fingerprintOf } from '../../fingerprint.ts'
import { locate, textOf } from '../../flow-graph/module.ts'
import type { Program } from '../../flow-graph/program.ts'
import { FLOW_RULES, type FlowRule, MODEL_OUTPUT, ZIP_SLIP } from '../../models/rules.ts'
import type { Pack, RuleInfo } from '../../pack.ts'
import { flowsIn } from '../../value-flow/analyse.ts'
import type { Flow } from '../../value-flow/trace.ts'
import { SlowPatterns } from './slow-patterns.ts'

const RULES = new Map(
  [...Object.values(FLOW_RULES), ZIP_SLIP, MODEL_OUTPUT].map((each) => [each.name, each] as const),
)

/** Untrusted values that reach where they do harm. */
export const VALUE_FLOW: Pack = {
  name: 'value-flow',
  rules: [...RULES.values()].map((each): RuleInfo => ({
    id: `value-flow/${each.name}`,
    title: each.title,
    cwe: each.cwe,
    tags: each.tags,
    severity: each.severity,
    help: each.help,
  })),
  ahead,
  run,
}

function ruleOf(flow: Flow): FlowRule | undefined {
  if (flow.source.kind === 'archive' && flow.hit.class === 'path') return ZIP_SLIP
  if (flow.source.kind === 'model' && flow.hit.class !== 'redos') return MODEL_OUTPUT
  if (flow.hit.class === 'path' && isChosenByServer(flow)) return undefined
  if (flow.hit.class === 'log' && !mayHaveLines(flow)) return undefined
  if (flow.hit.class === 'upload' && !isSendersName(flow)) return undefined
  return FLOW_RULES[flow.hit.class]
}

/** An address as it came is encoded, line ends too; what is parsed out of it is not. Queues are the program's own. */
function mayHaveLines({ hit, source }: Flow): boolean {
  return (
    source.kind === 'request' &&
    !(source.what.endsWith('URL') && /url/i.test(textOf(hit.module, hit.span).slice(0, 400)))
  )
}

/** The fields of an upload that the server makes: where it lies, how large it is. */
function isChosenByServer({ source, label }: Flow): boolean {
  return (
    /uploaded file/.test(source.what) &&
    /^(?:path|destination|tempFilePath|filepath|size|buffer|data)$/.test(label.path.at(-1) ?? '')
  )
}

function isSendersName({ hit, source, label }: Flow): boolean {
  const names =
    hit.module.language === 'python' ? /^(?:name|filename)$/ : /^(?:originalname|originalFilename|name)$/
  return /uploaded file/.test(source.what) && names.test(label.path.at(-1) ?? '')
}

const slowIn = new WeakMap<Program, SlowPatterns>()

/** Asks about the regular expressions that untrusted text reaches. */
async function ahead(program: Program): Promise<void> {
  const slow = new SlowPatterns()
  slowIn.set(program, slow)
  const wanted = flowsIn(program).filter((flow) => flow.hit.class === 'redos' && ruleOf(flow) !== undefined)
  await slow.ask(wanted.map((flow) => flow.hit.sink))
}

function run(program: Program): readonly CodeFinding[] {
  const findings: CodeFinding[] = []
  const slow = slowIn.get(program) ?? new SlowPatterns()
  const seen = new Map<string, number>()
  const places = new Set<string>()
  for (const flow of flowsIn(program)) {
    const rule = ruleOf(flow)
    if (rule === undefined || (flow.hit.class === 'redos' && !slow.isSlow(flow.hit.sink))) continue
    const finding = findingOf(flow, rule, seen)
    const place = `${finding.rule}:${finding.location.path}:${finding.location.line}`
    if (places.has(place)) continue
    places.add(place)
    findings.push(finding)
  }
  return findings
}

function findingOf(flow: Flow, rule: FlowRule, seen: Map<string, number>): CodeFinding {
  const { hit, source } = flow
  const id = `value-flow/${rule.name}`
  const location = locate(hit.module, hit.span)
  const what = source.what[0]?.toUpperCase() + source.what.slice(1)
  const code = textOf(hit.module, hit.span).split('\n')[0] as string
  const key = `${id}\n${hit.module.path}\n${textOf(hit.module, hit.span)}`
  const occurrence = seen.get(key) ?? 0
  seen.set(key, occurrence + 1)
  return {
    rule: id,
    cwe: rule.cwe,
    severity: severityOf(flow, rule),
    message: `${what} ${flow.whole ? 'reaches' : 'becomes part of what reaches'} ${hit.sink.slice(0, 120)}.`,
    location,
    path: pathOf(flow, code),
    fix: { text: rule.help },
    fingerprint: fingerprintOf(id, hit.module, hit.span, occurrence),
  }
}

/** Nobody can tell who calls a function of Python that the program itself does not call. */
function severityOf({ hit, source }: Flow, rule: FlowRule): FlowRule['severity'] {
  const unsure = source.kind === 'library' && hit.module.language === 'python' && rule.severity === 'error'
  return unsure ? 'warning' : rule.severity
}

function pathOf(flow: Flow, code: string): readonly FindingStep[] {
  const { hit, source } = flow
  // The same part of a request may be read in many places: the first step is where this value was.
  const [first] = flow.steps
  const read = first !== undefined && first.what === source.what
  const from = read ? locate(first.module, first.span) : locate(source.module, source.span)
  const path: FindingStep[] = [{ location: from, message: `${source.what} comes in` }]
  for (const step of flow.steps.slice(read ? 1 : 0)) {
    const location = locate(step.module, step.span)
    const before = path.at(-1)?.location
    if (before?.path === location.path && before.line === location.line && before.column === location.column)
      continue
    path.push({ location, message: step.what ?? 'goes on' })
  }
  const location = locate(hit.module, hit.span)
  path.push({ location, message: `reaches ${code.trim().slice(0, 100)}` })
  return path
}
