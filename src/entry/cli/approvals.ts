import type { Command } from 'commander'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { objectOf, objectsOf, textOf, timeOf } from './answer.ts'
import { addAbsences } from './absences.ts'
import { stepText } from './actions.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, table } from './print.ts'
import type { Cell } from './print.ts'
import { readInput } from './propose.ts'
import { addStanding } from './standing.ts'

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

  withPerson(
    withJson(
      withHarness(
        approvals
          .command('edit')
          .argument('<id>')
          .description('put another input in its place: judged anew, approved anew'),
      ),
    ),
  )
    .requiredOption('--input <json>', 'the whole input: JSON, @FILE, or - for stdin')
    .option('--reason <text>', 'why')
    .action((id: string, { input, ...options }: Options & { input: string; reason?: string }) =>
      act(id, 'edit', { input: readInput(input), ...reasonOf(options) }, options),
    )

  withPerson(
    withJson(
      withHarness(
        approvals.command('delegate').argument('<id>').description('pass your vote on to somebody'),
      ),
    ),
  )
    .requiredOption('--to <person>', 'whom the policy permits; yourself takes it back')
    .option('--reason <text>', 'why')
    .action((id: string, { to, ...options }: Options & { to: string; reason?: string }) =>
      act(id, 'delegate', { to, ...reasonOf(options) }, options),
    )

  withPerson(
    withJson(
      withHarness(
        approvals
          .command('break-glass')
          .argument('<id>')
          .description('be one of the two who together release it out of turn'),
      ),
    ),
  )
    .requiredOption('--reason <text>', 'why; everybody is told')
    .action((id: string, options: Options & { reason: string }) =>
      act(id, 'break-glass', reasonOf(options), options),
    )

  addStanding(approvals)
  addAbsences(approvals)
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const page = await client.object('GET', '/v1/approvals', { query: { state: 'pending' } })
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('nothing waits')
    table(
      ['APPROVAL', 'RISK', 'UNDO', 'EXPIRES', 'ASKED', 'NEXT', 'AGENT', 'ACTION', 'REASON', 'INPUT'],
      items.map((item) => {
        const action = objectOf(item['action'])
        return [
          textOf(item['id']),
          { text: textOf(item['risk']), ...(item['risk'] === 'high' && { colour: 'red' as const }) },
          undoCell(item),
          relativeTime(timeOf(item['expires_at'])),
          stepText(item),
          nextText(item),
          textOf(action['agent']),
          textOf(action['action']) + ('target' in action ? ` on ${textOf(action['target'])}` : ''),
          textOf(objectsOf(action['reasons'])[0]?.['code']),
          textOf(action['input']),
        ]
      }),
    )
  })
}

/** Whether it can be taken back, before anybody says yes: `within 1 day`, `never`. */
function undoCell(item: JsonObject): Cell | string {
  if (item['undoable'] === true)
    return textOf(item['undo'])
      .replace(/^Yes, /, '')
      .replace(/\.$/, '')
  if (objectOf(item['action'])['effect'] === 'read') return 'only reads'
  return { text: 'never', colour: 'red' }
}

/** Who may decide now, and when it goes to others: `lead@example.com, second@example.com; else in 20m`. */
function nextText(item: JsonObject): string {
  const { people, then } = objectOf(item['next'])
  const names = (value: JsonValue | undefined): string[] =>
    Array.isArray(value) ? value.map((one: JsonValue) => textOf(one)) : []
  const escalates = typeof item['escalates_at'] === 'string' ? timeOf(item['escalates_at']) : null
  return [
    names(people).slice(0, 3).join(', ') + (names(people).length > 3 ? ' …' : ''),
    ...names(then).map((group) => `then ${group}`),
    ...(escalates === null ? [] : [`else ${relativeTime(escalates)}`]),
  ]
    .filter((part) => part !== '')
    .join('; ')
}

function reasonOf({ reason }: { readonly reason?: string }): { reason?: string } {
  return reason === undefined ? {} : { reason }
}

const vote = (
  id: string,
  outcome: 'approve' | 'reject',
  options: Options & { reason?: string },
): Promise<void> => act(id, '', { outcome, ...reasonOf(options) }, options)

async function act(id: string, what: string, body: JsonObject, options: Options): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const path = `/v1/approvals/${encodeURIComponent(id)}${what === '' ? '' : `/${what}`}`
    const action = await client.object('POST', path, { body })
    if (options.json === true) return json(action)
    const state = textOf(action['state'])
    const approval = objectOf(action['approval'])
    const other = textOf(approval['id']) === id ? '' : `, approval ${textOf(approval['id'])}`
    const waits = state === 'held' ? `${other}; now asked: ${stepText(approval)}` : ''
    line(`${escapeText(textOf(action['id']))} is ${escapeText(state)}${escapeText(waits)}`)
  })
}
