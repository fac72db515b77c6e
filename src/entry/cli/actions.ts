import { Option } from 'commander'
import type { Command } from 'commander'
import { STATES } from '../../action/action.ts'
import { DECISIONS } from '../../action/decision.ts'
import type { JsonObject } from '../../action/json.ts'
import { pathOf } from '../sdk/action-path.ts'
import { objectOf, objectsOf, reasonLines, reasonsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { printExplanation } from './explanation.ts'
import { CommandFailure } from './failure.ts'
import { duration, wholeNumber, withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { fields, json, line, note, paint, relativeTime, stateColour, table } from './print.ts'
import { printRefused } from './undo-session.ts'

type Options = HarnessOptions & PrintOptions

interface ListOptions extends Options {
  readonly agent?: string
  readonly action?: string
  readonly session?: string
  readonly state?: string
  readonly decision?: string
  readonly before?: string
  readonly limit: number
}

interface UndoOptions extends Options {
  readonly overwrite?: boolean
  readonly agent?: string
  readonly action?: string
  readonly since?: number
}

export function addActions(program: Command): void {
  const actions = program.command('actions').description('what agents did, asked for and were refused')

  withJson(withHarness(actions.command('list').description('actions, newest first')))
    .option('--agent <name>', 'of one agent')
    .option('--action <name>', 'of one name')
    .option('--session <name>', 'of one session')
    .addOption(new Option('--state <state>', 'in one state').choices(STATES))
    .addOption(new Option('--decision <decision>', 'of one decision').choices(DECISIONS))
    .option('--before <id>', 'the page after the one that ended with this id')
    .option('--limit <number>', 'how many', wholeNumber(1, 200), 50)
    .action(list)

  withJson(withHarness(actions.command('show').argument('<id>').description('one action'))).action(show)
  withJson(
    withHarness(
      actions
        .command('explain')
        .argument('[id]')
        .description('why it was decided so; or all of a session, as a report'),
    ),
  )
    .option('--session <name>', 'a whole session, with --html')
    .option('--agent <name>', 'whose session, where several agents have one of that name')
    .option('--html <file>', 'write an incident report that needs nothing else')
    .action(explain)

  withPerson(
    withJson(
      withHarness(
        actions
          .command('undo')
          .argument('[id]')
          .description('undo one action, or all of an agent since a time'),
      ),
    ),
  )
    .option('--agent <name>', 'all undoable actions of this agent')
    .option('--action <name>', 'of this name')
    .option('--since <duration>', 'proposed in this time: 90s, 15m, 1h, 7d', duration)
    .option('--overwrite', 'with an id: what has changed since is overwritten')
    .action(undo)

  withPerson(
    withJson(
      withHarness(
        actions.command('cancel').argument('<id>').description('withdraw an action that has not started'),
      ),
    ),
  ).action(cancel)
}

async function list(options: ListOptions): Promise<void> {
  const { agent, action, session, state, decision, before, limit } = options
  await withConnection(options, 'folder', async ({ client }) => {
    const page = await client.object('GET', '/v1/actions', {
      query: { agent, action, session, state, decision, before, limit },
    })
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('no actions')
    table(
      ['ID', 'PROPOSED', 'AGENT', 'ACTION', 'DECISION', 'STATE', 'REASON'],
      items.map((item) => [
        textOf(item['id']),
        relativeTime(timeOf(item['proposed_at'])),
        textOf(item['agent']),
        textOf(item['action']),
        { text: textOf(item['decision']), colour: stateColour(textOf(item['decision'])) },
        { text: textOf(item['state']), colour: stateColour(textOf(item['state'])) },
        textOf(reasonsOf(item)[0]?.['code']),
      ]),
    )
    if (typeof page['next'] === 'string') note(`more: --before ${escapeText(page['next'])}`)
  })
}

async function show(id: string, options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const action = await client.object('GET', pathOf(id))
    if (options.json === true) return json(action)
    printAction(action)
  })
}

interface ExplainOptions extends Options {
  readonly session?: string
  readonly agent?: string
  readonly html?: string
}

async function explain(id: string | undefined, options: ExplainOptions): Promise<void> {
  const { session, agent, html } = options
  if ((id === undefined) === (session === undefined) || (session === undefined) !== (html === undefined)) {
    throw new CommandFailure('Name what to explain.', {
      advice: '`belay actions explain ID`, or `belay actions explain --session NAME --html FILE`.',
    })
  }
  await withConnection(options, 'folder', async ({ client }) => {
    if (id === undefined) {
      const { writeSessionReport } = await import('./session-report.ts')
      const told = await writeSessionReport(client, { session: session ?? '', agent, file: html ?? '' })
      return options.json === true
        ? json({ file: html, actions: told })
        : line(`${told} actions told in ${escapeText(html ?? '')}`)
    }
    const explanation = await client.object('GET', pathOf(id, 'explain'))
    if (options.json === true) return json(explanation)
    printExplanation(explanation)
  })
}

