// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import { resolve } from 'node:path'
import { globMatches } from '../action/glob.ts'
import type { JsonValue } from '../action/json.ts'
import type { BudgetWindow } from '../action/budget-window.ts'
import { compileAt, messageOf } from './compilation.ts'
import type { Compilation } from './compilation.ts'
import { didYouMean } from './did-you-mean.ts'
import { parseDuration } from './duration.ts'
import type { Expression, PolicyFault } from './policy.ts'
import { percentOf, readRubric } from './rubric.ts'
import type { Rubric } from './rubric.ts'
import type { QUALITY_RESPONSES, TIMINGS } from './schema-quality.ts'

/** As which agent the judge's model is called. */
export const JUDGE_AGENT = 'belay.judge'

/** Rubrics that ship with the package, in its folder `rubrics`. */
export const SHIPPED_RUBRICS = ['brand-voice', 'reputational-risk'] as const

export type QualityResponse = (typeof QUALITY_RESPONSES)[number]
export type Timing = (typeof TIMINGS)[number]

/** `quality:`. Times are milliseconds. */
export interface QualityRule {
  /** What the judge is told of whom the agents work for. */
  readonly about: string | null
  readonly judge: JudgeRule
  readonly scores: readonly ScoreRule[]
}

export interface JudgeRule {
  readonly provider: string
  readonly model: string
  readonly timeout: number
  readonly maxTokens: number
  /** How long a verdict holds for the same content; 0: not at all. */
  readonly cache: number
  readonly params: Readonly<Record<string, JsonValue>>
}

/** An entry of `quality.rules`. */
export interface ScoreRule {
  readonly action: string
  readonly agent: string
  readonly rubric: Rubric
  readonly when: Expression<boolean> | null
  /** `null`: before what is of high risk, after the rest. */
  readonly timing: Timing | null
  /** The share that is scored, 0 … 1. */
  readonly sample: number
  /** A score below it is rejected, 0 … 100. */
  readonly threshold: number
  /** What a low score, or none, leads to before the action. */
  readonly then: QualityResponse
}

export interface QualityEntry {
  readonly about?: string
  readonly judge: {
    readonly provider: string
    readonly model: string
    readonly budget: readonly { readonly limit_usd: number; readonly per: 'action' | BudgetWindow }[]
    readonly timeout?: string
    readonly max_tokens?: number
    readonly cache?: string
    readonly params?: Readonly<Record<string, JsonValue>>
  }
  readonly rubrics?: Readonly<Record<string, string>>
  readonly rules: readonly {
    readonly action: string
    readonly agent?: string
    readonly rubric: string
    readonly when?: string
    readonly timing?: Timing
    readonly sample?: string
    readonly threshold?: string
    readonly then?: QualityResponse
  }[]
}

/** Files that the section names are read by these. */
export interface RubricFiles {
  /** A file beside the policy. Throws with a plain sentence. */
  readonly own: (path: string) => string
  /** A file of the package. */
  readonly shipped: (path: string) => string
  /** Faults in a rubric's own file. */
  readonly faulty: (faults: readonly PolicyFault[]) => void
}

const DEFAULT_TIMEOUT = 30_000
const DEFAULT_TOKENS = 1_000
const DEFAULT_CACHE = 86_400_000
/** The gateway's own business. */
const FIXED_PARAMS = new Set([
  'model',
  'messages',
  'system',
  'input',
  'contents',
  'systemInstruction',
  'system_instruction',
  'max_tokens',
  'max_completion_tokens',
  'maxOutputTokens',
  'stream',
  'n',
  'tools',
  'tool_choice',
])

