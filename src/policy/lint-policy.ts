import type { BudgetWindow } from '../action/budget-window.ts'
import { parseDecision } from '../action/decision.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { Check } from './check.ts'
import { covers, isGlob, literalLength } from './glob.ts'
import { lintExports } from './lint-exports.ts'
import { lintModelCalls } from './lint-model-calls.ts'
import { lintQuality } from './lint-quality.ts'
import { entriesOf, isZero, Lint, listOf, mapOf, textsOf } from './lint.ts'
import { loadDetailed } from './load-policy.ts'
import type { PolicyText } from './load-policy.ts'
import type { PolicyFault } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/**
 * Every fault of loading, and what loads but can never be satisfied, never matter, or surprise: each with its
 * place. Errors are what makes the policy unusable or an action impossible; warnings are the rest.
 */
export function lintPolicy(
  source: string | PolicyText,
  { checks }: { readonly checks: readonly Check[] },
): readonly PolicyFault[] {
  const load = loadDetailed(source, checks)
  if (load.document === null || load.faults.some(({ code }) => SHAPELESS.has(code))) return load.faults
  const file = (typeof source === 'string' ? source : source.path) ?? 'belay.yaml'
  const found: PolicyFault[] = []
  const lint = new Lint(load, load.document, file, found)
  lintApprovers(lint)
  lintLimits(lint)
  lintLists(lint)
  lintActions(lint)
  lintModelCalls(lint)
  lintExports(lint)
  lintQuality(lint)
  lintGlobs(lint, 'actions')
  lintGlobs(lint, 'agents')
  return [...load.faults, ...found].toSorted((a, b) => a.line - b.line || a.column - b.column)
}

// After these the document does not have the shape that the rest relies on.
const SHAPELESS: ReadonlySet<string> = new Set(['policy:schema', 'policy:unknown_field', 'policy:yaml'])

function lintApprovers(lint: Lint): void {
  const used = new Set<string>()
  const groups = mapOf(lint.content['approvers'])
  for (const [name, entry] of entriesOf(lint.content['actions'])) {
    for (const step of listOf(entry['approve'])) {
      for (const group of textsOf(mapOf(step)['by'])) used.add(group)
      const escalate = mapOf(step)['escalate']
      for (const one of isJsonObject(escalate) ? [escalate] : listOf(escalate))
        for (const group of textsOf(mapOf(one)['to'])) used.add(group)
    }
    const releasing = textsOf(mapOf(entry['break_glass'])['by'])
    for (const group of releasing) used.add(group)
    const people = new Set(releasing.flatMap((group) => textsOf(mapOf(groups[group])['members'])))
    if (releasing.length > 0 && people.size < 2)
      lint.error(
        ['actions', name, 'break_glass', 'by'],
        'break_glass',
        'groups of at least two people',
        `${people.size}: it takes two together`,
      )
  }
  for (const [name, group] of entriesOf(lint.content['approvers'])) {
    const members = new Set(textsOf(group['members']))
    const quorum = typeof group['quorum'] === 'number' ? group['quorum'] : 1
    const path = ['approvers', name]
    if (members.size === 0)
      lint.error([...path, 'members'], 'empty_group', 'at least one member', 'none: nobody can approve')
    else if (quorum > members.size)
      lint.error(
        [...path, 'quorum'],
        'quorum',
        `at most ${members.size}, the number of members`,
        `${quorum}: it can never be reached`,
      )
    if (members.size < textsOf(group['members']).length)
      lint.warning([...path, 'members'], 'duplicate_member', 'each member once', 'a member more than once')
    // Whoever is asked where nobody is named.
    if (!used.has(name) && name !== 'default')
      lint.warning(path, 'unused_group', 'an approve entry that names it', 'none')
  }
}

const WIDER: Readonly<Record<'action' | BudgetWindow, number>> = {
  action: 0,
  minute: 1,
  hour: 2,
  day: 3,
  week: 4,
  month: 5,
  session: 6,
}