async function undo(id: string | undefined, options: UndoOptions): Promise<void> {
  const { agent, action, since, overwrite = false } = options
  if (id !== undefined) {
    if (agent !== undefined || action !== undefined || since !== undefined) {
      throw new CommandFailure('An id stands alone: it takes no --agent, --action or --since.')
    }
    return withConnection(options, 'running', async ({ client }) => {
      const body = overwrite ? { overwrite } : {}
      const answer = await client.object('POST', pathOf(id, 'undo'), { body })
      if (options.json === true) json(answer)
      else printUndo(answer)
    })
  }
  if (agent === undefined || since === undefined || overwrite) {
    throw new CommandFailure('Name what to undo.', {
      advice: '`belay actions undo ID`, or `belay actions undo --agent NAME --since 1h`.',
    })
  }
  await withConnection(options, 'running', async ({ client }) => {
    const body = { agent, since: `${Math.ceil(since / 1000)}s`, ...(action === undefined ? {} : { action }) }
    const summary = await client.object('POST', '/v1/undos', { body, timeoutMs: 600_000 })
    const refused = objectsOf(summary['refused'])
    if (refused.length > 0) process.exitCode = 1
    if (options.json === true) return json(summary)
    const undone = Array.isArray(summary['undone']) ? summary['undone'].length : 0
    const requested = Array.isArray(summary['requested']) ? summary['requested'].length : 0
    line(`${undone} undone, ${requested} asked of the agent, ${refused.length} not undone`)
    printRefused(refused)
  })
}

async function cancel(id: string, options: Options): Promise<void> {
  await withConnection(options, 'running', async ({ client }) => {
    const answer = await client.object('POST', pathOf(id, 'cancel'), { body: {} })
    if (options.json === true) return json(answer)
    line(`${escapeText(textOf(answer['id']))} is ${escapeText(textOf(answer['state']))}`)
  })
}

/** An action for people; shared with `propose`, which ends with one. */
export function printAction(action: JsonObject): void {
  const decision = textOf(action['decision'])
  const effective = textOf(action['effective'])
  const state = textOf(action['state'])
  const proposedAt = timeOf(action['proposed_at'])
  fields([
    ['id', textOf(action['id'])],
    ['agent', textOf(action['agent'])],
    ['action', textOf(action['action'])],
    ...('target' in action ? ([['target', textOf(action['target'])]] as const) : []),
    ['decision', decision, stateColour(decision)],
    ...(effective === decision ? [] : ([['effective', `${effective} (${textOf(action['mode'])})`]] as const)),
    ['state', state, stateColour(state)],
    ['proposed', `${textOf(action['proposed_at'])} (${relativeTime(proposedAt)})`],
    ...(action['session'] === null ? [] : ([['session', textOf(action['session'])]] as const)),
    ['cost', `${textOf(action['cost_usd'])} USD`],
    ['input', action['input'] === null ? '(erased)' : textOf(action['input'])],
    ...('result' in action ? ([['result', textOf(action['result'])]] as const) : []),
    ...('cause' in action ? ([['cause', textOf(action['cause'])]] as const) : []),
    ...approvalFields(objectOf(action['approval'])),
    ...undoFields(objectOf(action['undo'])),
  ])
  for (const reason of reasonLines(action)) line(`${paint('dim', 'because')}  ${reason}`)
}

function approvalFields(approval: JsonObject): (readonly [string, string])[] {
  if (approval['id'] === undefined) return []
  const expires = relativeTime(timeOf(approval['expires_at']))
  return [['approval', `${textOf(approval['id'])}, ${stepText(approval)}, expires ${expires}`]]
}

/** Who is asked: `finance 1 of 2 (step 1 of 2)`. */
export function stepText(approval: JsonObject): string {
  const steps = objectsOf(approval['steps'])
  const at = typeof approval['step'] === 'number' ? approval['step'] : 0
  const step = steps[at]
  if (step === undefined) return 'granted'
  const chain = steps.length > 1 ? ` (step ${at + 1} of ${steps.length})` : ''
  return `${textOf(step['group'])} ${textOf(step['approved'])} of ${textOf(step['quorum'])}${chain}`
}

function undoFields(undone: JsonObject): (readonly [string, string])[] {
  if (undone['status'] === undefined) return []
  const error = undone['error'] === undefined ? '' : `: ${textOf(undone['error'])}`
  return [['undo', `${textOf(undone['status'])} by ${textOf(undone['by'])}${error}`]]
}

function printUndo(action: JsonObject): void {
  const progress = objectOf(action['undo'])
  const status = textOf(progress['status'])
  const stands = status === '' ? ` is ${textOf(action['state'])}` : `: its undo is ${status}`
  line(escapeText(`${textOf(action['id'])}${stands}`))
  if (status === 'failed' || status === 'unknown') process.exitCode = 1
  if (status === 'requested')
    note('belay: the agent was asked and has not answered yet; `belay actions show` tells when it has')
}
