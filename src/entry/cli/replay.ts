import type { Command } from 'commander'
import type { ApiClient } from '../sdk/api-client.ts'
import type { StageReport } from '../replay/messages.ts'
import type { RecordedSession } from '../replay/read-session.ts'
import { objectOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { handedOn } from './handed-on.ts'
import { wholeNumber, withHarness, withJson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, paint } from './print.ts'

export interface ReplayOptions extends HarnessOptions, PrintOptions {
  readonly agent?: string
  readonly timing?: boolean
  readonly allowNetwork?: boolean
  readonly fork?: number
  readonly setAnswer?: string
  readonly model?: string
  readonly prompt?: string
  readonly live?: number
  readonly run?: boolean
}

export function addReplay(program: Command): void {
  withJson(
    withHarness(
      program
        .command('replay')
        .argument('<session>', 'the session, as the agent named it')
        .argument(
          '[command...]',
          'the agent, after --; without one, the session’s decisions are judged again',
        )
        .description(
          'run an agent again against the recorded answers; exits 1 when it asks for anything else',
        ),
    ),
  )
    .option('--agent <name>', 'whose session it is, where several agents have one of that name')
    .option('--timing', 'answers come when they came, not at once')
    .option('--allow-network', 'run the agent although its network cannot be blocked, or should not be')
    .option('--fork <step>', 'recorded before this step, live from it on', wholeNumber(1, 1_000_000))
    .option('--set-answer <file>', 'with --fork: what that step is answered instead')
    .option('--model <name>', 'with --fork or --live: another model')
    .option('--prompt <name@version>', 'with --fork or --live: another system prompt, of the registry')
    .option(
      '--live <times>',
      'send each recorded question to its model again, so often',
      wholeNumber(1, 1000),
    )
    .option('--run', 'the command that the policy names for the agent')
    .action(replay)
}

async function replay(session: string, command: readonly string[], options: ReplayOptions): Promise<void> {
  refuseMixtures(command, options)
  if (command.length === 0 && options.live === undefined && options.run !== true)
    return judgeAgain(session, options)
  await withConnection(
    options,
    options.live === undefined && options.fork === undefined ? 'folder' : 'running',
    async ({ client }) => {
      const recorded = await read(client, session, options.agent)
      if (options.live !== undefined) {
        const { measure } = await import('./replay-live.ts')
        return measure(client, session, recorded, options)
      }
      const report = await run(client, session, recorded, command, options)
      const good =
        report.fork === null ? isExact(report) : report.divergence === null && report.exit.code === 0
      if (!good) process.exitCode = 1
      if (options.json === true)
        json({
          session,
          exact: report.fork === null && good,
          network: options.allowNetwork === true ? 'open' : 'blocked',
          ...report,
        })
      else print(report, recorded, options)
    },
  )
}

function refuseMixtures(command: readonly string[], options: ReplayOptions): void {
  const { fork, live, setAnswer, model, prompt } = options
  const wrong =
    fork !== undefined && live !== undefined
      ? '--fork and --live are two things.'
      : fork !== undefined && command.length === 0 && options.run !== true
        ? 'A fork runs an agent: say which.'
        : live !== undefined && command.length > 0
          ? '--live sends the recorded questions; it runs no agent.'
          : setAnswer !== undefined && fork === undefined
            ? '--set-answer needs the step: --fork STEP.'
            : (model ?? prompt) !== undefined && fork === undefined && live === undefined
              ? '--model and --prompt go with --fork or --live.'
              : undefined
  if (wrong !== undefined)
    throw new CommandFailure(wrong, { advice: 'belay replay SESSION --fork STEP -- COMMAND…' })
}

/** Without an agent there is still the policy: what would it say of this session today? */
async function judgeAgain(session: string, options: ReplayOptions): Promise<void> {
  const { runBacktest } = await import('./policy-backtest.ts')
  const { agent } = options
  await runBacktest({ ...options, limit: 1_000_000, top: 20, session, ...(agent !== undefined && { agent }) })
}

async function read(client: ApiClient, session: string, agent: string | undefined): Promise<RecordedSession> {
  const { readSession } = await import('../replay/read-session.ts')
  const recorded = await readSession(client, session, agent)
  if (recorded.agents.length > 1)
    throw new CommandFailure(`Several agents have a session ${session}: ${recorded.agents.join(', ')}.`, {
      advice: 'Name one with --agent.',
    })
  if (recorded.steps.length === 0)
    throw new CommandFailure(
      recorded.erased > 0
        ? `What was kept of the session ${session} has been erased.`
        : `Nothing was kept of a session ${session}.`,
      { advice: 'Set `record: { models: full }` in the policy before the agent runs.' },
    )
  return recorded
}

interface Report extends StageReport {
  /** The session under which it went on. */
  readonly fork: { readonly session: string; readonly at: number } | null
}

async function run(
  client: ApiClient,
  session: string,
  { steps, agents }: RecordedSession,
  command: readonly string[],
  options: ReplayOptions,
): Promise<Report> {
  const { NotConfined, replayRun } = await import('../replay/replay-run.ts')
  const policy = objectOf((await client.object('GET', '/v1/policy'))['document'])
  const { volatile } = objectOf(policy['replay'])
  const declared = objectOf(objectOf(policy['agents'])[agents[0] ?? ''])['command']
  if (command.length === 0 && !Array.isArray(declared))
    throw new CommandFailure(`The policy names no command for the agent ${agents[0] ?? ''}.`, {
      advice: 'Set `agents.NAME.command`, or give it: belay replay SESSION -- COMMAND…',
    })
  const start = {
    steps,
    volatile: Array.isArray(volatile) ? volatile.map(String) : [],
    port: Number(new URL(client.url).port),
    timing: options.timing === true,
    command: command.length > 0 ? command : (declared as readonly string[]),
    cwd: process.cwd(),
    env: handedOn(),
    quiet: options.json === true,
    fork: null,
    allowNetwork: options.allowNetwork === true,
  }
  try {
    if (options.fork === undefined) return { ...(await replayRun(start)), fork: null }
    const { runFork } = await import('./replay-live.ts')
    const { report, session: under } = await runFork(client, session, agents[0] ?? '', policy, start, options)
    return { ...report, fork: { session: under, at: options.fork } }
  } catch (error) {
    if (!(error instanceof NotConfined)) throw error
    throw new CommandFailure(error.message, {
      advice: '--allow-network runs it with the network that there is.',
    })
  }
}

function isExact({ divergence, left, exit }: StageReport): boolean {
  return divergence === null && left.length === 0 && exit.code === 0
}

function print(report: Report, recorded: RecordedSession, options: ReplayOptions): void {
  const { steps, answered, divergence, left, exit } = report
  const masked = recorded.steps.filter(({ recording }) => recording.masked.answer > 0).length
  note('')
  if (options.allowNetwork === true) note('belay: the agent had the network of this machine')
  if (report.fork !== null)
    line(`${answered} steps recorded, then live as session ${escapeText(report.fork.session)}`)
  else if (isExact(report)) line(`${paint('green', 'exact')}  ${steps} of ${steps} steps, the same bytes`)
  if (masked > 0) line(`${masked} answers hold masks in place of secrets`)
  if (divergence !== null) {
    line(`${paint('red', 'diverged')}  after ${answered} of ${steps} steps`)
    line(`  step      ${divergence.step ?? 'none is left'}  ${escapeText(divergence.action ?? '')}`)
    line(`  expected  ${escapeText(divergence.expected ?? 'no further request')}`)
    line(`  came      ${escapeText(divergence.came)}`)
    for (const { pointer, expected, came } of divergence.differences) {
      line(`  ${paint('cyan', escapeText(pointer === '' ? '/' : pointer))}`)
      line(`    - ${expected === undefined ? 'nothing' : escapeText(JSON.stringify(expected))}`)
      line(`    + ${came === undefined ? 'nothing' : escapeText(JSON.stringify(came))}`)
    }
  } else if (left.length > 0 && report.fork === null) {
    line(`${paint('red', 'ended early')}  after ${answered} of ${steps} steps`)
    for (const one of left) line(`  step ${one.step}  ${escapeText(one.request)}  ${escapeText(one.action)}`)
  }
  if (exit.code !== 0)
    line(
      `the command ended with ${exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`}`,
    )
}
