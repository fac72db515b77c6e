import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { duration, wholeNumber, withHarness, withJson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { fields, json, line, relativeTime, stateColour, table } from './print.ts'
import { addUndoSession } from './undo-session.ts'

interface Filter extends HarnessOptions, PrintOptions {
  readonly agent?: string
  readonly model?: string
  readonly prompt?: string
  readonly release?: string
  readonly decision?: string
  readonly reason?: string
  readonly since?: number
}

const FILTERS = ['agent', 'model', 'prompt', 'release', 'decision', 'reason'] as const

export function addSessions(program: Command): void {
  const sessions = program
    .command('sessions')
    .description('runs of agents, from the model call to the outcome')
  withFilter(sessions.command('list').description('runs by their last sign of life, newest first'))
    .option('--min-cost <usd>', 'that cost at least so much', Number)
    .option('--limit <n>', 'at most so many', wholeNumber(1, 200), 20)
    .action(list)
  withJson(withHarness(sessions.command('show').argument('<id>').description('one run as a tree')))
    .requiredOption('--agent <name>', 'whose run')
    .action(show)
  withJson(
    withHarness(
      sessions.command('report').argument('<id>').description('an incident report that needs nothing else'),
    ),
  )
    .option('--agent <name>', 'whose run, where several agents have one of that name')
    .requiredOption('--html <file>', 'where it is written')
    .action(report)
  addUndoSession(sessions)
  withFilter(program.command('stats').description('counts, outcomes, cost, tokens and durations'))
    .option(
      '--by <groups>',
      'hour, agent, action, model, prompt, release, decision, reason, tag:NAME; several with commas',
    )
    .option('--action <name>', 'of one action')
    .option('--tag <name=value>', 'of actions with this tag, such as campaign=spring')
    .option('--parquet <folder>', 'over what `belay ledger export --parquet` wrote, without a harness')
    .option(
      '--sql <query>',
      'with --parquet: a query of your own over the views records and actions (DuckDB)',
    )
    .action((options: Sums) => (options.parquet === undefined ? sums(options) : overParquet(options)))
}

async function report(
  session: string,
  options: HarnessOptions & PrintOptions & { readonly agent?: string; readonly html: string },
): Promise<void> {
  const { writeSessionReport } = await import('./session-report.ts')
  const { agent, html: file } = options
  await withConnection(options, 'folder', async ({ client }) => {
    const actions = await writeSessionReport(client, { session, agent, file })
    if (options.json === true) json({ file, actions })
    else line(`${actions} actions told in ${escapeText(file)}`)
  })
}

function withFilter(command: Command): Command {
  return withJson(withHarness(command))
    .option('--agent <name>', 'of one agent')
    .option('--model <name>', 'as it was asked for')
    .option('--prompt <name>', 'of one prompt')
    .option('--release <name>', 'of one release of the agent')
    .option('--decision <decision>', 'allow, transform, require_approval or deny')
    .option('--reason <code>', 'with this reason')
    .option('--since <duration>', 'as far back as this, such as 90m, 24h or 7d', duration)
}

function queryOf(options: Filter, more: Readonly<Record<string, string | undefined>> = {}): string {
  const query = new URLSearchParams()
  for (const name of FILTERS) if (options[name] !== undefined) query.set(name, options[name])
  if (options.since !== undefined) query.set('from', new Date(Date.now() - options.since).toISOString())
  for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, value)
  return query.size === 0 ? '' : `?${query.toString()}`
}

async function list(options: Filter & { limit: number; minCost?: number }): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const more = { limit: String(options.limit), min_cost_usd: options.minCost?.toString() }
    const answer = await client.object('GET', `/v1/sessions${queryOf(options, more)}`)
    if (options.json === true) return json(answer)
    const items = objectsOf(answer['items'])
    if (items.length === 0) return line('no sessions')
    table(
      ['SESSION', 'AGENT', 'LAST', 'ACTIONS', 'DENIED', 'HELD', 'FAILED', 'COST', 'TOKENS', 'MODELS'],
      items.map((one) => [
        textOf(one['id']),
        textOf(one['agent']),
        relativeTime(timeOf(one['ended_at'])),
        ...['actions', 'denied', 'held', 'failed'].map((name) => textOf(one[name])),
        usd(one['cost_usd']),
        tokens(one),
        listOf(one['models']),
      ]),
    )
  })
}

async function show(id: string, options: Filter & { agent: string }): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const path = `/v1/sessions/${encodeURIComponent(id)}?agent=${encodeURIComponent(options.agent)}`
    const answer = await client.object('GET', path)
    const spans = [...objectsOf(answer['spans'])]
    for (let { next } = answer; typeof next === 'string';) {
      const page = await client.object('GET', `${path}&after=${next}`)
      spans.push(...objectsOf(page['spans']))
      next = page['next'] ?? null
    }
    if (options.json === true) return json({ ...answer, spans, next: null })
    const session = answer['session'] as JsonObject
    fields([
      ['session', textOf(session['id'])],
      ['agent', textOf(session['agent'])],
      ['time', `${textOf(session['started_at'])} – ${textOf(session['ended_at'])}`],
      ['cost', usd(session['cost_usd'])],
      ['tokens', tokens(session)],
      ['models', listOf(session['models'])],
      ['prompts', listOf(session['prompts'])],
    ])
    line()
    tree(spans)
  })
}

