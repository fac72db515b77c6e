import type { Report } from './compilation.ts'
import { parseDuration } from './duration.ts'

/** How long something is kept, ms; `null`: for ever. */
export interface Retention {
  /** The text of records of actions that are over. */
  readonly records: number | null
  /** Inputs, results, reasons: everything that may be personal. */
  readonly payloads: number | null
}

/** `ledger.retention`. */
export interface RetentionRule extends Retention {
  /** Agents for which another time holds, by name. */
  readonly agents: Readonly<Record<string, Retention>>
}

export interface RetentionEntry {
  readonly records?: string
  readonly payloads?: string
  readonly agents?: Readonly<Record<string, { readonly records?: string; readonly payloads?: string }>>
}

/** Nothing is purged that nobody asked for. */
const KEEP_ALL: RetentionRule = Object.freeze({ records: null, payloads: null, agents: {} })

export function compileRetention(entry: RetentionEntry | undefined, report: Report): RetentionRule {
  if (entry === undefined) return KEEP_ALL
  const path = ['ledger', 'retention']
  const own = compile(entry, KEEP_ALL, path, report)
  const agents = Object.entries(entry.agents ?? {}).map(
    ([name, times]) => [name, compile(times, own, [...path, 'agents', name], report)] as const,
  )
  return Object.freeze({ ...own, agents: Object.freeze(Object.fromEntries(agents)) })
}

function compile(
  entry: { readonly records?: string; readonly payloads?: string },
  otherwise: Retention,
  path: readonly string[],
  report: Report,
): Retention {
  const records = entry.records === undefined ? otherwise.records : (parseDuration(entry.records) ?? null)
  const payloads = entry.payloads === undefined ? otherwise.payloads : (parseDuration(entry.payloads) ?? null)
  for (const name of ['records', 'payloads'] as const)
    if (entry[name] !== undefined && (parseDuration(entry[name]) ?? 0) < DAY)
      report([...path, name], 'policy:ledger', 'at least 1d', entry[name])
  if (records !== null && (payloads ?? Infinity) > records)
    return Object.freeze({ records, payloads: records })
  return Object.freeze({ records, payloads })
}

const DAY = 86_400_000
