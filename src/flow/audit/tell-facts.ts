import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'

/** What a record says beside the action itself, in plain words: of the model that was called, and of what came back. */
export function tellFacts(record: JsonObject): readonly string[] {
  const facts = objectAt(record, 'facts')
  return [
    ...prompt(facts),
    ...healing(facts),
    ...scores(facts),
    ...(record['kind'] === 'outcome' ? model(facts) : []),
    ...attempts(facts),
    ...ending(facts),
    ...result(record),
  ]
}

function prompt(facts: JsonObject): string[] {
  const { name, version, claimed, fault } = objectAt(facts, 'prompt')
  if (typeof name === 'string') return [`prompt ${name}@${typeof version === 'number' ? version : '?'}`]
  if (typeof claimed !== 'string') return []
  const why = fault === 'prompt:mismatch' ? 'whose text is not in the request' : 'which nobody registered'
  return [`named the prompt ${claimed}, ${why} (${textAt(objectAt(facts, 'prompt'), 'fault')})`]
}

function healing(facts: JsonObject): string[] {
  const healed = facts['heals']
  return typeof healed === 'string' ? [`in place of ${healed} (${textAt(facts, 'because')})`] : []
}

function model(facts: JsonObject): string[] {
  const { responded, requested, provider } = objectAt(facts, 'model')
  if (typeof provider !== 'string') return []
  const usage = objectAt(facts, 'usage')
  const name =
    typeof responded === 'string' ? responded : typeof requested === 'string' ? requested : 'no model'
  const other =
    typeof responded === 'string' && typeof requested === 'string' && !responded.startsWith(requested)
  return [
    `${name} of ${provider}${other ? ` (asked for ${requested})` : ''}`,
    ...(typeof usage['input_tokens'] === 'number'
      ? [`${usage['input_tokens']} tokens in, ${textAt(usage, 'output_tokens')} out`]
      : []),
  ]
}

function attempts(facts: JsonObject): string[] {
  const listed = facts['attempts']
  const tried = Array.isArray(listed) ? listed.filter(isJsonObject) : []
  if (tried.length < 2) return []
  const each = tried.map((one) => {
    const waited = one['waited_ms'] === undefined ? '' : `after ${textAt(one, 'waited_ms')} ms `
    return `${waited}${textAt(one, 'status')}`
  })
  return [`${tried.length} attempts: ${each.join(', ')}`]
}

function scores(facts: JsonObject): string[] {
  const listed = facts['quality']
  return (Array.isArray(listed) ? listed.filter(isJsonObject) : []).map((one) => {
    const judge = objectAt(one, 'judge')
    const by = `${textAt(judge, 'provider')}/${textAt(judge, 'responded') || textAt(judge, 'requested')}`
    const how = one['cached'] === true ? ', as it was scored before' : ''
    const score =
      one['verdict'] === 'unscored'
        ? `not scored (${textAt(one, 'error')})`
        : `${textAt(one, 'score')}% (${textAt(one, 'label')}), ${textAt(one, 'verdict')} at ${textAt(one, 'threshold')}%`
    return `${textAt(one, 'rubric')}: ${score}, judge ${by}${how}`
  })
}

const ENDINGS: Readonly<Record<string, string>> = {
  client_gone: 'the agent left before the end',
  truncated: 'the answer broke off',
  refused: 'the answer was refused',
  provider_error: 'the provider failed',
  timeout: 'it took too long',
  over_reservation: 'cut, because it went beyond what was reserved',
  agent_stopped: 'cut, because the agent was stopped',
  closing: 'cut, because Belay was closing',
}
const SOURCES: Readonly<Record<string, string>> = {
  bound: 'charged by what was produced at most',
  reserved: 'charged all that was reserved',
}

function ending(facts: JsonObject): string[] {
  return [ENDINGS[textAt(facts, 'ended')], SOURCES[textAt(facts, 'usage_source')]].filter(
    (sentence) => sentence !== undefined,
  )
}

function result(record: JsonObject): string[] {
  const decision = record['result_decision']
  const reasons = record['result_reasons']
  if (typeof decision !== 'string' || !Array.isArray(reasons) || reasons.length === 0) return []
  const done =
    decision === 'transform' ? 'was changed' : decision === 'allow' ? 'was remarked on' : 'was refused'
  const observed = decision !== 'allow' && record['result_effective'] === 'allow' ? ' (observed)' : ''
  const why = reasons.filter(isJsonObject).map((reason) => textAt(reason, 'code'))
  return [`the result ${done}${observed}: ${why.join(', ')}`]
}

function objectAt(from: JsonObject, key: string): JsonObject {
  const value = from[key]
  return isJsonObject(value) ? value : {}
}

function textAt(from: JsonObject, key: string): string {
  const value: JsonValue | undefined = from[key]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