/** Compiles `quality:`. Faults are reported; the policy is not used then. */
export function compileQuality(
  entry: QualityEntry | undefined,
  compilation: Compilation,
  files: RubricFiles,
): QualityRule | null {
  if (entry === undefined) return null
  const { judge } = entry
  const { report, providers } = compilation
  if (!providers.has(judge.provider)) {
    const expected = `a provider that the file declares or Belay knows${didYouMean(judge.provider, providers)}`
    report(['quality', 'judge', 'provider'], 'policy:unknown_provider', expected, judge.provider)
  }
  for (const param of Object.keys(judge.params ?? {}))
    if (FIXED_PARAMS.has(param))
      report(
        ['quality', 'judge', 'params', param],
        'policy:quality',
        'a parameter that is not the gateway’s own business',
        param,
      )
  const rubrics = readRubrics(entry, compilation, files)
  const scores = entry.rules.flatMap((rule, index): ScoreRule[] => {
    const path = ['quality', 'rules', index]
    if (rule.timing === 'after' && rule.then !== undefined && rule.then !== 'alert')
      report(
        [...path, 'then'],
        'policy:quality',
        'alert: what has happened can no longer be refused or held',
        rule.then,
      )
    const when =
      rule.when === undefined
        ? null
        : compileAt(rule.when, 'bool', [...path, 'when'], compilation, { history: false })
    const rubric = rubrics.get(rule.rubric)
    if (rubric === undefined) {
      const known = [...new Set([...Object.keys(entry.rubrics ?? {}), ...SHIPPED_RUBRICS])]
      if (!known.includes(rule.rubric))
        report(
          [...path, 'rubric'],
          'policy:quality',
          `one of ${known.join(', ')}${didYouMean(rule.rubric, known)}`,
          rule.rubric,
        )
      return []
    }
    return [
      Object.freeze({
        action: rule.action,
        agent: rule.agent ?? '*',
        rubric,
        when,
        timing: rule.timing ?? null,
        sample: (percentOf(rule.sample) ?? 100) / 100,
        threshold: percentOf(rule.threshold) ?? rubric.threshold,
        then: rule.then ?? 'deny',
      }),
    ]
  })
  return Object.freeze({
    about: entry.about ?? null,
    judge: Object.freeze({
      provider: judge.provider,
      model: judge.model,
      timeout: parseDuration(judge.timeout) ?? DEFAULT_TIMEOUT,
      maxTokens: judge.max_tokens ?? DEFAULT_TOKENS,
      cache: parseDuration(judge.cache) ?? DEFAULT_CACHE,
      params: judge.params ?? {},
    }),
    scores,
  })
}

/** Those that rules name, and those that the file declares although no rule does. */
function readRubrics(
  entry: QualityEntry,
  { report }: Compilation,
  files: RubricFiles,
): ReadonlyMap<string, Rubric> {
  const read = new Map<string, Rubric>()
  const declared = entry.rubrics ?? {}
  const take = (name: string, path: readonly string[], file: string, text: () => string): void => {
    try {
      const { rubric, faults } = readRubric(text(), file)
      if (rubric === null) {
        files.faulty(faults)
        return
      }
      if (rubric.name === name) read.set(name, rubric)
      else report(path, 'policy:quality', `a rubric whose name is ${name}`, rubric.name)
    } catch (error) {
      report(path, 'policy:quality', 'a rubric’s file that can be read', messageOf(error))
    }
  }
  for (const [name, file] of Object.entries(declared))
    take(name, ['quality', 'rubrics', name], file, () => files.own(file))
  for (const name of SHIPPED_RUBRICS) {
    if (Object.hasOwn(declared, name) || !entry.rules.some(({ rubric }) => rubric === name)) continue
    const file = resolve(import.meta.dirname, '../../rubrics', `${name}.yaml`)
    take(name, ['quality', 'rules'], file, () => files.shipped(file))
  }
  return read
}

/** The rules for an action of an agent. */
export function scoresFor(rule: QualityRule, action: string, agent: string): readonly ScoreRule[] {
  return rule.scores.filter((one) => globMatches(one.action, action) && globMatches(one.agent, agent))
}

/** The agent as which the judge is called has the judge's budget, beside what the file says of it. */
export function withJudge<E extends { readonly budget?: QualityEntry['judge']['budget'] }>(
  agents: Readonly<Record<string, E | null>>,
  quality: QualityEntry | undefined,
): Readonly<Record<string, E | null | { readonly budget: QualityEntry['judge']['budget'] }>> {
  if (quality === undefined) return agents
  const declared = Object.hasOwn(agents, JUDGE_AGENT) ? agents[JUDGE_AGENT] : null
  const budget = [...(declared?.budget ?? []), ...quality.judge.budget]
  return { ...agents, [JUDGE_AGENT]: { ...declared, budget } }
}

/** What of the package's own files the policy's digest must cover. */
export function shippedRubrics(quality: QualityRule | null): { readonly rubrics?: Record<string, string> } {
  if (quality === null) return {}
  return { rubrics: Object.fromEntries(quality.scores.map(({ rubric }) => [rubric.name, rubric.digest])) }
}
