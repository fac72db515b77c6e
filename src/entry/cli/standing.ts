import { InvalidArgumentError, type Command } from 'commander'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { objectOf, objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { duration, wholeNumber, withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, relativeTime, table } from './print.ts'
import { readInput } from './propose.ts'

type Options = HarnessOptions & PrintOptions

interface GrantOptions extends Options {
  readonly like?: string
  readonly agent?: string
  readonly action?: string
  readonly target?: readonly string[]
  readonly input?: string
  readonly count: number
  readonly sum?: { readonly path: string; readonly limit: number }
  readonly for: string
  readonly reason: string
}

const PATH = '/v1/standing-approvals'

/** `belay approvals standing …`: approvals given in advance. */
export function addStanding(approvals: Command): void {
  const standing = approvals
    .command('standing')
    .description('approvals in advance, for one exact kind of action')

  withJson(withHarness(standing.command('list').description('what was approved in advance')))
    .option('--open', 'only what may still cover something')
    .action(list)

  withPerson(withJson(withHarness(standing.command('grant').description('approve in advance'))))
    .option('--like <approval>', 'exactly what it is about, wherever no other option says otherwise')
    .option('--agent <name>', 'of which agent')
    .option('--action <name>', 'which action')
    .option('--target <name...>', 'done to exactly these; without any, only what names no target is covered')
    .option(
      '--input <json>',
      'bounds by dotted path, such as {"to": {"equals": "ann"}, "amount": {"max": 50}}; also @FILE and -',
    )
    .requiredOption('--count <number>', 'how often', wholeNumber(1, 10_000))
    .option('--sum <path=limit>', 'and up to which sum of a number, such as amount=500', sumOf)
    .requiredOption('--for <duration>', 'how long, such as 8h; at most 30d', (text) => {
      duration(text)
      return text
    })
    .requiredOption('--reason <text>', 'why')
    .action(grant)

  withPerson(
    withJson(
      withHarness(
        standing.command('approve').argument('<id>').description('grant one that waits for others'),
      ),
    ),
  ).action((id: string, options: Options) =>
    change('POST', `${PATH}/${encodeURIComponent(id)}/grant`, options),
  )

  withPerson(
    withJson(
      withHarness(standing.command('revoke').argument('<id>').description('it starts nothing any more')),
    ),
  ).action((id: string, options: Options) => change('DELETE', `${PATH}/${encodeURIComponent(id)}`, options))
}

async function list(options: Options & { open?: boolean }): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const page = await client.object('GET', PATH, { query: options.open === true ? { open: 'true' } : {} })
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('nothing is approved in advance')
    table(
      ['ID', 'STATE', 'AGENT', 'ACTION', 'TARGETS', 'USED', 'ENDS', 'BY', 'BOUNDS'],
      items.map((item) => [
        textOf(item['id']),
        textOf(item['state']),
        textOf(item['agent']),
        textOf(item['action']),
        textsOf(item['targets']).join(', '),
        usedText(item),
        relativeTime(timeOf(item['expires_at'])),
        objectsOf(item['granted_by'])
          .map((one) => textOf(one['by']))
          .join(', '),
        textOf(item['input']),
      ]),
    )
    if (typeof page['next'] === 'string') note('there are more; --json of the API lists them')
  })
}

function usedText(item: JsonObject): string {
  const sum = objectOf(item['max_sum'])
  const times = `${textOf(item['used'])} of ${textOf(item['max_count'])}`
  return sum['path'] === undefined
    ? times
    : `${times}, ${textOf(sum['path'])} ${textOf(sum['used'])} of ${textOf(sum['limit'])}`
}

async function grant({ like, count, sum, reason, ...options }: GrantOptions): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const body: JsonObject = {
      ...(like === undefined ? {} : await kindOf(client, like, options.input !== undefined)),
      ...(options.agent !== undefined && { agent: options.agent }),
      ...(options.action !== undefined && { action: options.action }),
      ...(options.target !== undefined && { targets: [...options.target] }),
      ...(options.input !== undefined && { input: readInput(options.input) }),
      max_count: count,
      ...(sum !== undefined && { max_sum: { ...sum } }),
      expires_in: options.for,
      reason,
    }
    const missing = ['agent', 'action', 'input'].filter((name) => body[name] === undefined)
    if (missing.length > 0)
      throw new CommandFailure(`What is approved needs ${missing.map((name) => `--${name}`).join(', ')}.`, {
        advice: 'Say it, or name an approval with --like.',
      })
    told(await client.object('POST', PATH, { body }), options)
  })
}

/** `amount=500`. */
function sumOf(text: string): { readonly path: string; readonly limit: number } {
  const match = /^([^=]{1,400})=(\d{1,9}(?:\.\d{1,6})?)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('Expected path=limit, such as amount=500.')
  return { path: match[1]!, limit: Number(match[2]) }
}

/** What an approval is about, as wide as it and no wider: every value of its input as it is. */
async function kindOf(client: ApiClient, approval: string, bounded: boolean): Promise<JsonObject> {
  const { action } = await client.object('GET', `/v1/approvals/${encodeURIComponent(approval)}`)
  const { agent, action: name, target, input } = objectOf(action)
  const kind = { agent: textOf(agent), action: textOf(name), targets: target === undefined ? [] : [target] }
  if (bounded) return kind
  const values = isJsonObject(input) ? Object.entries(input) : []
  if (values.length === 0 || values.some(([key]) => key.includes('.')))
    throw new CommandFailure(`The input of ${approval} cannot be taken as it is.`, {
      advice: 'It is empty, erased or has a dot in a name: say --input.',
    })
  return { ...kind, input: Object.fromEntries(values.map(([key, equals]) => [key, { equals }])) }
}

async function change(method: 'POST' | 'DELETE', path: string, options: Options): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    told(await client.object(method, path, method === 'POST' ? { body: {} } : {}), options)
  })
}

function told(answer: JsonObject, options: Options): void {
  if (options.json === true) return json(answer)
  line(`${escapeText(textOf(answer['id']))} is ${escapeText(textOf(answer['state']))}`)
}

function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.map((one: JsonValue) => textOf(one)) : []
}
