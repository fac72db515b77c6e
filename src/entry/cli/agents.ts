import type { Command } from 'commander'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeJson, escapeText } from './escape.ts'
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
    withHarness(
      agents.command('logs').argument('<name>').description('what the processes of an agent wrote'),
    ),
  )
    .option('-f, --follow', 'go on as more is written')
    .action(logs)
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
      ['AGENT', 'STATE', 'SINCE', 'BY', 'REASON', 'PROCESS'],
      items.map((agent) => [
        textOf(agent['name']),
        { text: textOf(agent['state']), colour: stateColour(textOf(agent['state'])) },
        agent['changed_at'] === null ? '' : relativeTime(timeOf(agent['changed_at'])),
        textOf(agent['changed_by']),
        textOf(agent['reason']),
        processWords(agent['process']),
      ]),
    )
  })
}

/** How a process stands, in a few words. */
function processWords(process: JsonValue | undefined): string {
  if (!isJsonObject(process)) return ''
  const { state, running_since: since, next_start_at: next, last_exit: last, restarts } = process
  const words = [textOf(state)]
  if (typeof since === 'string') words.push(`since ${relativeTime(Date.parse(since))}`)
  if (typeof next === 'string') words.push(`next start ${relativeTime(Date.parse(next))}`)
  if (typeof restarts === 'number' && restarts > 0) words.push(`${restarts} restarts`)
  if (isJsonObject(last)) words.push(`last end: ${textOf(last['cause'])}${exitCode(last['code'])}`)
  return words.join(', ')
}

function exitCode(code: JsonValue | undefined): string {
  return typeof code === 'number' ? ` ${code}` : ''
}

const FOLLOW_SECONDS = 25

async function logs(name: string, options: Options & { follow?: true }): Promise<void> {
  await withConnection(options, options.follow ? 'running' : 'folder', async ({ client }) => {
    const path = `/v1/agents/${encodeURIComponent(name)}/logs`
    let query: { after?: number; wait?: number } = {}
    for (;;) {
      const page = await client.object('GET', path, { query, timeoutMs: 60_000, retries: 5 })
      if (options.json === true && !options.follow) return json(page)
      for (const one of objectsOf(page['items'])) {
        if (options.json === true) line(escapeJson(one, 0))
        else
          line(`${textOf(one['at'])} ${textOf(one['stream']).padEnd(6)} ${escapeText(textOf(one['text']))}`)
      }
      const more = typeof page['next'] === 'number' ? page['next'] : 0
      if (!options.follow && (objectsOf(page['items']).length === 0 || more === query.after)) return
      query = { after: more, ...(options.follow && { wait: FOLLOW_SECONDS }) }
    }
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
      ['WINDOW', 'UNIT', 'LIMIT', 'RESERVED', 'SPENT', 'ENDS', 'AT THE END', 'USED UP'],
      lines.map((each) => [
        each['session'] === undefined
          ? textOf(each['window'])
          : `${textOf(each['window'])} ${textOf(each['session'])}`,
        textOf(each['unit']),
        amount(each, 'limit'),
        amount(each, 'reserved'),
        amount(each, 'spent'),
        each['ends_at'] === null ? '' : relativeTime(timeOf(each['ends_at'])),
        ...forecastWords(each['forecast']),
      ]),
    )
  })
}

/** `$8.10 ($6.90 – $9.40)`, and when the limit is reached. */
function forecastWords(forecast: JsonValue | undefined): [string, string] {
  if (!isJsonObject(forecast)) return ['', '']
  const { usd, low, high, exhausted_at: at } = forecast
  const money = (value: JsonValue | undefined): string =>
    typeof value === 'number' ? `$${Number(value.toPrecision(3))}` : ''
  return [
    `${money(usd)} (${money(low)} – ${money(high)})`,
    typeof at === 'string' ? relativeTime(Date.parse(at)) : '',
  ]
}

function amount(each: JsonObject, name: string): string {
  const usd = each[`${name}_usd`]
  return typeof usd === 'number' ? `$${usd}` : textOf(each[name])
}
