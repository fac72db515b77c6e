import { parseDecision } from '../action/decision.ts'
import type { Decision } from '../action/decision.ts'
import { canonicalJson } from '../action/digest.ts'
import { isJsonObject } from '../action/json.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { parseDuration } from './duration.ts'
import { isGlob } from './glob.ts'
import { mapOf, textsOf } from './lint.ts'
import type { Policy } from './policy.ts'

/** One difference in what two policies mean. */
export interface PolicyChange {
  /** Dotted path, for example `actions.payments.refund.approve`. */
  readonly where: string
  readonly kind: 'added' | 'removed' | 'changed'
  /** As written; absent where there was or is nothing. */
  readonly before?: JsonValue
  readonly after?: JsonValue
  /** Whether more or less is let through; `null` where that depends on what is asked for. */
  readonly direction: Direction
  /** What takes the place of an entry that is not there: another entry, or the default. */
  readonly otherwise?: string
}

type Direction = 'stricter' | 'looser' | null

/**
 * What changes in meaning from one policy to the other, in the order of the file. Comments, order where it does not
 * matter, defaults that are written out and other words for the same (`60m`, `1h`; `hold`, `require_approval`) are
 * no difference. Keys of providers are hidden in policies and so not compared.
 */
export function diffPolicies(before: Policy, after: Policy): readonly PolicyChange[] {
  const a = before.document
  const b = after.document
  const changes: PolicyChange[] = []
  const strictness: Readonly<Record<string, number>> = { observe: 0, enforce: 1 }
  ranked(changes, 'mode', before.mode, after.mode, strictness)
  ranked(changes, 'defaults.decision', before.defaultDecision, after.defaultDecision, RANK)
  limits(changes, '', a, b)
  eachEntry(a, b, 'agents', (where, one, other) => {
    if (one === undefined || other === undefined) return whole(changes, where, one, other, null)
    limits(changes, `${where}.`, one, other)
    fields(changes, where, rest(one, LIMITS), rest(other, LIMITS), AGENT_DEFAULTS, (name) =>
      name === 'breaker' || name === 'anomaly' ? 'stricter' : null,
    )
  })
  eachEntry(a, b, 'actions', (where, one, other, name) => {
    if (one === undefined) return entry(changes, where, other as JsonObject, 'added', name, before)
    if (other === undefined) return entry(changes, where, one, 'removed', name, after)
    lines(changes, `${where}.verify`, one['verify'], other['verify'], checkName)
    lines(changes, `${where}.approve`, withDefaults(one['approve']), withDefaults(other['approve']), groupsOf)
    const [result, newResult] = [mapOf(one['result']), mapOf(other['result'])]
    lines(changes, `${where}.result.verify`, result['verify'], newResult['verify'], checkName)
    fields(
      changes,
      `${where}.result`,
      rest(result, ['verify']),
      rest(newResult, ['verify']),
      { hold: 256 },
      () => null,
    )
    const told = ['verify', 'approve', 'result']
    fields(changes, where, rest(one, told), rest(other, told), ACTION_DEFAULTS, (field) =>
      field === 'input' ? 'stricter' : null,
    )
  })
  eachList(changes, 'lists', mapOf(a['lists']), mapOf(b['lists']))
  eachEntry(a, b, 'approvers', (where, one, other) => {
    if (one === undefined || other === undefined) return whole(changes, where, one, other, null)
    items(changes, `${where}.members`, one['members'], other['members'])
    const quorums = [one['quorum'] ?? 1, other['quorum'] ?? 1] as const
    if (quorums[0] !== quorums[1]) {
      const direction = quorums[1] > quorums[0] ? 'stricter' : 'looser'
      changes.push({
        where: `${where}.quorum`,
        kind: 'changed',
        before: quorums[0],
        after: quorums[1],
        direction,
      })
    }
  })
  const told = ['version', 'mode', 'defaults', 'agents', 'actions', 'lists', 'approvers', ...LIMITS]
  fields(changes, '', rest(a, told), rest(b, told), {}, () => null)
  return changes
}

const RANK: Readonly<Record<Decision, number>> = { allow: 0, transform: 1, require_approval: 2, deny: 3 }
const LIMITS = ['budget', 'rate']
const AGENT_DEFAULTS: JsonObject = {
  breaker: { over: 100, then: 'pause', probes: 1 },
  concurrency: { limit: 16, queue: 64, wait: '30s' },
}
const ACTION_DEFAULTS: JsonObject = {
  effect: 'write',
  cost_usd: 0,
  start_within: '5m',
  approval_wait: '120s',
  heal: { retries: 2, max_wait: '20s', rejected: 0 },
}
// Values of these keys are durations or decisions, which can be written in several ways.
const DURATIONS: ReadonlySet<string> = new Set([
  'expires',
  'after',
  'within',
  'timeout',
  'start_within',
  'approval_wait',
  'max_wait',
  'cooldown',
  'wait',
  'drain',
  'connect',
  'first_byte',
  'idle',
])

