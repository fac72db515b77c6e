import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

/** `belay alarms …`: what people were told of, and what they say of it. */
export function addAlarms(program: Command): void {
  const alarms = program.command('alarms').description('what is abnormal, and what was done about it')

  withJson(withHarness(alarms.command('list').description('alarms that are open')))
    .option('--all', 'those that are over too')
    .option('--agent <name>', 'of one agent')
    .action(list)

  for (const [name, description] of [
    ['acknowledge', 'nobody is told of it again until it is over'],
    ['resolve', 'it is over; when it happens again it is another alarm'],
  ] as const)
    withPerson(withJson(withHarness(alarms.command(name).argument('<id>').description(description)))).action(
      (id: string, options: Options) => settle(name, id, options),
    )
}

async function list(options: Options & { all?: boolean; agent?: string }): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const query = { limit: 200, agent: options.agent, state: options.all === true ? undefined : 'open' }
    const page = await client.object('GET', '/v1/alarms', { query })
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('no alarms')
    table(
      ['ID', 'WHAT', 'TIMES', 'LAST', 'STATE'],
      items.map((item) => [
        textOf(item['id']),
        escapeText(textOf(item['title'])),
        textOf(item['count']),
        relativeTime(timeOf(item['last_at'])),
        stateOf(item),
      ]),
    )
  })
}

async function settle(outcome: 'acknowledge' | 'resolve', id: string, options: Options): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const alarm = await client.object('POST', `/v1/alarms/${encodeURIComponent(id)}`, { body: { outcome } })
    if (options.json === true) return json(alarm)
    line(`${textOf(alarm['id'])}: ${stateOf(alarm)}`)
  })
}

function stateOf(alarm: JsonObject): string {
  const by = (key: string): string => escapeText(textOf(alarm[key]))
  if (alarm['resolved_at'] !== null)
    return alarm['resolved_by'] === null ? 'over' : `over, says ${by('resolved_by')}`
  return alarm['acknowledged_at'] === null ? 'open' : `acknowledged by ${by('acknowledged_by')}`
}
