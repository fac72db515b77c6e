import type { Command } from 'commander'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('keys with which agents authenticate')

  withPerson(withJson(withHarness(keys.command('create').description('make a key; it is shown this once'))))
    .requiredOption('--agent <name>', 'the one agent that it is for')
    .action(create)
  withJson(withHarness(keys.command('list').description('all keys, without their secrets'))).action(list)
  withPerson(
    withJson(
      withHarness(keys.command('revoke').argument('<id>').description('end a key, at once and for good')),
    ),
  ).action(revoke)
}

async function create(options: Options & { readonly agent: string }): Promise<void> {
  await withConnection(options, 'create', async ({ client }) => {
    const key = await client.object('POST', '/v1/keys', { body: { agent: options.agent } })
    if (options.json === true) return json(key)
    line(escapeText(textOf(key['key'])))
    note(
      `belay: key ${escapeText(textOf(key['id']))} for ${escapeText(textOf(key['agent']))}; it is not shown again`,
    )
  })
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('GET', '/v1/keys')
    if (options.json === true) return json(answer)
    const items = objectsOf(answer['items'])
    if (items.length === 0) return line('no keys')
    table(
      ['ID', 'AGENT', 'CREATED', 'REVOKED'],
      items.map((key) => [
        textOf(key['id']),
        textOf(key['agent']),
        relativeTime(timeOf(key['created_at'])),
        key['revoked_at'] === null
          ? ''
          : { text: relativeTime(timeOf(key['revoked_at'])), colour: 'red' as const },
      ]),
    )
  })
}

async function revoke(id: string, options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const key = await client.object('DELETE', `/v1/keys/${encodeURIComponent(id)}`)
    if (options.json === true) return json(key)
    line(`${escapeText(textOf(key['id']))} is revoked`)
  })
}
