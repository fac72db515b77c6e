import type { Command } from 'commander'
import { objectOf, objectsOf, textOf, timeOf } from './answer.ts'
import { stepText } from './actions.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

export function addApprovals(program: Command): void {
  const approvals = program.command('approvals').description('actions that wait for a person')

  withJson(withHarness(approvals.command('list').description('what waits'))).action(list)

  withPerson(withJson(withHarness(approvals.command('approve').argument('<id>').description('say yes'))))
    .option('--reason <text>', 'why')
    .action((id: string, options: Options & { reason?: string }) => vote(id, 'approve', options))

  withPerson(withJson(withHarness(approvals.command('reject').argument('<id>').description('say no'))))
    .requiredOption('--reason <text>', 'why; the agent and the record get to see it')
    .action((id: string, options: Options & { reason?: string }) => vote(id, 'reject', options))
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const page = await client.object('GET', '/v1/approvals', { query: { state: 'pending' } })
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('nothing waits')
    table(
      ['APPROVAL', 'EXPIRES', 'ASKED', 'AGENT', 'ACTION', 'REASON', 'INPUT'],
      items.map((item) => {
        const action = objectOf(item['action'])
        return [
          textOf(item['id']),
          relativeTime(timeOf(item['expires_at'])),
          stepText(item),
          textOf(action['agent']),
          textOf(action['action']),
          textOf(objectsOf(action['reasons'])[0]?.['code']),
          textOf(action['input']),
        ]
      }),
    )
  })
}

async function vote(
  id: string,
  outcome: 'approve' | 'reject',
  options: Options & { reason?: string },
): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const body = { outcome, ...(options.reason === undefined ? {} : { reason: options.reason }) }
    const answer = await client.object('POST', `/v1/approvals/${encodeURIComponent(id)}`, { body })
    if (options.json === true) return json(answer)
    const action =
      'action' in answer && typeof answer['action'] === 'object' ? objectOf(answer['action']) : answer
    const state = textOf(action['state'])
    const waits = state === 'held' ? `; now asked: ${stepText(objectOf(action['approval']))}` : ''
    line(`${escapeText(textOf(action['id']))} is ${escapeText(state)}${escapeText(waits)}`)
  })
}
