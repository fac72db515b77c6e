import type { Command } from 'commander'
import type { ApiClient } from '../sdk/api-client.ts'
import { objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { ObservedDecisions, perDay } from './observed-decisions.ts'
import type { Preview } from './observed-decisions.ts'
import { duration, wholeNumber, withHarness, withJson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, paint, stateColour, table } from './print.ts'

interface PreviewOptions extends HarnessOptions, PrintOptions {
  readonly since: number
  readonly agent?: string
  readonly action?: string
  readonly limit: number
  readonly top: number
}

/** What the preview is of, beside what it counts. */
interface Found extends Preview {
  /** `false` when there were more actions than `--limit` in this time. */
  readonly complete: boolean
  readonly approvals_per_day: number | null
  /** Of the policy in force now. */
  readonly mode: string | null
  /** Agents that a breaker has paused or stopped, and that would act no more once the policy enforces. */
  readonly paused_now: readonly string[]
}

const PAGE = 200
// Reasons that depend on how many actions went before.
const USED_UP = /^(?:budget|rate|agent|breaker):/
const DAY = 86_400_000

export function addPolicyPreview(policy: Command): void {
  withJson(
    withHarness(
      policy.command('preview').description('what enforcing would have held back of what was observed'),
    ),
  )
    .option('--since <duration>', 'of actions proposed in this time: 90s, 15m, 1h, 7d', duration, DAY)
    .option('--agent <name>', 'of one agent')
    .option('--action <name>', 'of one name')
    .option('--top <number>', 'how many reasons are shown', wholeNumber(1, 1000), 15)
    .option('--limit <number>', 'how many actions are looked at', wholeNumber(1, 1_000_000), 50_000)
    .action(preview)
}

async function preview(options: PreviewOptions): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const found = await look(client, options)
    if (options.json === true) json(found)
    else print(found, options)
  })
}

async function look(client: ApiClient, options: PreviewOptions): Promise<Found> {
  const now = Date.now()
  const decisions = new ObservedDecisions()
  const complete = await readActions(client, options, now - options.since, decisions)
  const counted = decisions.preview()
  const [policy, agents] = await Promise.all([
    client.object('GET', '/v1/policy'),
    client.object('GET', '/v1/agents'),
  ])
  return {
    complete,
    mode: policy['path'] === null ? null : textOf(policy['mode']),
    approvals_per_day: perDay(counted.decisions.require_approval, counted.from, now),
    paused_now: objectsOf(agents['items'])
      .filter((agent) => agent['state'] !== 'active' && agent['changed_by'] === 'breaker')
      .map((agent) => textOf(agent['name']))
      .filter((name) => options.agent === undefined || name === options.agent),
    ...counted,
  }
}

/** Newest first, page after page, until they are older than `since`. Answers whether that end was reached. */
async function readActions(
  client: ApiClient,
  { agent, action, limit }: PreviewOptions,
  since: number,
  decisions: ObservedDecisions,
): Promise<boolean> {
  let before: string | undefined
  let read = 0
  try {
    for (;;) {
      const page = await client.object('GET', '/v1/actions', {
        query: { agent, action, before, limit: Math.min(PAGE, limit - read) },
        retries: 3,
      })
      for (const item of objectsOf(page['items'])) {
        if (timeOf(item['proposed_at']) < since) return true
        decisions.add(item)
        read += 1
      }
      progress(read)
      if (typeof page['next'] !== 'string') return true
      if (read >= limit) return false
      if (page['next'] === before) throw new CommandFailure('The harness answers the same page again.')
      before = page['next']
    }
  } finally {
    progress(0)
  }
}

let lastProgress = 0

function progress(read: number): void {
  if (!process.stderr.isTTY || (read > 0 && Date.now() - lastProgress < 100)) return
  lastProgress = Date.now()
  process.stderr.write(read === 0 ? '\r\u001b[K' : `\r\u001b[K${read} actions read …`)
}

