import { globMatches } from '../action/glob.ts'
import type { JsonObject } from '../action/json.ts'
import { VENDOR_PROTOCOLS } from './known-vendors.ts'
import { entriesOf, isZero, listOf, mapOf } from './lint.ts'
import type { Lint } from './lint.ts'
import type { DocumentPath } from './yaml-document.ts'

/** The actions of the model gateway: `heal` and `approval_wait` say nothing about others. */
const MODEL_ACTIONS = ['model.generate', 'model.embed', 'model.list', 'model.count', 'model.request']

/** What an entry says about model calls that can never come true, and keys that lie in the file. */
export function lintModelCalls(lint: Lint): void {
  for (const [name, action] of entriesOf(lint.content['actions'])) {
    const path = ['actions', name]
    const served = MODEL_ACTIONS.some((model) => globMatches(name, model))
    for (const field of ['heal', 'approval_wait'])
      if (action[field] !== undefined && !served)
        lint.warning([...path, field], 'no_model_call', `an entry that matches ${MODEL_ACTIONS[0]}`, name)
    if (isZero(action['approval_wait']))
      lint.warning([...path, 'approval_wait'], 'zero_time', 'more than 0', 'no time to approve')
    lintResult(lint, [...path, 'result'], mapOf(action['result']))
    lintHeal(lint, [...path, 'heal'], mapOf(action['heal']))
  }
  for (const [name, provider] of entriesOf(lint.content['providers'])) lintKey(lint, name, provider)
}

function lintResult(lint: Lint, path: DocumentPath, result: JsonObject): void {
  if (result['hold'] !== undefined && listOf(result['verify']).length === 0)
    lint.warning([...path, 'hold'], 'unused_hold', 'checks under verify', 'none: nothing is held back')
  for (const [at, line] of listOf(result['verify']).entries()) {
    const when = [...path, 'verify', at, 'rule', 'when']
    if (mapOf(mapOf(line)['rule'])['when'] !== undefined && lint.constant(when) === false)
      lint.warning(when, 'constant_false', 'a condition that can hold', 'one that never holds')
  }
}

function lintHeal(lint: Lint, path: DocumentPath, heal: JsonObject): void {
  const seen = new Set<string>()
  for (const [at, choice] of listOf(heal['fallback']).entries()) {
    const here = [...path, 'fallback', at]
    const text = JSON.stringify(choice)
    if (seen.has(text)) lint.warning(here, 'duplicate_fallback', 'each model once', 'the same model again')
    seen.add(text)
    lintProtocol(lint, here, mapOf(choice)['provider'])
  }
  lintProtocol(lint, [...path, 'low_budget'], mapOf(heal['low_budget'])['provider'])
}

/** A call goes on only to a provider of its own protocol: requests are not translated. */
function lintProtocol(lint: Lint, path: DocumentPath, provider: unknown): void {
  if (typeof provider !== 'string') return
  const declared = entriesOf(lint.content['providers'])
  const spoken = new Map<string, string>(Object.entries(VENDOR_PROTOCOLS))
  for (const [name, entry] of declared) {
    const { protocol } = entry
    spoken.set(name, typeof protocol === 'string' ? protocol : (spoken.get(name) ?? 'openai'))
  }
  const protocol = spoken.get(provider)
  if (protocol === undefined) return
  const others = [...spoken].filter(([name]) => name !== provider)
  const found = `${provider} speaks that of ${protocol}, which no other`
  if (!others.some(([, speaks]) => speaks === protocol))
    lint.error(path, 'fallback_protocol', 'a provider of the same protocol', `${found} does`)
  else if (
    declared.some(([name]) => name !== provider) &&
    !declared.some(([name]) => name !== provider && spoken.get(name) === protocol)
  )
    lint.warning(path, 'fallback_protocol', 'a provider of the same protocol', `${found} of this file does`)
}

function lintKey(lint: Lint, name: string, provider: JsonObject): void {
  const key = provider['api_key']
  if (typeof key === 'string' && !key.startsWith('$'))
    lint.warning(
      ['providers', name, 'api_key'],
      'literal_key',
      '$NAME of an environment variable',
      'a key in the file',
    )
}
