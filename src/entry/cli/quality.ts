import { InvalidArgumentError, type Command } from 'commander'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { withHarness, withJson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, relativeTime, table, type Cell } from './print.ts'

type Options = HarnessOptions & PrintOptions

interface ListOptions extends Options {
  readonly action?: string
  readonly agent?: string
  readonly rubric?: string
  readonly verdict?: string
}

/** `belay quality …`: what judges made of actions, and how far people agree with them. */
export function addQuality(program: Command): void {
  const quality = program.command('quality').description('what other models make of what agents do')

  withJson(withHarness(quality.command('list').description('scores, newest first')))
    .option('--action <id>', 'of one action')
    .option('--agent <name>', 'of one agent')
    .option('--rubric <name>', 'by one rubric')
    .option('--verdict <verdict>', 'accepted, rejected or unscored')
    .action(list)

  withJson(
    withHarness(
      quality
        .command('agreement')
        .description('how often people and judges said the same, with Cohen’s kappa'),
    ),
  )
    .option('--days <n>', 'how far back', wholeDays, 90)
    .action(agreement)
}

async function list(options: ListOptions): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const { action, agent, rubric, verdict } = options
    const query = { limit: 200, action, agent, rubric, verdict }
    const page = await client.object('GET', '/v1/quality/scores', { query })
    if (options.json === true) return json(page)
    const items = objectsOf(page['items'])
    if (items.length === 0) return line('no scores')
    table(
      ['ACTION', 'AGENT', 'NAME', 'RUBRIC', 'SCORE', 'VERDICT', 'PERSON', 'WHEN'],
      items.map((item) => [
        textOf(item['action']),
        textOf(item['agent']),
        textOf(item['name']),
        `${textOf(item['rubric'])} (${textOf(item['timing'])})`,
        scoreText(item),
        verdictCell(item),
        textOf(item['person']) || '–',
        relativeTime(timeOf(item['at'])),
      ]),
    )
  })
}

async function agreement(options: Options & { days: number }): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('GET', '/v1/quality/agreement', { query: { days: options.days } })
    if (options.json === true) return json(answer)
    const items = objectsOf(answer['items'])
    if (items.length === 0) return line('people have decided nothing that a judge has scored')
    table(
      ['RUBRIC', 'VERSION', 'JUDGE', 'BOTH SAID', 'SAME', 'STRICTER', 'LOOSER', 'KAPPA'],
      items.map((item) => [
        textOf(item['rubric']),
        textOf(item['rubric_digest']).slice(7, 15),
        textOf(item['judge']),
        textOf(item['count']),
        `${Math.round(Number(item['same']) * 100)}%`,
        textOf(item['judge_stricter']),
        textOf(item['judge_looser']),
        kappaText(item),
      ]),
    )
  })
}

function scoreText(item: JsonObject): string {
  return typeof item['score'] === 'number'
    ? `${item['score']}% ${textOf(item['label'])}`
    : textOf(item['error'])
}

function verdictCell(item: JsonObject): Cell {
  const text = textOf(item['verdict'])
  return { text, colour: text === 'accepted' ? 'green' : text === 'rejected' ? 'red' : 'yellow' }
}

function kappaText(item: JsonObject): string {
  const { kappa, kappa_low: low, kappa_high: high } = item
  if (typeof kappa !== 'number') return '–'
  return typeof low === 'number' ? `${rounded(kappa)} (${rounded(low)} to ${rounded(high)})` : rounded(kappa)
}

function rounded(value: JsonValue | undefined): string {
  return typeof value === 'number' ? value.toFixed(2) : '–'
}

function wholeDays(text: string): number {
  const days = Number(text)
  if (!Number.isInteger(days) || days < 1 || days > 3650) throw new InvalidArgumentError('1 to 3650.')
  return days
}
