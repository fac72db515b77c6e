import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, relativeTime, table } from './print.ts'

interface Options extends HarnessOptions, PrintOptions {
  readonly agent: string
  readonly preview?: boolean
  readonly past?: boolean
  readonly overwrite?: readonly string[]
}

const UNDO_MS = 600_000

/** `belay sessions undo`. */
export function addUndoSession(sessions: Command): void {
  withPerson(
    withJson(
      withHarness(sessions.command('undo').argument('<id>').description('undo a run, the last effect first')),
    ),
  )
    .requiredOption('--agent <name>', 'whose run')
    .option('--preview', 'only say what would be undone and where it would stop')
    .option('--past', 'go on past what cannot be undone')
    .option('--overwrite <ids...>', 'of these actions, what has changed since is overwritten')
    .action(undoSession)
}

async function undoSession(id: string, options: Options): Promise<void> {
  const { agent, preview = false, past = false, overwrite = [] } = options
  await withConnection(options, 'running', async ({ client }) => {
    const answer = await client.object('POST', `/v1/sessions/${encodeURIComponent(id)}/undo`, {
      body: { agent, preview, past, overwrite: [...overwrite] },
      timeoutMs: UNDO_MS,
    })
    const complete = objectsOf(answer['refused']).length === 0 && countOf(answer['requested']) === 0
    if (!complete) process.exitCode = 1
    if (options.json === true) return json(answer)
    if (preview) printPreview(answer)
    else printSummary(answer)
  })
}

function printPreview(answer: JsonObject): void {
  const undoable = objectsOf(answer['undoable'])
  const refused = objectsOf(answer['refused'])
  line(`${undoable.length} can be undone, ${refused.length} cannot`)
  if (undoable.length > 0)
    table(
      ['ID', 'ACTION', 'BY', 'CHANGED SINCE', 'UNTIL'],
      undoable.map((each) => [
        textOf(each['id']),
        textOf(each['action']),
        each['how'] === 'belay' ? 'Belay' : 'asking the agent',
        each['compared'] === true ? 'no' : 'not known',
        relativeTime(timeOf(each['until'])),
      ]),
    )
  printRefused(refused)
  const { stops_at: stopsAt } = answer
  if (typeof stopsAt === 'string') note(`it would stop at ${escapeText(stopsAt)}; --past goes on`)
}

function printSummary(answer: JsonObject): void {
  const refused = objectsOf(answer['refused'])
  const [undone, requested, left] = ['undone', 'requested', 'left'].map((name) => countOf(answer[name]))
  line(`${undone} undone, ${requested} asked of the agent, ${refused.length} not undone, ${left} not tried`)
  printRefused(refused)
  const { stopped_at: stoppedAt } = answer
  if (typeof stoppedAt === 'string') note(`stopped at ${escapeText(stoppedAt)}; --past goes on`)
}

/** What could not be undone and why; of a conflict what changed since. */
export function printRefused(refused: readonly JsonObject[]): void {
  if (refused.length === 0) return
  table(
    ['ID', 'ACTION', 'CODE', 'WHY NOT'],
    refused.map((each) => [
      textOf(each['id']),
      textOf(each['action']),
      { text: textOf(each['code']), colour: 'red' },
      textOf(each['message']),
    ]),
  )
}

function countOf(value: JsonObject[string] | undefined): number {
  return Array.isArray(value) ? value.length : 0
}