/** Below their parents and indented, in the order of time. */
function tree(spans: readonly JsonObject[]): void {
  const below = new Map<string, JsonObject[]>()
  const known = new Set(spans.map((span) => textOf(span['id'])))
  for (const span of spans) {
    const parent = textOf(span['parent'])
    // What led to it may lie in another session.
    const place = span['kind'] === 'session' ? '' : known.has(parent) ? parent : 'session'
    below.set(place, [...(below.get(place) ?? []), span])
  }
  const rows: string[][] = []
  const waiting = (below.get('') ?? []).map((span) => ({ span, depth: 0 }))
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { span, depth } = next
    const mark = depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `
    rows.push([
      `${mark}${textOf(span['kind'])} ${textOf(span['name'])}`,
      textOf(span['state']),
      textOf(span['decision']),
      took(span),
      usd(span['cost_usd']),
      tokens(span),
      span['kind'] === 'session' ? '' : textOf(span['id']),
    ])
    for (const child of (below.get(textOf(span['id'])) ?? []).toReversed())
      waiting.push({ span: child, depth: depth + 1 })
  }
  table(
    ['WHAT', 'STATE', 'DECISION', 'TOOK', 'COST', 'TOKENS', 'ID'],
    rows.map(([what = '', state = '', ...rest]) => [
      what,
      { text: state, colour: stateColour(state) },
      ...rest,
    ]),
  )
}

interface Sums extends Filter {
  readonly by?: string
  readonly action?: string
  readonly tag?: string
  readonly parquet?: string
  readonly sql?: string
}

async function overParquet(options: Sums): Promise<void> {
  const { parquet = '', sql } = options
  if (sql !== undefined) {
    const said = [...FILTERS, 'since', 'action', 'tag', 'by'] as const
    const besides = said.filter((name) => options[name] !== undefined)
    if (besides.length > 0)
      throw new CommandFailure(
        `A query of your own is run as it stands: --${besides.join(', --')} cannot be beside --sql.`,
        {
          advice: 'Write the condition into the query.',
        },
      )
  }
  const { queryParquet, statsQuery } = await import('./parquet.ts')
  const rows = await queryParquet(parquet, sql ?? statsQuery(options, Date.now()))
  if (options.json === true) return json({ rows })
  const [first] = rows
  if (first === undefined) return line('nothing there')
  const names = Object.keys(first)
  table(
    names.map((name) => name.toUpperCase()),
    rows.map((row) => names.map((name) => textOf(row[name]))),
  )
}

async function sums(options: Sums): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const query = queryOf(options, { by: options.by, action: options.action, tag: options.tag })
    const answer = await client.object('GET', `/v1/stats${query}`)
    if (options.json === true) return json(answer)
    const rows = objectsOf(answer['rows'])
    if (rows.length === 0 || rows[0]?.['actions'] === null) return line('nothing in that time')
    table(
      [
        ...(options.by === undefined ? [] : options.by.toUpperCase().split(',')),
        'ACTIONS',
        'ALLOWED',
        'CHANGED',
        'ASKED',
        'DENIED',
        'OK',
        'FAILED',
        'UNKNOWN',
        'COST',
        'TOKENS',
        'P50 MS',
        'P95 MS',
      ],
      rows.map((row) => {
        const at = (group: string, name: string): string => textOf((row[group] as JsonObject)[name])
        const key = row['key'] ?? null
        const keys = options.by === undefined ? [] : Array.isArray(key) ? key : [key]
        return [
          ...keys.map((one) => (one === null ? '–' : textOf(one))),
          textOf(row['actions']),
          ...['allow', 'transform', 'require_approval', 'deny'].map((name) => at('decisions', name)),
          ...['succeeded', 'failed', 'unknown'].map((name) => at('outcomes', name)),
          usd(row['cost_usd']),
          tokens(row),
          at('latency_ms', 'p50'),
          at('latency_ms', 'p95'),
        ]
      }),
    )
    line(escapeText(`${textOf(answer['from'])} – ${textOf(answer['to'])}`))
  })
}

function usd(value: JsonObject[string] | undefined): string {
  return typeof value === 'number' && value > 0 ? `$${Number(value.toFixed(6))}` : ''
}

function tokens(of: JsonObject): string {
  const { input, output } = of['tokens'] as { input: number; output: number }
  return input + output === 0 ? '' : `${input} in, ${output} out`
}

function listOf(value: JsonObject[string] | undefined): string {
  return Array.isArray(value) ? value.map((one) => textOf(one)).join(', ') : ''
}

function took(span: JsonObject): string {
  if (typeof span['ended_at'] !== 'string') return ''
  const ms = timeOf(span['ended_at']) - timeOf(span['started_at'])
  return ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`
}
