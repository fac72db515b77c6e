// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import type { Effect } from '../action/action.ts'
import { parseDecision } from '../action/decision.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { nanoFromUsd } from '../action/money.ts'
import type { CompiledExpression } from './cel.ts'
import { compileExpression, ExpressionFault } from './cel.ts'
import type { HistoryUse } from './cel-inspect.ts'
import type { Check, CheckSetup, PreparedCheck } from './check.ts'
import { didYouMean } from './did-you-mean.ts'
import { parseDuration } from './duration.ts'
import { compileInputSchema } from './input-schema.ts'
import type { ActionRule, ApprovalRule, ApproverGroup, CheckRule, Then, UndoRule } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** What `actions.X` may hold, after the schema was held against it. */
export interface ActionEntry {
  readonly effect?: Effect
  readonly input?: JsonObject | boolean
  readonly verify?: readonly JsonObject[]
  readonly approve?: readonly ApproveEntry[]
  readonly undo?: { readonly within: string; readonly when?: string; readonly webhook?: string }
  readonly cost_usd?: number
  readonly timeout?: string
  readonly start_within?: string
  readonly subject?: string
}

interface ApproveEntry {
  readonly when?: string
  readonly by: readonly string[]
  readonly expires?: string
  readonly code?: string
  readonly message?: string
}

/** Tells a fault at a path; with `offset`, at a character of the text there. */
export type Report = (
  path: DocumentPath,
  code: string,
  expected: string,
  found: string,
  offset?: number,
) => void

/** What the entries of a policy have in common while they are compiled. */
export interface Compilation {
  readonly checks: ReadonlyMap<string, Check>
  readonly setup: CheckSetup
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly approvers: Readonly<Record<string, ApproverGroup>>
  readonly report: Report
  /** Every expression that compiled, with its place; for measures, history and lint. */
  readonly expressions: { readonly path: DocumentPath; readonly expression: CompiledExpression<unknown> }[]
}

const DEFAULT_TIMEOUT = 60_000
const DEFAULT_START_WITHIN = 300_000
const DEFAULT_EXPIRES = 86_400_000

/** Compiles one entry of `actions:`. Faults are reported; what had one is left out, and the policy is not used. */
export function compileAction(pattern: string, entry: ActionEntry, compilation: Compilation): ActionRule {
  const path: DocumentPath = ['actions', pattern]
  const before = compilation.expressions.length
  const checks = (entry.verify ?? []).flatMap((line, at) =>
    compileCheck(line, [...path, 'verify', at], compilation),
  )
  const approvals = (entry.approve ?? []).map((line, at) =>
    compileApproval(line, [...path, 'approve', at], compilation),
  )
  const subjects =
    entry.subject === undefined
      ? null
      : compileAt(entry.subject, 'strings', [...path, 'subject'], compilation)
  const undo = entry.undo === undefined ? null : compileUndo(entry.undo, [...path, 'undo'], compilation)
  return {
    pattern,
    effect: entry.effect ?? 'write',
    input: compileInput(entry.input, [...path, 'input'], compilation.report),
    checks,
    approvals,
    undo,
    cost: nanoFromUsd(entry.cost_usd ?? 0),
    timeout: parseDuration(entry.timeout) ?? DEFAULT_TIMEOUT,
    startWithin: parseDuration(entry.start_within) ?? DEFAULT_START_WITHIN,
    subjects,
    usesHistory: compilation.expressions
      .slice(before)
      .some(({ expression }) => expression.history.length > 0),
    result: null,
    heal: null,
    approvalWait: 120_000,
  }
}

function compileInput(
  schema: JsonObject | boolean | undefined,
  path: DocumentPath,
  report: Report,
): ActionRule['input'] {
  if (schema === undefined) return null
  try {
    return compileInputSchema(schema)
  } catch (error) {
    report(path, 'policy:input_schema', 'a JSON Schema (2020-12)', messageOf(error))
    return null
  }
}

