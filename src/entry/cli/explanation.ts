import type { JsonObject, JsonValue } from '../../action/json.ts'
import { objectOf, objectsOf, textOf } from './answer.ts'
import { escapeText } from './escape.ts'
import { line, paint, table } from './print.ts'

/** An explanation for people: the summary, what each check said, and what happened when. */
export function printExplanation(explanation: JsonObject): void {
  line(escapeText(textOf(explanation['summary'])))
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
