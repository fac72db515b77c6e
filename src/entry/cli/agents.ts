import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { addNormal } from './normal.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, stateColour, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

const CHANGES = [
  ['pause', 'paused', 'hold an agent: it starts nothing until it is resumed'],
  ['resume', 'active', 'let an agent act again'],
  ['stop', 'stopped', 'stop an agent: what waits is withdrawn'],
] as const

export function addAgents(program: Command): void {
  const agents = program.command('agents').description('who acts, and who may not at the moment')

  withJson(withHarness(agents.command('list').description('all agents'))).action(list)
  for (const [name, state, description] of CHANGES) {
    withPerson(withJson(withHarness(agents.command(name).argument('<name>').description(description))))
      .option('--reason <text>', 'why; the record keeps it', `${name} from the command line`)
      .action((agent: string, options: Options & { reason: string }) => change(agent, state, options))
  }
  withJson(
    withHarness(agents.command('budget').argument('<name>').description('what an agent may still spend')),
  ).action(budget)
  addNormal(agents)
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('GET', '/v1/agents')
    if (options.json === true) return json(answer)
    const items = objectsOf(answer['items'])
    if (items.length === 0) return line('no agents')
    table(
      ['AGENT', 'STATE', 'SINCE', 'BY', 'REASON'],
      items.map((agent) => [
        textOf(agent['name']),
        { text: textOf(agent['state']), colour: stateColour(textOf(agent['state'])) },
        agent['changed_at'] === null ? '' : relativeTime(timeOf(agent['changed_at'])),
        textOf(agent['changed_by']),
        textOf(agent['reason']),
      ]),
    )
  })
}

async function change(name: string, state: string, options: Options & { reason: string }): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const body = { state, reason: options.reason }
    const agent = await client.object('PATCH', `/v1/agents/${encodeURIComponent(name)}`, { body })
    if (options.json === true) return json(agent)
    line(`${escapeText(textOf(agent['name']))} is ${escapeText(textOf(agent['state']))}`)
  })
}

async function budget(name: string, options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.json('GET', `/v1/agents/${encodeURIComponent(name)}/budget`)
    if (options.json === true) return json(answer)
    const lines = objectsOf(answer)
    if (lines.length === 0) return line('no limits')
    table(
      ['WINDOW', 'UNIT', 'LIMIT', 'RESERVED', 'SPENT', 'ENDS'],
      lines.map((each) => [
        each['session'] === undefined
          ? textOf(each['window'])
          : `${textOf(each['window'])} ${textOf(each['session'])}`,
        textOf(each['unit']),
        amount(each, 'limit'),
        amount(each, 'reserved'),
        amount(each, 'spent'),
        each['ends_at'] === null ? '' : relativeTime(timeOf(each['ends_at'])),
      ]),
    )
  })
}

function amount(each: JsonObject, name: string): string {
  const usd = each[`${name}_usd`]
  return typeof usd === 'number' ? `$${usd}` : textOf(each[name])
}
