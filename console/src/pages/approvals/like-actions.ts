import { equalJson, fieldsOf, pathText } from '../../parts/payload/compare-json.ts'

/** What batching looks at. */
export interface Batchable {
  readonly id: string
  readonly agent: string
  readonly action: string
  /** What it is done to, where the agent said so: part of what is decided on. */
  readonly target: string | null
  readonly risk: string
  readonly reasons: readonly { readonly code: string }[]
  /** Names of the groups in the order of the chain, and which of them waits. */
  readonly groups: readonly string[]
  readonly step: number
  readonly input: unknown
}

export interface Batch<T extends Batchable> {
  readonly key: string
  readonly items: readonly T[]
}

/**
 * Like with like, in the order in which they came: the same agent, action, risk, reasons and people who decide. Only
 * what is alike in all of these may be looked at together. High risk is never batched: each of them needs its own
 * typed reason. Nor is what has more fields than can be compared: a difference could lie behind the padding.
 */
export function likeActions<T extends Batchable>(items: readonly T[]): readonly Batch<T>[] {
  const batches = new Map<string, T[]>()
  for (const item of items) {
    const key = isBatchable(item) ? likeness(item) : item.id
    const batch = batches.get(key)
    if (batch === undefined) batches.set(key, [item])
    else batch.push(item)
  }
  return Array.from(batches, ([key, members]) => ({ key, items: members }))
}

/** Whether it may be decided beside others. */
export function isBatchable({ risk, input }: Batchable): boolean {
  return risk !== 'high' && !fieldsOf(input).more
}

function likeness({ agent, action, target, risk, reasons, groups, step }: Batchable): string {
  const codes = Array.from(new Set(reasons.map(({ code }) => code))).sort()
  return JSON.stringify([agent, action, target, risk, codes, groups, step])
}

/** The fields in which the inputs differ: what a person must look at. */
export function differingFields(inputs: readonly unknown[]): readonly string[] {
  const seen = new Map<string, { readonly value: unknown; count: number; differs: boolean }>()
  for (const input of inputs) {
    for (const { path, after } of fieldsOf(input).fields) {
      const name = pathText(path)
      const known = seen.get(name)
      if (known === undefined) seen.set(name, { value: after, count: 1, differs: false })
      else {
        known.count++
        known.differs ||= !equalJson(known.value, after)
      }
    }
  }
  return Array.from(seen)
    .filter(([, { count, differs }]) => differs || count < inputs.length)
    .map(([name]) => name)
}
