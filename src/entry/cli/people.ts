import { Option } from 'commander'
import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { ROLES } from '../../policy/compile-people.ts'
import type { Role } from '../../policy/compile-people.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

export function addPeople(program: Command): void {
  withPerson(
    withJson(
      withHarness(program.command('login').description('print a link that logs in once, within 10 minutes')),
    ),
  )
    .addOption(new Option('--role <role...>', 'what the login may do (default: everything)').choices(ROLES))
    .action(login)

  const logins = program
    .command('logins')
    .description('people who are logged in, and links that were not used')
  withJson(withHarness(logins.command('list').description('all of them'))).action(list)
  withPerson(
    withJson(
      withHarness(
        logins
          .command('revoke')
          .argument('<id>')
          .description('end a login or withdraw a link, at once and for good'),
      ),
    ),
  ).action(revoke)
}

/** Makes a log-in link. Its address is where this client reaches the harness, unless the policy names a public one. */
export async function loginLink(
  client: ApiClient,
  roles?: readonly Role[],
): Promise<{ readonly url: string; readonly answer: JsonObject }> {
  const answer = await client.object('POST', '/v1/login-links', {
    body: roles === undefined ? {} : { roles: [...roles] },
  })
  const told = textOf(answer['url'])
  const here = `${client.url}/login#${textOf(answer['token'])}`
  return { url: new URL(told).host === new URL(here).host ? here : told, answer }
}

async function login(options: Options & { readonly role?: readonly Role[] }): Promise<void> {
  // A link works where it was made, so there must be a harness that goes on running.
  await withConnection(options, 'running', async ({ client }) => {
    const { url, answer } = await loginLink(client, options.role)
    if (options.json === true) return json({ ...answer, url })
    line(escapeText(url))
    note(`belay: logs in ${escapeText(textOf(answer['by']))}, once, within 10 minutes`)
  })
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('GET', '/v1/logins')
    if (options.json === true) return json(answer)
    const items = objectsOf(answer['items'])
    if (items.length === 0) return line('nobody is logged in')
    table(
      ['ID', 'KIND', 'WHO', 'ROLES', 'LAST SEEN', 'EXPIRES'],
      items.map((item) => [
        textOf(item['id']),
        textOf(item['kind']),
        textOf(item['by']),
        (item['roles'] as readonly string[]).join(' '),
        relativeTime(timeOf(item['seen_at'])),
        relativeTime(timeOf(item['expires_at'])),
      ]),
    )
  })
}

async function revoke(id: string, options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('DELETE', `/v1/logins/${encodeURIComponent(id)}`)
    if (options.json === true) return json(answer)
    line(`${escapeText(textOf(answer['ended']))} is ended`)
  })
}
