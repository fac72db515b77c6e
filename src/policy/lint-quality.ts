import { globMatches } from '../action/glob.ts'
import type { JsonValue } from '../action/json.ts'
import { covers } from './glob.ts'
import { entriesOf, isZero, listOf, mapOf, textsOf } from './lint.ts'
import type { Lint } from './lint.ts'

const LOOSE = new Set(['allow', 'transform'])

/** What `quality:` says that can never happen, or holds less than it seems to. */
export function lintQuality(lint: Lint): void {
  const quality = mapOf(lint.content['quality'])
  if (Object.keys(quality).length === 0) return
  const judge = mapOf(quality['judge'])
  const actions = Object.keys(mapOf(lint.content['actions']))
  const unmatchedPass = LOOSE.has(textOf(mapOf(lint.content['defaults'])['decision']))
  if (!unmatchedPass && !actions.some((pattern) => globMatches(pattern, 'model.generate')))
    lint.error(
      ['quality', 'judge'],
      'judge_refused',
      'an entry of actions that matches model.generate',
      'none: every call of the judge would be denied, and with it all that waits for a score',
    )
  if (listOf(judge['budget']).length === 0)
    lint.warning(['quality', 'judge', 'budget'], 'no_budget', 'a limit', 'none: the judge may cost anything')
  if (isZero(judge['timeout']))
    lint.warning(['quality', 'judge', 'timeout'], 'zero_time', 'more than 0', 'no time to answer')
  lintRules(lint, actions, unmatchedPass)
  const used = new Set(listOf(quality['rules']).map((rule) => mapOf(rule)['rubric']))
  for (const name of Object.keys(mapOf(quality['rubrics'])))
    if (!used.has(name))
      lint.warning(['quality', 'rubrics', name], 'unused_rubric', 'a rule that names it', 'none')
}

function lintRules(lint: Lint, actions: readonly string[], unmatchedPass: boolean): void {
  const rules = listOf(mapOf(lint.content['quality'])['rules']).map(mapOf)
  for (const [index, rule] of rules.entries()) {
    const path = ['quality', 'rules', index]
    const action = textOf(rule['action'])
    const known = actions.some((pattern) => covers(pattern, action) || covers(action, pattern))
    if (!known && !unmatchedPass)
      lint.warning([...path, 'action'], 'never_scored', 'actions that the policy has an entry for', action)
    if (rule['threshold'] === '0%')
      lint.warning([...path, 'threshold'], 'never_rejected', 'more than 0%', '0%: no score is below it')
    if (typeof rule['sample'] === 'string' && Number(rule['sample'].slice(0, -1)) === 0)
      lint.warning([...path, 'sample'], 'never_scored', 'more than 0%', 'none')
    else if (typeof rule['sample'] === 'string' && rule['sample'] !== '100%' && rule['timing'] === 'before')
      lint.warning(
        [...path, 'sample'],
        'sampled_gate',
        'all of what must wait for its score',
        `${rule['sample']}: the others pass unscored`,
      )
    if (lint.constant([...path, 'when']) === false)
      lint.warning([...path, 'when'], 'constant_false', 'a condition that can hold', 'one that never holds')
    const twin = rules.findIndex(
      (other) =>
        other['action'] === action &&
        other['rubric'] === rule['rubric'] &&
        other['agent'] === rule['agent'] &&
        other['timing'] === rule['timing'] &&
        other['threshold'] === rule['threshold'] &&
        other['when'] === rule['when'],
    )
    if (twin < index)
      lint.warning(path, 'duplicate_rule', 'each rubric once for the same actions', `that of rules.${twin}`)
    if (rule['then'] === 'require_approval') lintPeople(lint, [...path, 'then'])
  }
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function lintPeople(lint: Lint, path: readonly (string | number)[]): void {
  const groups = entriesOf(lint.content['approvers'])
  if (groups.length > 0 && groups.every(([, group]) => textsOf(group['members']).length === 0))
    lint.error(path, 'empty_group', 'a group that can approve', 'groups without members')
}
