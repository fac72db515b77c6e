import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

const NAMES: Readonly<Record<string, string>> = {
  rate: 'actions an hour, at this time',
  asked: 'cost set aside',
  cost: 'cost',
  latency: 'latency',
  failed: 'failed',
  unknown: 'ended unknown',
  held: 'held for a person',
  denied: 'denied',
  fields: 'values of stable fields',
}

/** `agents normal` and `agents accept`: what was learned of an agent, and a person's word on it. */
export function addNormal(agents: Command): void {
  withJson(
    withHarness(
      agents
        .command('normal')
        .argument('<name>')
        .description('what is normal for an agent, and what it does now'),
    ),
  ).action(normal)
  withPerson(
    withJson(
      withHarness(
        agents
          .command('accept')
          .argument('<name>')
          .description('say that what an agent does unlike itself is normal, and let it go on'),
      ),
    ),
  )
    .requiredOption('--reason <text>', 'why; the record keeps it')
    .action(accept)
}

async function normal(name: string, options: Options): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const answer = await client.object('GET', `/v1/agents/${encodeURIComponent(name)}/baseline`)
    if (options.json === true) return json(answer)
    if (answer['watched'] !== true) return line('not watched: the policy has no anomaly for this agent')
    const lines = objectsOf(answer['lines'])
    if (lines.length === 0) return line('nothing was seen of it yet')
    line(`watched since ${relativeTime(timeOf(answer['since']))}`)
    table(
      ['ACTION', 'WHAT', 'NORMAL', '99.9% BELOW', 'LAST HOUR', 'SEEN'],
      lines.map((each) => [
        each['action'] === null ? 'all' : textOf(each['action']),
        NAMES[textOf(each['measure'])] ?? textOf(each['measure']),
        amount(each, 'normal'),
        each['measure'] === 'fields' ? '' : amount(each, 'most'),
        {
          text: `${each['now'] === null ? '' : amount(each, 'now')}${each['unusual'] === true ? ' unusual' : ''}`.trim(),
          colour: each['unusual'] === true ? 'red' : undefined,
        },
        String(Math.round(Number(each['seen']))),
      ]),
    )
  })
}

async function accept(name: string, options: Options & { reason: string }): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const path = `/v1/agents/${encodeURIComponent(name)}/baseline/accept`
    const agent = await client.object('POST', path, { body: { reason: options.reason } })
    if (options.json === true) return json(agent)
    line(
      `${escapeText(textOf(agent['name']))} is ${escapeText(textOf(agent['state']))}; what it does now is normal`,
    )
  })
}

function amount(each: JsonObject, place: string): string {
  const value = Number(each[place])
  const figure = value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
  if (each['unit'] === 'usd') return `$${figure}`
  if (each['unit'] === 'ms') return `${figure} ms`
  return each['unit'] === 'share' ? `${Number((value * 100).toPrecision(3))}%` : figure
}