function compileCheck(line: JsonObject, path: DocumentPath, compilation: Compilation): CheckRule[] {
  const [name] = Object.keys(line)
  if (name === undefined) return []
  const source = line[name] as JsonObject | null
  const { then, code, message, tags, ...options } = (source ?? {}) as JsonObject & CommonOptions
  const common = {
    name,
    then: parseThen(then),
    code: code ?? null,
    message: message ?? null,
    tags: tags ?? [],
    source: line[name] as JsonValue,
  }
  if (name === 'rule') {
    const when = compileAt(options['when'] as string, 'bool', [...path, 'rule', 'when'], compilation)
    return when === null ? [] : [{ ...common, run: { kind: 'rule', when } }]
  }
  const check = compilation.checks.get(name)
  if (check === undefined) return []
  try {
    const run: unknown = check.prepare(options as JsonObject, compilation.setup)
    if (typeof run !== 'function') throw new Error('the check prepared no function')
    return [{ ...common, run: run as PreparedCheck }]
  } catch (error) {
    compilation.report(
      [...path, name],
      'policy:check',
      `options that the check ${name} can use`,
      messageOf(error),
    )
    return []
  }
}

interface CommonOptions {
  readonly then?: string
  readonly code?: string
  readonly message?: string
  readonly tags?: readonly string[]
}

function parseThen(word: string | undefined): Then | null {
  if (word === undefined) return null
  if (word === 'redact' || word === 'warn') return word
  return parseDecision(word) ?? 'deny'
}

function compileApproval(entry: ApproveEntry, path: DocumentPath, compilation: Compilation): ApprovalRule {
  const { approvers, report } = compilation
  for (const [at, group] of entry.by.entries()) {
    if (Object.hasOwn(approvers, group)) continue
    const known = Object.keys(approvers)
    const names = known.length === 0 ? 'a group of approvers; none is defined' : `one of ${known.join(', ')}`
    report([...path, 'by', at], 'policy:unknown_group', `${names}${didYouMean(group, known)}`, group)
  }
  const when = entry.when === undefined ? null : compileAt(entry.when, 'bool', [...path, 'when'], compilation)
  const groups = entry.by.join(', then ')
  return {
    when,
    by: entry.by,
    expires: parseDuration(entry.expires) ?? DEFAULT_EXPIRES,
    code: entry.code ?? 'approval:required',
    message:
      entry.message ??
      (entry.when === undefined
        ? `Needs the approval of ${groups}.`
        : `Needs the approval of ${groups}, because: ${shortened(entry.when)}`),
  }
}

function shortened(source: string): string {
  const line = source.trim().replace(/\s+/g, ' ')
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}

function compileUndo(
  undo: NonNullable<ActionEntry['undo']>,
  path: DocumentPath,
  compilation: Compilation,
): UndoRule {
  const when =
    undo.when === undefined ? null : compileAt(undo.when, 'bool', [...path, 'when'], compilation, true)
  return { within: parseDuration(undo.within) ?? 0, when, webhook: undo.webhook ?? null }
}

function compileAt(
  source: string,
  type: 'bool',
  path: DocumentPath,
  compilation: Compilation,
  withResult?: boolean,
): CompiledExpression<boolean> | null
function compileAt(
  source: string,
  type: 'strings',
  path: DocumentPath,
  compilation: Compilation,
): CompiledExpression<readonly string[]> | null
function compileAt(
  source: string,
  type: 'bool' | 'strings',
  path: DocumentPath,
  { lists, report, expressions }: Compilation,
  withResult = false,
): CompiledExpression<unknown> | null {
  try {
    const expression =
      type === 'bool' ? compileExpression(source, 'bool', lists) : compileExpression(source, 'strings', lists)
    if (!withResult && expression.names.has('result'))
      report(
        path,
        'policy:expression',
        'no result: it is known only in undo.when',
        'result',
        source.indexOf('result'),
      )
    if (type === 'strings' && expression.history.length > 0)
      report(path, 'policy:expression', 'no history in subject', 'history', expression.history[0]!.start)
    expressions.push({ path, expression })
    return expression
  } catch (error) {
    const offset = error instanceof ExpressionFault ? error.start : 0
    report(path, 'policy:expression', 'a CEL expression that can be evaluated', messageOf(error), offset)
    return null
  }
}

/** The sums to record with every action, and how far back history functions look. */
export function historyNeeds(uses: Iterable<HistoryUse>): {
  readonly measures: readonly { readonly action: string; readonly path: string }[]
  readonly window: number
} {
  const measures = new Map<string, { readonly action: string; readonly path: string }>()
  let window = 0
  for (const use of uses) {
    window = Math.max(window, use.window)
    if (use.path !== null) measures.set(`${use.action}\n${use.path}`, { action: use.action, path: use.path })
  }
  return { measures: [...measures.values()], window }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
