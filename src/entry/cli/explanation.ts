import type { JsonObject, JsonValue } from '../../action/json.ts'
import { objectOf, objectsOf, textOf } from './answer.ts'
import { escapeText } from './escape.ts'
import { line, paint, table } from './print.ts'

/** An explanation for people: the summary, what each check said, and what happened when. */
export function printExplanation(explanation: JsonObject): void {
  line(escapeText(textOf(explanation['summary'])))
  printFactors(objectsOf(explanation['factors']))
  printAround(objectOf(explanation['around']))
  const checks = objectsOf(explanation['checks'])
  const reasons = objectsOf(explanation['reasons'])
  if (checks.length + reasons.length > 0) {
    line()
    line(paint('dim', 'CHECKS'))
    for (const check of checks) printCheck(textOf(check['check']), objectsOf(check['found']))
    if (reasons.length > 0) printCheck('policy', reasons)
  }
  const timeline = objectsOf(explanation['timeline'])
  if (timeline.length > 0) {
    line()
    table(
      ['WHEN', 'RECORD', 'WHAT'],
      timeline.flatMap((each) => [
        [isoTime(each['at']), textOf(each['record']), textOf(each['what'])],
        ...(Array.isArray(each['details']) ? each['details'] : []).map((detail) => [
          '',
          '',
          `  ${textOf(detail)}`,
        ]),
      ]),
    )
  }
  const policy = objectOf(explanation['policy'])
  const inForce = policy['inForce'] === false ? ', no longer in force' : ''
  line()
  line(escapeText(`policy ${textOf(policy['version'])}${inForce}`))
}

/** What the deciding reasons rest on: where the policy says it, the condition, the input and the past behind it. */
function printFactors(factors: readonly JsonObject[]): void {
  if (factors.length === 0) return
  line()
  line(paint('dim', 'BECAUSE'))
  for (const factor of factors) {
    const mark = factor['decides'] === true ? paint('red', '▸') : ' '
    line(
      `${mark} ${textOf(factor['kind'])}  ${escapeText(`${textOf(factor['code'])}: ${textOf(factor['message'])}`)}`,
    )
    const tell = (name: string, text: string): void => {
      if (text !== '') line(`    ${paint('dim', name.padEnd(9))} ${escapeText(text)}`)
    }
    tell('policy', textOf(factor['where']))
    tell('condition', textOf(factor['condition']))
    for (const { path, value } of objectsOf(factor['inputs']))
      tell('input', `${textOf(path)}${value == null ? '' : ` = ${JSON.stringify(value)}`}`)
    for (const { asked, was } of objectsOf(factor['history']))
      tell('history', `${textOf(asked)} was ${textOf(was)}`)
  }
}

/** Under which prompt, model and release, by whom and at what cost. */
function printAround(around: JsonObject): void {
  const model = objectOf(around['model'])
  const prompt = objectOf(around['prompt'])
  const cost = objectOf(around['cost'])
  const name = textOf(model['responded']) || textOf(model['requested'])
  const label = [textOf(prompt['name']), textOf(prompt['version'])].filter((part) => part !== '').join('@')
  const reserved = objectsOf(cost['reserved']).map(
    (one) => `${textOf(one['account'])} ${textOf(one['amount'])} ${textOf(one['unit'])}`,
  )
  const rows: readonly (readonly [string, string])[] = [
    ['session', textOf(around['session'])],
    ['release', textOf(around['release'])],
    ['prompt', label || textOf(prompt['digest'])],
    [
      'model',
      name === '' ? '' : `${textOf(model['provider'])}/${name} ${textOf(model['system_fingerprint'])}`.trim(),
    ],
    ['asked by', textOf(around['proposedBy'])],
    ['budget', reserved.join('; ')],
    ['cost', `${textOf(cost['usd'])} USD`],
    ...objectsOf(around['people']).map((one): readonly [string, string] => {
      const reason = textOf(one['reason'])
      return ['person', `${textOf(one['by'])}: ${textOf(one['what'])}${reason === '' ? '' : ` (${reason})`}`]
    }),
  ]
  line()
  line(paint('dim', 'UNDER'))
  for (const [label, value] of rows)
    if (value !== '') line(`  ${paint('dim', label.padEnd(9))} ${escapeText(value)}`)
}

function printCheck(name: string, found: readonly JsonObject[]): void {
  if (found.length === 0) line(`  ${paint('green', escapeText(name))}  nothing found`)
  for (const reason of found) {
    const evidence = reason['evidence'] === undefined ? '' : `  ${textOf(reason['evidence'])}`
    line(
      `  ${paint('yellow', escapeText(name))}  ${escapeText(`${textOf(reason['code'])}: ${textOf(reason['message'])}${evidence}`)}`,
    )
  }
}

function isoTime(at: JsonValue | undefined): string {
  return typeof at === 'number' && Math.abs(at) < 8.64e15 ? new Date(at).toISOString() : textOf(at)
}