function lintLimits(lint: Lint): void {
  const places: [DocumentPath, JsonObject][] = [[[], lint.content]]
  for (const [name, agent] of entriesOf(lint.content['agents'])) places.push([['agents', name], agent])
  for (const [path, entry] of places) {
    lintWindows(lint, [...path, 'budget'], listOf(entry['budget']).map(mapOf), 'limit_usd')
    lintWindows(lint, [...path, 'rate'], listOf(entry['rate']).map(mapOf), 'limit')
  }
}

function lintWindows(lint: Lint, path: DocumentPath, limits: readonly JsonObject[], field: string): void {
  for (const [at, limit] of limits.entries()) {
    const per = limit['per'] as BudgetWindow
    const amount = limit[field] as number
    if (amount === 0)
      lint.warning([...path, at, field], 'zero_limit', 'more than 0', '0: nothing that counts can pass')
    for (const [other, wider] of limits.entries()) {
      const otherPer = wider['per'] as BudgetWindow
      if (other < at && otherPer === per)
        lint.warning(
          [...path, at],
          'duplicate_limit',
          `one limit per ${per}`,
          'another: the smaller one counts',
        )
      const narrower = WIDER[per] < WIDER[otherPer] && otherPer !== 'session'
      if (narrower && amount > (wider[field] as number))
        lint.warning(
          [...path, at, field],
          'limit_order',
          `at most ${wider[field] as number}, the limit per ${otherPer}`,
          `${amount} per ${per}: it can never be used up`,
        )
    }
  }
}

function lintLists(lint: Lint): void {
  const used = new Set(lint.load.expressions.flatMap(({ expression }) => expression.lists))
  const dynamic = lint.load.expressions.some(
    ({ expression }) => expression.names.has('lists') && expression.lists.length === 0,
  )
  const inChecks = new Set<string>()
  for (const [, action] of entriesOf(lint.content['actions']))
    for (const line of listOf(action['verify'])) collectTexts(line, inChecks)
  for (const [name, list] of Object.entries(mapOf(lint.content['lists']))) {
    const named = used.has(name) || dynamic || inChecks.has(name) || inChecks.has(`lists.${name}`)
    if (!named) lint.warning(['lists', name], 'unused_list', 'a condition or check that names it', 'none')
    if (listOf(list).length === 0) lint.warning(['lists', name], 'empty_list', 'at least one entry', 'none')
  }
}

function lintActions(lint: Lint): void {
  for (const [name, action] of entriesOf(lint.content['actions'])) {
    const path = ['actions', name]
    const effect = action['effect'] ?? 'write'
    if (action['undo'] !== undefined && effect === 'read')
      lint.warning([...path, 'undo'], 'undo_read', 'no undo: reading changes nothing', 'undo')
    if (action['undo'] !== undefined && effect === 'irreversible')
      lint.error(
        [...path, 'undo'],
        'undo_irreversible',
        'no undo, or effect: write',
        'undo of what cannot be undone',
      )
    if (isZero(mapOf(action['undo'])['within']))
      lint.error([...path, 'undo', 'within'], 'zero_time', 'more than 0', 'no time to undo')
    if (isZero(action['timeout']))
      lint.error([...path, 'timeout'], 'zero_time', 'more than 0', 'no time to run')
    if (isZero(action['start_within']))
      lint.error([...path, 'start_within'], 'zero_time', 'more than 0', 'no time to start')
    if (
      effect === 'irreversible' &&
      listOf(action['approve']).length === 0 &&
      listOf(action['verify']).length === 0
    )
      lint.warning(path, 'unguarded', 'approve or verify for an irreversible action', 'neither')
    const denies = lintRules(lint, path, listOf(action['verify']).map(mapOf))
    lintApprovals(lint, path, listOf(action['approve']).map(mapOf), denies)
  }
}

const STRICTNESS: Readonly<Record<string, number>> = { warn: 0, require_approval: 1, deny: 2 }

