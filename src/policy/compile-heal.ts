import type { Compilation } from './compilation.ts'
import { didYouMean } from './did-you-mean.ts'
import { parseDuration } from './duration.ts'
import type { DowngradeRule, HealRule, ModelChoice } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** A model of the provider that was called, or one of another provider. Ids may hold slashes, so none separates them. */
export type ModelEntry = string | { readonly provider: string; readonly model: string }

export interface HealEntry {
  readonly retries?: number
  readonly max_wait?: string
  readonly fallback?: readonly ModelEntry[]
  readonly rejected?: number
  readonly low_budget?: { readonly below: number; readonly model: string; readonly provider?: string }
}

export interface DowngradeEntry {
  readonly at: number
  readonly model: string
  readonly provider?: string
}

const DEFAULT_RETRIES = 2
const DEFAULT_MAX_WAIT = 20_000

/** Compiles `actions.X.heal`. A provider that is neither declared nor a known vendor is a fault. */
export function compileHeal(entry: HealEntry, path: DocumentPath, compilation: Compilation): HealRule {
  const choose = (choice: ModelEntry, at: DocumentPath): ModelChoice => {
    if (typeof choice === 'string') return { provider: null, model: choice }
    refuseUnknownProvider(choice.provider, at, compilation)
    return { provider: choice.provider, model: choice.model }
  }
  const { low_budget: low } = entry
  return {
    retries: entry.retries ?? DEFAULT_RETRIES,
    maxWait: parseDuration(entry.max_wait) ?? DEFAULT_MAX_WAIT,
    fallback: (entry.fallback ?? []).map((choice, at) => choose(choice, [...path, 'fallback', at])),
    rejected: entry.rejected ?? 0,
    lowBudget:
      low === undefined
        ? null
        : {
            below: low.below,
            use: choose(
              low.provider === undefined ? low.model : { provider: low.provider, model: low.model },
              [...path, 'low_budget'],
            ),
          },
  }
}

/** Compiles `agents.X.downgrade`. */
export function compileDowngrade(
  { at, model, provider }: DowngradeEntry,
  path: DocumentPath,
  known: Pick<Compilation, 'providers' | 'report'>,
): DowngradeRule {
  if (provider !== undefined) refuseUnknownProvider(provider, path, known)
  return { at, use: { provider: provider ?? null, model } }
}

function refuseUnknownProvider(
  provider: string,
  path: DocumentPath,
  { providers, report }: Pick<Compilation, 'providers' | 'report'>,
): void {
  if (providers.has(provider)) return
  const expected = `a provider that the file declares or Belay knows${didYouMean(provider, providers)}`
  report([...path, 'provider'], 'policy:unknown_provider', expected, provider)
}
