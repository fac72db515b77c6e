import { readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { pathOf } from '../sdk/action-path.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { printAction } from './actions.ts'
import { textOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { CommandFailure } from './failure.ts'
import { decimal, tagsFrom, wholeNumber, withHarness, withJson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, note } from './print.ts'

interface ProposeOptions extends HarnessOptions, PrintOptions {
  readonly agent: string
  readonly input: string
  readonly reason?: string
  readonly confidence?: number
  readonly target?: string
  readonly session?: string
  readonly costUsd?: number
  readonly idempotencyKey?: string
  readonly wait?: number
  readonly tag?: readonly string[]
}

const MAX_INPUT_BYTES = 4 * 1024 * 1024
const WAIT_SLICE_SECONDS = 25

export function addPropose(program: Command): void {
  withJson(
    withHarness(
      program.command('propose').argument('<action>').description('put one action through the pipeline'),
    ),
  )
    .requiredOption('--agent <name>', 'who asks')
    .requiredOption('--input <json>', 'the input: JSON, @FILE, or - for stdin')
    .option('--reason <text>', "the agent's reason")
    .option('--confidence <number>', '0 … 1, as the agent claims it', decimal(0, 1))
    .option('--target <name>', 'what it is done to, where the input does not say')
    .option('--session <name>', 'the session it belongs to')
    .option('--cost-usd <number>', 'the most it may cost', decimal(0, 9_000_000))
    .option('--idempotency-key <key>', 'the same key is the same action')
    .option('--tag <name=value...>', 'what it is for, such as campaign=spring; up to 8')
    .option('--wait <seconds>', 'how long to wait for a person', wholeNumber(0, 86_400))
    .action(propose)
}

async function propose(name: string, options: ProposeOptions): Promise<void> {
  const { agent, reason, confidence, target, session, costUsd, idempotencyKey } = options
  const tags = options.tag === undefined ? undefined : tagsFrom(options.tag)
  const body: JsonObject = {
    agent,
    action: name,
    input: readInput(options.input),
    ...(reason === undefined ? {} : { reason }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(target === undefined ? {} : { target }),
    ...(session === undefined ? {} : { session }),
    ...(costUsd === undefined ? {} : { cost_usd: costUsd }),
    ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }),
    ...(tags === undefined ? {} : { tags }),
  }
  await withConnection(options, 'create', async ({ client, kind }) => {
    let action = await client.object('POST', '/v1/actions', { body })
    if (action['state'] === 'held' && options.wait !== undefined) {
      // Nobody can reach a harness that lives only as long as this command.
      if (kind === 'folder') note('belay: not waiting: nobody can approve while no harness is running')
      else action = await waitForPerson(client, action, options.wait)
    }
    const refused =
      ['denied', 'expired', 'cancelled'].includes(textOf(action['state'])) || action['effective'] === 'deny'
    if (refused) process.exitCode = 1
    if (options.json === true) json(action)
    else printAction(action)
  })
}

async function waitForPerson(client: ApiClient, held: JsonObject, seconds: number): Promise<JsonObject> {
  const until = Date.now() + seconds * 1000
  let action = held
  const waiting = process.stderr.isTTY
  if (waiting) process.stderr.write('waiting for a person …')
  while (action['state'] === 'held' && Date.now() < until) {
    const wait = Math.max(0.001, Math.min((until - Date.now()) / 1000, WAIT_SLICE_SECONDS))
    action = await client.object('GET', pathOf(textOf(held['id'])), {
      query: { wait },
      timeoutMs: wait * 1000 + 15_000,
      retries: 5,
    })
    if (waiting) process.stderr.write('.')
  }
  if (waiting) process.stderr.write('\n')
  return action
}

/** JSON, `@FILE`, or `-` for stdin. Throws `CommandFailure` for anything but an object. */
export function readInput(source: string): JsonObject {
  const text =
    source === '-'
      ? readBounded(0, 'stdin')
      : source.startsWith('@')
        ? readBounded(source.slice(1), source.slice(1))
        : source
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (error) {
    throw new CommandFailure(`The input is not valid JSON: ${(error as Error).message}`, {
      advice: 'Write it as one quoted argument, as @FILE, or as - to read it from stdin.',
    })
  }
  if (!isJsonObject(value))
    throw new CommandFailure('The input must be a JSON object, such as {"text": "hello"}.')
  return value
}

function readBounded(file: string | 0, name: string): string {
  try {
    if (file !== 0 && statSync(file).size > MAX_INPUT_BYTES)
      throw new Error(`it is larger than ${MAX_INPUT_BYTES} bytes`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandFailure(`Cannot read the input from ${name}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