/** Answers whether a rule always denies. */
function lintRules(lint: Lint, action: DocumentPath, lines: readonly JsonObject[]): boolean {
  const seen = new Map<string, { readonly at: number; readonly strictness: number }>()
  const written = new Set<string>()
  let denied: number | undefined
  for (const [at, line] of lines.entries()) {
    const path = [...action, 'verify', at]
    const text = JSON.stringify(line)
    const repeated = written.has(text)
    if (repeated) lint.warning(path, 'duplicate_check', 'each check once', 'the same line again')
    written.add(text)
    const rule = mapOf(line['rule'])
    const when = rule['when']
    if (typeof when !== 'string') continue
    const then = rule['then'] === 'warn' ? 'warn' : (parseDecision(rule['then'] ?? 'deny') ?? 'deny')
    const strictness = STRICTNESS[then] ?? 2
    if (denied !== undefined)
      lint.warning(path, 'outranked', 'a rule that can matter', `rule ${denied + 1} always denies`)
    const same = seen.get(normalised(when))
    if (same !== undefined && !repeated) {
      const outranked = same.strictness >= strictness ? at : same.at
      const by = outranked === at ? same.at : at
      lint.warning(
        [...action, 'verify', outranked],
        'outranked',
        'a rule that can matter',
        `line ${by + 1} has the same condition and decides`,
      )
    }
    if (same === undefined || same.strictness < strictness) seen.set(normalised(when), { at, strictness })
    const constant = lint.constant([...path, 'rule', 'when'])
    if (constant === false)
      lint.warning(
        [...path, 'rule', 'when'],
        'constant_false',
        'a condition that can hold',
        'one that never holds',
      )
    if (constant === true && then === 'deny') {
      denied = at
      lint.warning(
        [...path, 'rule', 'when'],
        'constant_true',
        'a condition that can fail',
        'one that always holds: the action is always denied',
      )
    }
  }
  return denied !== undefined
}

function lintApprovals(
  lint: Lint,
  action: DocumentPath,
  entries: readonly JsonObject[],
  denied: boolean,
): void {
  const seen = new Set<string>()
  for (const [at, entry] of entries.entries()) {
    const path = [...action, 'approve', at]
    if (denied)
      lint.warning(path, 'never_reached', 'an approval that can be asked for', 'verify always denies')
    if (isZero(entry['expires']))
      lint.error([...path, 'expires'], 'zero_time', 'more than 0', 'it expires at once')
    if (lint.constant([...path, 'when']) === false)
      lint.warning([...path, 'when'], 'constant_false', 'a condition that can hold', 'one that never holds')
    const by = textsOf(entry['by'])
    if (new Set(by).size < by.length)
      lint.warning([...path, 'by'], 'duplicate_group', 'each group once in a chain', by.join(', '))
    const key = `${normalised(typeof entry['when'] === 'string' ? entry['when'] : '')}\n${by.join('\n')}`
    if (seen.has(key))
      lint.warning(path, 'duplicate_approval', 'each condition once', 'the same condition and groups again')
    seen.add(key)
  }
}

function lintGlobs(lint: Lint, section: 'actions' | 'agents'): void {
  const patterns = Object.keys(mapOf(lint.content[section]))
  for (const pattern of patterns.filter(isGlob)) {
    const closer = patterns.find(
      (other) =>
        other !== pattern &&
        covers(other, pattern) &&
        // Equally close: the first in the file is chosen.
        (literalLength(other) > literalLength(pattern) ||
          (literalLength(other) === literalLength(pattern) &&
            patterns.indexOf(other) < patterns.indexOf(pattern))),
    )
    if (closer !== undefined)
      lint.warning(
        [section, pattern],
        'unreachable',
        'an entry that some name reaches',
        `${closer} takes every name`,
      )
  }
}

function normalised(source: string): string {
  return source.replace(/\s+/g, ' ').trim()
}

function collectTexts(value: JsonValue, into: Set<string>): void {
  if (typeof value === 'string') into.add(value)
  else if (isJsonObject(value) || Array.isArray(value))
    for (const child of Object.values(value) as JsonValue[]) collectTexts(child, into)
}
