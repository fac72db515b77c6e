import type { Command } from 'commander'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { duration, withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

/** `belay approvals away …`: who is away, and who decides in their place. */
export function addAbsences(approvals: Command): void {
  const away = approvals.command('away').description('who is away, and who decides in their place')

  withJson(withHarness(away.command('list').description('absences that have not ended'))).action(list)

  withPerson(withJson(withHarness(away.command('begin').description('be away for a while'))))
    .requiredOption('--substitute <person>', 'who decides instead; the policy must permit it')
    .requiredOption('--for <duration>', 'how long, such as 5d', duration)
    .option('--reason <text>', 'why; not in the ledger')
    .action(begin)

  withPerson(withJson(withHarness(away.command('end').argument('<id>').description('be back early')))).action(
    end,
  )
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const page = await client.object('GET', '/v1/absences')
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('nobody is away')
    table(
      ['ID', 'PERSON', 'SUBSTITUTE', 'FROM', 'UNTIL'],
      items.map((item) => [
        textOf(item['id']),
        textOf(item['person']),
        textOf(item['substitute']),
        relativeTime(timeOf(item['from'])),
        relativeTime(timeOf(item['until'])),
      ]),
    )
  })
}

async function begin({
  substitute,
  reason,
  for: ms,
  ...options
}: Options & { substitute: string; for: number; reason?: string }): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const until = new Date(Date.now() + ms).toISOString()
    const body = { substitute, until, ...(reason !== undefined && { reason }) }
    const answer = await client.object('POST', '/v1/absences', { body })
    if (options.json === true) return json(answer)
    const [person, other] = [answer['person'], answer['substitute']].map((one) => escapeText(textOf(one)))
    line(
      `${escapeText(textOf(answer['id']))}: ${other} decides for ${person} until ${textOf(answer['until'])}`,
    )
  })
}

async function end(id: string, options: Options): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const answer = await client.object('DELETE', `/v1/absences/${encodeURIComponent(id)}`)
    if (options.json === true) return json(answer)
    line(`${escapeText(textOf(answer['person']))} is back`)
  })
}