function ranked(
  changes: PolicyChange[],
  where: string,
  before: string,
  after: string,
  rank: Readonly<Record<string, number>>,
): void {
  if (before === after) return
  const direction = (rank[after] ?? 0) > (rank[before] ?? 0) ? 'stricter' : 'looser'
  changes.push({ where, kind: 'changed', before, after, direction })
}

/** Budgets and rates by their window; of two for the same window the smaller counts. */
function limits(changes: PolicyChange[], prefix: string, a: JsonObject, b: JsonObject): void {
  for (const [section, field] of [
    ['budget', 'limit_usd'],
    ['rate', 'limit'],
  ] as const) {
    for (const { window, stricter } of pausing(a[section], b[section]))
      changes.push({
        where: `${prefix}${section} per ${window}.then`,
        ...(stricter ? sides(undefined, 'pause') : sides('pause', undefined)),
        direction: stricter ? 'stricter' : 'looser',
      })
    const [one, other] = [byWindow(a[section], field), byWindow(b[section], field)]
    for (const window of new Set([...one.keys(), ...other.keys()])) {
      const [before, after] = [one.get(window), other.get(window)]
      if (before === after) continue
      const tighter = before === undefined || (after !== undefined && after < before)
      changes.push({
        where: `${prefix}${section} per ${window}`,
        ...sides(before, after),
        direction: tighter ? 'stricter' : 'looser',
      })
    }
  }
}

/** The windows whose limits pause the agent on one side alone. */
function pausing(
  a: JsonValue | undefined,
  b: JsonValue | undefined,
): { window: string; stricter: boolean }[] {
  const windows = (value: JsonValue | undefined): Set<string> =>
    new Set(
      listOf(value)
        .filter(isJsonObject)
        .filter(({ then }) => then === 'pause')
        .flatMap(({ per }) => (typeof per === 'string' ? [per] : [])),
    )
  const [before, after] = [windows(a), windows(b)]
  return [...new Set([...before, ...after])]
    .filter((window) => before.has(window) !== after.has(window))
    .map((window) => ({ window, stricter: after.has(window) }))
}

function byWindow(value: JsonValue | undefined, field: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const limit of listOf(value).filter(isJsonObject)) {
    const [window, amount] = [limit['per'], limit[field]]
    if (typeof window === 'string' && typeof amount === 'number')
      found.set(window, Math.min(amount, found.get(window) ?? amount))
  }
  return found
}

/** An action's entry that only one side has: what stands in its place decides whether that is looser. */
function entry(
  changes: PolicyChange[],
  where: string,
  value: JsonObject,
  kind: 'added' | 'removed',
  name: string,
  without: Policy,
): void {
  const change = kind === 'added' ? { where, kind, after: value } : { where, kind, before: value }
  if (isGlob(name)) return void changes.push({ ...change, direction: null })
  const stand = without.action(name)?.pattern
  const refused = stand === undefined && without.defaultDecision === 'deny'
  changes.push({
    ...change,
    direction: refused ? (kind === 'added' ? 'looser' : 'stricter') : null,
    otherwise: stand ?? `no entry: ${without.defaultDecision}`,
  })
}

/** Lines that add up, such as checks: one more is stricter. One line of the same name on each side is a change of it. */
function lines(
  changes: PolicyChange[],
  where: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  nameOf: (line: JsonValue) => string,
): void {
  const [a, b] = [listOf(before), listOf(after)]
  const gone = without(a, b)
  const come = without(b, a)
  for (const line of gone) {
    const name = nameOf(line)
    const alike = (other: JsonValue): boolean => nameOf(other) === name
    const partner =
      gone.filter(alike).length === 1 && come.filter(alike).length === 1 ? come.find(alike) : undefined
    const at = `${where}.${name}`
    if (partner === undefined)
      changes.push({
        where: at,
        kind: 'removed',
        before: line,
        direction: demandOf(optionsOf(line)) === 0 ? null : 'looser',
      })
    else {
      come.splice(come.indexOf(partner), 1)
      lineFields(changes, at, optionsOf(line), optionsOf(partner))
    }
  }
  for (const line of come)
    changes.push({
      where: `${where}.${nameOf(line)}`,
      kind: 'added',
      after: line,
      direction: demandOf(optionsOf(line)) === 0 ? null : 'stricter',
    })
  // What one check leaves is what the next one sees.
  if (gone.length === 0 && come.length === 0 && a.some((line, at) => !same(line, b[at])))
    changes.push({ where, kind: 'changed', before: a.map(nameOf), after: b.map(nameOf), direction: null })
}

/** Options of one line, one by one. What it demands (`then`) is the one whose change always tells. */
function lineFields(changes: PolicyChange[], where: string, a: JsonObject, b: JsonObject): void {
  fields(changes, where, rest(a, ['then']), rest(b, ['then']), {}, () => null)
  const [before, after] = [a['then'] ?? 'deny', b['then'] ?? 'deny']
  if (same(before, after, 'then')) return
  const direction = demandOf(b) > demandOf(a) ? 'stricter' : 'looser'
  changes.push({ where: `${where}.then`, kind: 'changed', before, after, direction })
}

