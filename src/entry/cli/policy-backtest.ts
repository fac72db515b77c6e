import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectOf, objectsOf, textOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { requireConfig } from './harness-config.ts'
import { duration, wholeNumber, withHarness, withJson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, stateColour, table } from './print.ts'

export interface BacktestOptions extends HarnessOptions, PrintOptions {
  readonly policy?: string
  readonly since?: number
  readonly limit: number
  readonly top: number
  /** Of one session alone. */
  readonly session?: string
  readonly agent?: string
}

/** A million decisions take minutes. */
const TIMEOUT_MS = 3_600_000

export function addPolicyBacktest(policy: Command): void {
  withJson(
    withHarness(
      policy
        .command('backtest')
        .description(
          'what another policy would have decided of what was recorded; exits 1 when something else',
        ),
    ),
  )
    .option('--policy <file>', 'the policy to test (default: the one of --config)')
    .option('--since <duration>', 'of actions proposed in this time: 90s, 15m, 1h, 7d', duration)
    .option('--limit <number>', 'how many decisions, the newest', wholeNumber(1, 1_000_000), 10_000)
    .option('--top <number>', 'how many reasons are shown', wholeNumber(1, 1000), 20)
    .option('--agent <name>', 'of one agent')
    .option('--session <name>', 'of one session')
    .action(runBacktest)
}

/** Tests a policy on what was recorded, and says what would change; exit code 1 when something would. */
export async function runBacktest(options: BacktestOptions): Promise<void> {
  const file = options.policy ?? options.config
  requireConfig(file)
  const text = readFileSync(file, 'utf8')
  await withConnection(options, 'folder', async ({ client }) => {
    const body = {
      text,
      limit: options.limit,
      ...(options.session !== undefined && { session: options.session }),
      ...(options.agent !== undefined && { agent: options.agent }),
      ...(options.since !== undefined && { since: `${Math.ceil(options.since / 1000)}s` }),
    }
    const found = await client.object('POST', '/v1/policy/backtest', { body, timeoutMs: TIMEOUT_MS })
    const { session } = options
    if (session !== undefined && found['judged'] === 0 && objectOf(found['not_judgeable'])['erased'] === 0)
      throw new CommandFailure(`Nothing was recorded of a session ${session}.`, {
        exitCode: 1,
        advice: '`belay sessions list` shows what there is.',
      })
    if (found['changed'] !== 0) process.exitCode = 1
    if (options.json === true) json(found)
    else print(found, options)
  })
}

function print(found: JsonObject, { top, limit }: BacktestOptions): void {
  const [judged, changed] = [Number(found['judged']), Number(found['changed'])]
  const erased = Number(objectOf(found['not_judgeable'])['erased'])
  if (judged === 0) line('Nothing was recorded in this time that can be judged.')
  else {
    const when = `from ${escapeText(textOf(found['from']))} to ${escapeText(textOf(found['until']))}`
    line(`${judged} ${judged === 1 ? 'decision' : 'decisions'} judged again, ${when}.`)
    line(
      changed === 0
        ? 'Nothing would change.'
        : `${changed} would change: ${textOf(found['stricter'])} stricter, ${textOf(found['looser'])} looser.`,
    )
  }
  if (erased > 0) line(`${erased} could not be judged: their input was erased. They are taken as they were.`)
  if (found['complete'] === false) line(`Only the newest ${limit} were judged; --limit judges more.`)
  const groups = objectsOf(found['groups'])
  if (groups.length === 0) return
  line()
  table(
    ['COUNT', 'ACTION', 'BEFORE', 'AFTER', 'REASON', 'EXAMPLE', 'WHY'],
    groups.slice(0, top).map((group) => {
      const [before, after] = [textOf(group['before']), textOf(group['after'])]
      return [
        textOf(group['count']),
        textOf(group['action']),
        { text: before, colour: stateColour(before) },
        { text: after, colour: stateColour(after) },
        textOf(group['code']),
        (Array.isArray(group['examples']) ? group['examples'] : []).map((id) => textOf(id)).at(-1) ?? '',
        textOf(group['message']),
      ]
    }),
  )
  if (groups.length > top) line(`${groups.length - top} more reasons; --top shows more of them`)
}