function print(found: Found, options: PreviewOptions): void {
  const { observed, enforced, decisions } = found
  if (observed === 0) {
    line('Nothing was observed in this time.')
    if (enforced > 0) line(`${amount(enforced, 'action was', 'actions were')} decided under enforce.`)
    line(
      'next: set `mode: observe` in the policy and let the agents work, or look further back with --since 7d',
    )
    return
  }
  const what = `${amount(observed, 'action', 'actions')} of ${amount(found.agents, 'agent', 'agents')}`
  line(`${what} observed since ${escapeText(found.from ?? '')}. Enforcing would have`)
  const share = (count: number): string => `${((100 * count) / observed).toFixed(1)}%`.padStart(7)
  const width = String(observed).length
  const row = (words: string, count: number, more = ''): void =>
    line(`  ${words.padEnd(18)} ${String(count).padStart(width)} ${share(count)}${more}`)
  const daily = found.approvals_per_day
  row('let pass', decisions.allow)
  row('changed', decisions.transform)
  row(
    'asked a person for',
    decisions.require_approval,
    daily === null || decisions.require_approval === 0 ? '' : `  about ${daily} a day`,
  )
  row('refused', decisions.deny)
  if (enforced > 0) line(`${enforced} more were decided under enforce and are not counted.`)
  if (!found.complete) line(`Only the newest ${options.limit} were looked at; --limit looks at more.`)
  if (found.policies.length > 1) {
    const older = found.policies.slice(1).reduce((sum, { actions }) => sum + actions, 0)
    line(
      `${older} of them were decided by earlier versions of the policy; a shorter --since leaves them out.`,
    )
  }
  printHeldBack(found, options)
  printPaused(found)
  if (found.held_back.some(({ code }) => USED_UP.test(code)))
    line('What was refused here ran all the same and used up limits: enforcing would refuse less of it.')
  line()
  const example = found.held_back[0]?.examples[0]
  if (example !== undefined) line(`why: \`belay actions explain ${escapeText(example)}\``)
  line(nextStep(found))
}

function printHeldBack({ held_back: groups, other }: Found, { top }: PreviewOptions): void {
  if (groups.length === 0) return
  line()
  table(
    ['COUNT', 'DECISION', 'ACTION', 'REASON', 'EXAMPLE', 'WHY'],
    groups
      .slice(0, top)
      .map(({ count, decision, of, action, code, examples, message }) => [
        String(count),
        { text: decision, colour: stateColour(decision) },
        of === 'result' ? `${action} (its result)` : action,
        code,
        examples[0] ?? '',
        message,
      ]),
  )
  const rest = groups.slice(top).reduce((sum, { count }) => sum + count, other)
  if (rest > 0) line(`${rest} more for other reasons; --top shows more of them`)
}

function printPaused({ paused, paused_now: now }: Found): void {
  if (paused.length > 0) {
    line()
    line('Agents that would have been paused or stopped')
    for (const { agent, message, refused, at } of paused.slice(0, 20)) {
      line(`  ${paint('yellow', escapeText(agent))}  ${escapeText(at)}  ${escapeText(message)}`)
      if (refused > 0)
        line(`    ${amount(refused, 'action', 'actions')} would have been refused for that alone`)
    }
    if (paused.length > 20) line(`  and ${paused.length - 20} more`)
  }
  if (now.length > 0) {
    const names = now.slice(0, 20).map(escapeText)
    line(
      `Paused now, and idle as soon as the policy enforces: ${names.join(', ')} (belay agents resume NAME)`,
    )
  }
}

function nextStep({ mode, decisions, observed }: Found): string {
  if (mode === 'enforce') return 'The policy enforces now; this is what was decided before.'
  const calm = decisions.allow === observed
  return calm
    ? 'next: nothing would have been held back; set `mode: enforce` in the policy'
    : 'next: change what should not be held back (`belay policy lint`); when this looks right, set `mode: enforce` in the policy'
}

function amount(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
