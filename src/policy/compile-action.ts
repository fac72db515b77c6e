import type { Effect, Risk } from '../action/action.ts'
import type { JsonObject } from '../action/json.ts'
import { nanoFromUsd } from '../action/money.ts'
import type { HistoryUse } from './cel-inspect.ts'
import { compileAt, messageOf } from './compilation.ts'
import type { Compilation, Report } from './compilation.ts'
import { compileApproval, knownGroups } from './compile-approval.ts'
import type { ApproveEntry } from './compile-approval.ts'
import { compileCheck } from './compile-check.ts'
import { compileHeal } from './compile-heal.ts'
import type { HealEntry } from './compile-heal.ts'
import { compileResult } from './compile-result.ts'
import type { ResultEntry } from './compile-result.ts'
import { parseDuration } from './duration.ts'
import { compileInputSchema } from './input-schema.ts'
import type { ActionRule, UndoRule } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** What `actions.X` may hold, after the schema was held against it. */
export interface ActionEntry {
  readonly effect?: Effect
  readonly input?: JsonObject | boolean
  readonly verify?: readonly JsonObject[]
  readonly approve?: readonly ApproveEntry[]
  readonly undo?: {
    readonly within: string
    readonly when?: string
    readonly webhook?: string
    readonly current?: string
    readonly unchanged?: readonly string[]
    readonly about?: string
  }
  readonly cost_usd?: number
  readonly timeout?: string
  readonly start_within?: string
  readonly subject?: string
  readonly approval_wait?: string
  readonly result?: ResultEntry
  readonly heal?: HealEntry
  readonly risk?: Risk
  readonly standing?: boolean
  readonly break_glass?: { readonly by: readonly string[] }
}

const DEFAULT_TIMEOUT = 60_000
/** A model may think for minutes, and a tool that it calls may be a build. */
const LONGER_TIMEOUTS: readonly (readonly [string, number])[] = [
  ['model.', 600_000],
  ['tool.', 3_600_000],
]
const DEFAULT_START_WITHIN = 300_000
const DEFAULT_APPROVAL_WAIT = 120_000

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
      : compileAt(entry.subject, 'strings', [...path, 'subject'], compilation, { history: false })
  knownGroups(entry.break_glass?.by ?? [], [...path, 'break_glass', 'by'], compilation)
  const undo = entry.undo === undefined ? null : compileUndo(entry.undo, [...path, 'undo'], compilation)
  const result =
    entry.result === undefined ? null : compileResult(entry.result, [...path, 'result'], compilation)
  return {
    pattern,
    effect: entry.effect ?? 'write',
    input: compileInput(entry.input, [...path, 'input'], compilation.report),
    checks,
    approvals,
    undo,
    cost: nanoFromUsd(entry.cost_usd ?? 0),
    timeout: parseDuration(entry.timeout) ?? defaultTimeout(pattern),
    startWithin: parseDuration(entry.start_within) ?? DEFAULT_START_WITHIN,
    subjects,
    usesHistory: compilation.expressions
      .slice(before)
      .some(({ expression }) => expression.history.length > 0),
    result,
    heal: entry.heal === undefined ? null : compileHeal(entry.heal, [...path, 'heal'], compilation),
    approvalWait: parseDuration(entry.approval_wait) ?? DEFAULT_APPROVAL_WAIT,
    risk: entry.risk ?? null,
    standing: entry.standing ?? false,
    breakGlass: entry.break_glass?.by ?? [],
  }
}

function defaultTimeout(pattern: string): number {
  return LONGER_TIMEOUTS.find(([prefix]) => pattern.startsWith(prefix))?.[1] ?? DEFAULT_TIMEOUT
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

function compileUndo(
  undo: NonNullable<ActionEntry['undo']>,
  path: DocumentPath,
  compilation: Compilation,
): UndoRule {
  const when =
    undo.when === undefined
      ? null
      : compileAt(undo.when, 'bool', [...path, 'when'], compilation, { result: true })
  const about =
    undo.about === undefined
      ? null
      : compileAt(undo.about, 'strings', [...path, 'about'], compilation, { history: false })
  return {
    within: parseDuration(undo.within) ?? 0,
    when,
    webhook: undo.webhook ?? null,
    current: undo.current ?? null,
    unchanged: undo.unchanged ?? null,
    about,
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
