import type { Action, ProposalPayload } from '../../action/action.ts'
import type { Reason } from '../../action/finding.ts'
import { globMatches } from '../../action/glob.ts'
import { isJsonObject, type JsonValue } from '../../action/json.ts'
import { parseDuration } from '../../policy/duration.ts'
import type { ActionRule } from '../../policy/policy.ts'
import type { HistoryEntry, Store } from '../../storage/store.ts'

/** One thing that spoke for the decision, with what of the policy, the input and the past made it speak. */
export interface Factor {
  readonly kind: 'rule' | 'check' | 'approval' | 'budget' | 'rate' | 'agent' | 'breaker' | 'input' | 'policy'
  readonly code: string
  readonly message: string
  /** It is the one that the decision follows. */
  readonly decides: boolean
  /** Where in the policy, as a path; `null` when that policy is no longer in force. */
  readonly where: string | null
  /** The condition as written. */
  readonly condition: string | null
  /** What of the input the condition names, and what stood there; where a check found something, its place alone. */
  readonly inputs: readonly { readonly path: string; readonly value: JsonValue }[]
  /** What the condition asks of the past, and what the answer was; without actions that were refused since. */
  readonly history: readonly { readonly asked: string; readonly was: number }[]
  readonly evidence?: JsonValue
}

type Explained = Reason & { readonly evidence?: JsonValue }

const KINDS = ['budget', 'rate', 'agent', 'breaker', 'approval', 'input', 'rule'] as const
const LONGEST_VALUE = 500
const MOST = 20

/** Every reason of the decision with what it rests on, the deciding one first. */
export async function factorsOf(
  store: Store,
  action: Action,
  reasons: readonly Explained[],
  payload: ProposalPayload | null,
  entry: ActionRule | undefined,
): Promise<readonly Factor[]> {
  const decides = action.decision !== 'allow'
  return Promise.all(
    reasons.map(async (reason, index) => {
      const place = placeOf(reason, entry)
      const condition = place?.condition ?? null
      return {
        kind: kindOf(reason, place?.kind),
        code: reason.code,
        message: reason.message,
        decides: decides && index === 0,
        where: place === undefined || entry === undefined ? null : `actions.${entry.pattern}.${place.where}`,
        condition,
        inputs: [...inputsOf(condition, action, payload), ...foundAt(reason.evidence)].slice(0, MOST),
        history: condition === null ? [] : await historyOf(store, action, condition),
        ...(reason.evidence !== undefined && { evidence: reason.evidence }),
      }
    }),
  )
}

interface Place {
  readonly kind: 'rule' | 'check' | 'approval'
  readonly where: string
  readonly condition: string | null
}

/** The line of the policy's entry that gave the reason. */
function placeOf({ code, check, message }: Explained, entry: ActionRule | undefined): Place | undefined {
  if (entry === undefined) return undefined
  const lines = entry.checks.map((line, index) => ({ line, index })).filter(({ line }) => line.name === check)
  const named =
    lines.find(({ line }) => line.code === code) ??
    lines.find(({ line }) => line.message === message) ??
    lines[0]
  if (named !== undefined) {
    const { line, index } = named
    const where = `verify[${index}].${line.name}`
    return typeof line.run === 'function'
      ? { kind: 'check', where, condition: null }
      : { kind: 'rule', where, condition: line.run.when.source }
  }
  const index = entry.approvals.findIndex((one) => one.code === code && one.message === message)
  if (index < 0) return undefined
  return {
    kind: 'approval',
    where: `approve[${index}]`,
    condition: entry.approvals[index]?.when?.source ?? null,
  }
}

function kindOf({ code, check }: Explained, placed: Place['kind'] | undefined): Factor['kind'] {
  if (placed !== undefined) return placed
  const space = code.split(':', 1)[0]
  return KINDS.find((kind) => kind === space) ?? (check === undefined ? 'policy' : 'check')
}

const INPUT = /\binput((?:\.[A-Za-z_][A-Za-z0-9_]{0,99})+)/g
const OF_ACTION = /\baction\.(confidence|cost_usd|reason|session|effect)\b/g

function inputsOf(
  condition: string | null,
  action: Action,
  payload: ProposalPayload | null,
): readonly { readonly path: string; readonly value: JsonValue }[] {
  if (condition === null) return []
  const own: Readonly<Record<string, JsonValue>> = {
    confidence: action.confidence,
    cost_usd: action.cost / 1e9,
    reason: payload?.reason ?? null,
    session: action.session,
    effect: action.effect,
  }
  const paths = new Set([...condition.matchAll(INPUT)].map(([, path]) => (path as string).slice(1)))
  const words = new Set([...condition.matchAll(OF_ACTION)].map(([, word]) => word as string))
  return [
    ...[...paths].map((path) => ({ path: `input.${path}`, value: bounded(valueAt(payload, path)) })),
    ...[...words].map((word) => ({ path: `action.${word}`, value: bounded(own[word] ?? null) })),
  ]
}

function valueAt(payload: ProposalPayload | null, path: string): JsonValue {
  let value: JsonValue = payload?.enforced ?? payload?.input ?? null
  for (const key of path.split('.')) {
    // A method of the value, such as `size()`, says something of the value itself.
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) return isJsonObject(value) ? null : value
    value = value[key] ?? null
  }
  return value
}

/** Checks tell where they found something; what it was may be what nobody should read again. */
function foundAt(evidence: JsonValue | undefined): readonly { path: string; value: JsonValue }[] {
  if (!isJsonObject(evidence) || !Array.isArray(evidence['path'])) return []
  const steps = evidence['path'] as readonly JsonValue[]
  return [{ path: ['input', ...steps.map((step) => String(step as string | number))].join('.'), value: null }]
}

function bounded(value: JsonValue): JsonValue {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length <= LONGEST_VALUE ? value : `${text.slice(0, LONGEST_VALUE)}…`
}

const ASKED =
  /\bhistory(_all)?\.(count|sum)\(\s{0,20}["']([^"']{1,200})["']\s{0,20},\s{0,20}["']([^"']{1,200})["']\s{0,20}(?:,\s{0,20}["']([^"']{1,200})["']\s{0,20})?\)/g

async function historyOf(store: Store, action: Action, condition: string): Promise<Factor['history']> {
  const asked = [...condition.matchAll(ASKED)].slice(0, MOST)
  return Promise.all(
    asked.map(async ([text, all, what, name = '', second = '', third]) => {
      const window = parseDuration(third ?? second) ?? 0
      const entries = await store.history({
        ...(all === undefined && { agent: action.agent }),
        since: action.proposedAt - window,
        except: action.id,
      })
      const before = entries.filter((one) => one.at <= action.proposedAt && matches(name, one))
      const sum = before.reduce((total, { measures }) => total + (measures[second] ?? 0), 0)
      return { asked: text, was: what === 'count' ? before.length : sum }
    }),
  )
}

function matches(pattern: string, { name }: HistoryEntry): boolean {
  return pattern.includes('*') ? globMatches(pattern, name) : pattern === name
}
