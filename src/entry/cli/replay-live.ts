import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { JsonObject } from '../../action/json.ts'
import { withLiveAgent } from '../replay/ask-gateway.ts'
import { forwardTo, withAnswer } from '../replay/fork-run.ts'
import { measureDrift, type Drift, type Likeness } from '../replay/live-drift.ts'
import type { StageReport } from '../replay/messages.ts'
import { protocolsOf, type Change } from '../replay/model-exchange.ts'
import type { RecordedSession } from '../replay/read-session.ts'
import { replayRun, type ReplayRun } from '../replay/replay-run.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { objectOf, objectsOf, textOf } from './answer.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { json, line, table } from './print.ts'
import type { ReplayOptions } from './replay.ts'

/** Recorded before the step, live from it on, under a session of its own that bears the old one's name. */
export async function runFork(
  client: ApiClient,
  session: string,
  agent: string,
  policy: JsonObject,
  start: Omit<ReplayRun, 'forward'>,
  options: ReplayOptions,
): Promise<{ readonly report: StageReport; readonly session: string }> {
  const at = options.fork ?? 1
  if (at > start.steps.length + 1)
    throw new CommandFailure(`The session has ${start.steps.length} steps.`, {
      advice: `--fork takes 1 to ${start.steps.length + 1}.`,
    })
  const { setAnswer } = options
  const steps = setAnswer === undefined ? start.steps : answered(start.steps, at, setAnswer)
  const fork = {
    session: sessionAfter(session, `fork-${at}`),
    change: await changeOf(client, options),
    promptRef: options.prompt ?? null,
    protocolOf: protocolsOf(policy['providers']),
  }
  const report = await withLiveAgent(client, agent, (live) =>
    replayRun({
      ...start,
      steps,
      // An answer that was set is that of the step itself.
      fork: setAnswer === undefined ? at : at + 1,
      forward: forwardTo(live, fork),
    }),
  )
  return { report, session: fork.session }
}

/** Sends the recorded questions again and tells how the answers differ. */
export async function measure(
  client: ApiClient,
  session: string,
  { steps, agents }: RecordedSession,
  options: ReplayOptions,
): Promise<void> {
  const policy = objectOf((await client.object('GET', '/v1/policy'))['document'])
  const change = await changeOf(client, options)
  const drift = await withLiveAgent(client, agents[0] ?? '', (live) =>
    measureDrift(live, {
      steps,
      times: options.live ?? 1,
      session: sessionAfter(session, 'live'),
      change,
      protocolOf: protocolsOf(policy['providers']),
    }),
  )
  if (drift.stopped !== null) process.exitCode = 1
  if (options.json === true) return json(drift)
  print(drift, options.live ?? 1)
}

function print({ steps, total, skipped, stopped, session }: Drift, times: number): void {
  if (steps.length === 0) return line('There is no call of a model in the session that can be sent again.')
  const share = (count: number, of: number): string => (of === 0 ? '–' : `${Math.round((100 * count) / of)}%`)
  const row = (first: readonly string[], one: Likeness): readonly string[] => [
    ...first,
    String(one.answers),
    ...[one.exact, one.words, one.toolCalls, one.finishReason].map((count) => share(count, one.answers)),
    String(one.failed),
  ]
  table(
    ['STEP', 'MODEL', 'ANSWERS', 'SAME TEXT', 'SAME WORDS', 'SAME TOOLS', 'SAME END', 'FAILED'],
    [
      ...steps.map((one) => row([String(one.step), one.model ?? ''], one)),
      row(['all', `${times} each`], total),
    ],
  )
  if (skipped > 0) line(`${skipped} other steps were not sent`)
  if (stopped !== null) line(`stopped early: ${escapeText(stopped)}`)
  line(`sent as session ${escapeText(session)}`)
}

async function changeOf(client: ApiClient, { model, prompt }: ReplayOptions): Promise<Change> {
  return {
    ...(model !== undefined && { model }),
    ...(prompt !== undefined && { prompt: await systemPrompt(client, prompt) }),
  }
}

/** What a prompt of the registry has the system say. One with variables would need their values. */
async function systemPrompt(client: ApiClient, ref: string): Promise<string> {
  const [, name, version] = /^([^@]+)@(\d{1,9})$/.exec(ref) ?? []
  if (name === undefined || version === undefined)
    throw new CommandFailure('A prompt is named with its version.', { advice: '--prompt NAME@VERSION' })
  const found = await client.object('GET', `/v1/prompts/${encodeURIComponent(name)}/versions/${version}`)
  const variables = Array.isArray(found['variables']) ? found['variables'].map(String) : []
  if (variables.length > 0)
    throw new CommandFailure(
      `The prompt ${ref} has variables, whose values a replay does not know: ${variables.join(', ')}.`,
    )
  if (typeof found['text'] === 'string') return found['text']
  const system = objectsOf(found['messages']).filter(({ role }) => role === 'system')
  if (system.length === 0) throw new CommandFailure(`The prompt ${ref} has nothing that the system says.`)
  return system.map(({ content }) => textOf(content)).join('\n\n')
}

function answered(steps: ReplayRun['steps'], at: number, file: string): ReplayRun['steps'] {
  try {
    return withAnswer(steps, at, readFileSync(file, 'utf8'))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandFailure(`${file} cannot be the answer: ${why}.`, { cause: error })
  }
}

/** Short enough for any store of names, and new each time. */
function sessionAfter(session: string, what: string): string {
  return `${session.slice(0, 160)}~${what}-${randomBytes(3).toString('hex')}`
}
