import { basename } from 'node:path'
import type { Command } from 'commander'
import { BelayError } from '../../errors/catalogue.ts'
import { apiDoor } from '../mcp-gateway/api-door.ts'
import type { ActionDoor } from '../mcp-gateway/action-door.ts'
import { flowDoor } from '../mcp-gateway/flow-door.ts'
import { HeldCalls } from '../mcp-gateway/held-calls.ts'
import { PIN_AGENT, PinBook } from '../mcp-gateway/pin-book.ts'
import { DEFAULT_MAX_RESULT, DEFAULT_TIMEOUT, maxMessage } from '../mcp-gateway/settings.ts'
import { relayToReplay } from '../mcp-gateway/replay-relay.ts'
import { stdioServer } from '../mcp-gateway/stdio-server.ts'
import { runStdioGateway } from '../mcp-gateway/stdio-gateway.ts'
import { TaskBook } from '../mcp-gateway/task-book.ts'
import { runningHarness } from './connect.ts'
import { createDataFolder, ensureAdminToken, removeServerFile, writeServerFile } from './data-folder.ts'
import { CommandFailure } from './failure.ts'
import { handedOn } from './handed-on.ts'
import { escapeText } from './escape.ts'
import { requireConfig } from './harness-config.ts'
import { duration, tagsFrom, wholeNumber, withHarness } from './options.ts'
import type { HarnessOptions } from './options.ts'
import { readTags } from '../tags.ts'
import { note } from './print.ts'

interface McpOptions extends HarnessOptions {
  readonly agent: string
  readonly server?: string
  readonly session?: string
  readonly tag?: readonly string[]
  readonly timeout: number
  readonly maxResult: number
  readonly elicitApprover?: string
}

const SERVER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

export function addMcp(program: Command): void {
  withHarness(
    program
      .command('mcp')
      .argument('<command...>', 'program and arguments that start the MCP server, after --')
      .description('an MCP server over stdio, every tool call through the pipeline'),
  )
    .requiredOption('--agent <name>', 'who calls the tools')
    .option('--server <name>', 'its name in actions: mcp.NAME.TOOL (default: from the command)')
    .option('--session <name>', 'what the agent calls its session (default: BELAY_SESSION; else a new one)')
    .option('--tag <name=value...>', 'what the calls are for, such as campaign=spring (default: BELAY_TAGS)')
    .option('--timeout <duration>', 'how long a call may take', duration, DEFAULT_TIMEOUT)
    .option(
      '--max-result <bytes>',
      'the largest result of a tool',
      wholeNumber(1, 1_000_000_000),
      DEFAULT_MAX_RESULT,
    )
    .option('--elicit-approver <name>', 'who sits at the client: answers there are votes of this person')
    .action(mcp)
}

async function mcp(command: readonly string[], options: McpOptions): Promise<void> {
  const name = options.server ?? nameOf(command)
  if (!SERVER_NAME.test(name))
    throw new CommandFailure(`${name} cannot be the name of a server.`, {
      advice: 'Give one of letters, digits, _ and - with --server.',
    })
  // stdout belongs to the protocol.
  const onNote = (text: string): void => note(`belay: ${name}: ${escapeText(text)}`)
  const onFault = (error: unknown): void =>
    note(`belay: fault: ${error instanceof Error ? error.message : String(error)}`)
  const { BELAY_REPLAY: replay, BELAY_SESSION: session } = process.env
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop)
  if (replay !== undefined) return relayToReplay(`${replay}/mcp/${name}`, process.stdin, process.stdout)
  const harness = await openDoor(options)
  const pins = new PinBook({
    door: harness.door,
    agent: harness.pinAgent ?? options.agent,
    server: name,
    onNote,
    onFault,
  })
  const settings = {
    timeout: options.timeout,
    maxResult: options.maxResult,
    elicitApprover: options.elicitApprover ?? null,
  }
  try {
    await runStdioGateway({
      agent: options.agent,
      session: options.session ?? session ?? null,
      tags:
        options.tag === undefined ? readTags(process.env['BELAY_TAGS'], 'BELAY_TAGS') : tagsFrom(options.tag),
      input: process.stdin,
      output: process.stdout,
      context: {
        name,
        settings,
        door: harness.door,
        open: stdioServer({
          command: command as readonly [string, ...string[]],
          env: handedOn(),
          maxMessage: maxMessage(settings),
          onStderr: (text) => void process.stderr.write(text),
          onNote,
        }),
        pins,
        tasks: new TaskBook(),
        held: new HeldCalls(),
        onNote,
        onFault,
      },
    })
  } finally {
    pins.close()
    await harness.close()
  }
}

function stop(): void {
  process.stdin.destroy()
}

/** The program without folder and ending; of a package runner the package. */
function nameOf(command: readonly string[]): string {
  const runner = ['npx', 'uvx', 'node', 'python', 'python3', 'bunx', 'deno', 'npm', 'pnpm'].includes(
    basename(command[0]!),
  )
  const word = runner
    ? command.slice(1).find((argument) => !argument.startsWith('-') && argument !== 'exec')
    : command[0]
  return basename(word ?? command[0]!)
    .replace(/@[^@]*$/, '')
    .replace(/\.[a-z]{1,4}$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+/, '')
}

interface OpenDoor {
  readonly door: ActionDoor
  /** `null`: the key of an agent, which can pin in its own name alone. */
  readonly pinAgent: string | null
  close(): Promise<void>
}

/** The harness that runs; else one in this process, which others can find meanwhile. */
async function openDoor(options: McpOptions): Promise<OpenDoor> {
  const client = runningHarness(options)
  if (client !== undefined) {
    const key = client.speaksForAgent
    return { door: apiDoor(client), pinAgent: key ? null : PIN_AGENT, close: () => Promise.resolve() }
  }
  requireConfig(options.config)
  createDataFolder(options.data)
  const adminToken = ensureAdminToken(options.data)
  const { serve } = await import('./serve.ts')
  let server
  try {
    server = await serve({ ...options, adminToken, host: '127.0.0.1', port: 0, watch: true })
  } catch (error) {
    // Another process has opened the folder in this very moment.
    const other =
      error instanceof BelayError && error.code === 'store:locked' ? await findOther(options) : undefined
    if (other !== undefined)
      return { door: apiDoor(other), pinAgent: PIN_AGENT, close: () => Promise.resolve() }
    throw error
  }
  writeServerFile(options.data, { url: server.url, pid: process.pid })
  return {
    door: flowDoor(server.harness),
    pinAgent: PIN_AGENT,
    async close() {
      removeServerFile(options.data)
      await server.close()
    },
  }
}

/** Waits a moment for the address of the harness that holds the folder. */
async function findOther(options: McpOptions): Promise<ReturnType<typeof runningHarness>> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const client = runningHarness(options)
    if (client !== undefined) return client
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return undefined
}