/** `pii: {…}` is a line with one check; a line of `approve:` holds its options itself. */
function optionsOf(line: JsonValue): JsonObject {
  const [first, ...more] = Object.values(mapOf(line))
  return more.length === 0 && isJsonObject(first) ? first : mapOf(line)
}

/** What such options demand at most; 0 for remarks. */
function demandOf(options: JsonObject): number {
  const then = options['then'] ?? 'deny'
  if (then === 'warn') return 0
  return then === 'redact' ? RANK.transform : RANK[parseDecision(then) ?? 'deny']
}

function checkName(line: JsonValue): string {
  if (!isJsonObject(line)) return ''
  const [name = '', options] = Object.entries(line)[0] ?? []
  const code = mapOf(options)['code']
  return name === 'rule' && typeof code === 'string' ? `rule ${code}` : name
}

function groupsOf(line: JsonValue): string {
  return textsOf(mapOf(line)['by']).join(', ')
}

function withDefaults(value: JsonValue | undefined): JsonValue {
  return listOf(value).map((line) => ({ expires: '24h', ...mapOf(line) }))
}

function eachList(changes: PolicyChange[], section: string, a: JsonObject, b: JsonObject): void {
  for (const name of namesOf(a, b)) items(changes, `${section}.${name}`, a[name], b[name])
}

/** A list whose order means nothing. */
function items(
  changes: PolicyChange[],
  where: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): void {
  const [a, b] = [listOf(before), listOf(after)]
  const [gone, come] = [without(a, b), without(b, a)]
  if (gone.length > 0) changes.push({ where, kind: 'removed', before: gone, direction: null })
  if (come.length > 0) changes.push({ where, kind: 'added', after: come, direction: null })
}

/** The rest of an entry, field by field. `ofPresence` says what it means that a field is there. */
function fields(
  changes: PolicyChange[],
  where: string,
  a: JsonObject,
  b: JsonObject,
  defaults: JsonObject,
  ofPresence: (field: string) => Direction,
): void {
  for (const name of namesOf(a, b)) {
    const fallback = defaults[name]
    const filled = (value: JsonValue | undefined): JsonValue | undefined =>
      isJsonObject(fallback) ? (isJsonObject(value) ? { ...fallback, ...value } : value) : (value ?? fallback)
    const [before, after] = [filled(a[name]), filled(b[name])]
    if (same(before, after, name)) continue
    const at = where === '' ? name : `${where}.${name}`
    if (isJsonObject(before) && isJsonObject(after) && name !== 'input') {
      fields(changes, at, before, after, {}, () => null)
    } else whole(changes, at, before, after, ofPresence(name))
  }
}

function whole(
  changes: PolicyChange[],
  where: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  ofPresence: Direction,
): void {
  const change = sides(before, after)
  const reverse = ofPresence === 'stricter' ? 'looser' : null
  const direction = change.kind === 'added' ? ofPresence : change.kind === 'removed' ? reverse : null
  changes.push({ where, ...change, direction })
}

function sides(
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): Pick<PolicyChange, 'kind' | 'before' | 'after'> {
  if (before === undefined) return { kind: 'added', after: after ?? null }
  return after === undefined ? { kind: 'removed', before } : { kind: 'changed', before, after }
}

function eachEntry(
  a: JsonObject,
  b: JsonObject,
  section: string,
  compare: (where: string, a: JsonObject | undefined, b: JsonObject | undefined, name: string) => void,
): void {
  const [one, other] = [mapOf(a[section]), mapOf(b[section])]
  // An entry may be written without any field.
  const entryOf = (entries: JsonObject, name: string): JsonObject | undefined =>
    Object.hasOwn(entries, name) ? mapOf(entries[name]) : undefined
  for (const name of namesOf(one, other))
    compare(`${section}.${name}`, entryOf(one, name), entryOf(other, name), name)
}

/** What of the first list the second lacks, as often as it lacks it. */
function without(list: readonly JsonValue[], other: readonly JsonValue[]): JsonValue[] {
  const left = other.map((value) => meaning(value))
  return list.filter((value) => {
    const at = left.indexOf(meaning(value))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

function same(a: JsonValue | undefined, b: JsonValue | undefined, key = ''): boolean {
  if (a === undefined || b === undefined) return a === b
  return meaning(a, key) === meaning(b, key)
}

/** Canonical text of a value, with one word for what can be written in several ways. */
function meaning(value: JsonValue, key = ''): string {
  return canonicalJson(plain(value, key))
}

function plain(value: JsonValue, key: string): JsonValue {
  if (DURATIONS.has(key)) return parseDuration(value) ?? value
  if (key === 'then') return parseDecision(value) ?? value
  if (key === 'when' && typeof value === 'string') return value.trim()
  if (Array.isArray(value)) return value.map((each: JsonValue) => plain(each, ''))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each, name)]))
}

function namesOf(a: JsonObject, b: JsonObject): ReadonlySet<string> {
  return new Set([...Object.keys(a), ...Object.keys(b)])
}

function rest(value: JsonObject, told: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !told.includes(name)))
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}
