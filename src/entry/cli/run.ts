import { constants } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { v7 as uuid } from 'uuid'
import { demanded } from '../../flow/contain/sandbox/choose-provider.ts'
import { closeInheritedDescriptors } from '../../flow/contain/sandbox/bubblewrap/descriptors.ts'
import type { ExitReport, Quotas, Sandbox } from '../../flow/contain/sandbox/provider.ts'
import { parseBytes } from '../../policy/byte-size.ts'
import { DEFAULT_RUN } from '../../policy/compile-sandbox.ts'
import type { Policy } from '../../policy/policy.ts'
import { openEgress } from '../egress/open-egress.ts'
import { HARNESS_HOST } from '../egress/model-hosts.ts'
import { apiDoor } from '../mcp-gateway/api-door.ts'
import { agentWorkspace, providerOf } from '../sandboxes.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { textOf } from './answer.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { handedOn } from './handed-on.ts'
import { decimal, duration, wholeNumber, withHarness } from './options.ts'
import type { HarnessOptions } from './options.ts'
import { note } from './print.ts'
import { admitRun } from './run-action.ts'
import { commandInPlace } from './run-command.ts'
import { openRunHarness } from './run-harness.ts'
import { Signals } from './run-signals.ts'
import { runUncontained } from './run-uncontained.ts'
import { watchRun } from './run-watch.ts'

interface RunOptions extends HarnessOptions {
  readonly agent: string
  readonly workspace?: string
  readonly memory?: number | 'none'
  readonly cpu?: number
  readonly processes?: number | 'none'
  readonly wallTime?: number
  readonly disk?: number
  readonly openFiles?: number
  readonly requests?: number
  readonly env: Readonly<Record<string, string>>
  readonly readOnly: readonly string[]
  readonly reason?: string
  readonly unsafeNoSandbox?: boolean
}

/** In the place of the agent's key: the gateway puts the key itself in. */
const KEY_PLACEHOLDER = 'blk_the-gateway-puts-the-key-of-this-agent-in'

export function addRun(program: Command): void {
  withHarness(
    program
      .command('run')
      .argument('<command...>', 'program and arguments, after --')
      .description('any program in a sandbox, whose only way out is the harness'),
  )
    .requiredOption('--agent <name>', 'who it is')
    .option('--workspace <folder>', 'what is /workspace inside (default: the agent’s own folder)')
    .option('--memory <bytes>', 'such as 512MB, or none', orNone(bytes))
    .option('--cpu <cores>', 'cores; 0.5 is half of one', decimal(0.01, 4096))
    .option('--processes <number>', 'processes and threads, or none', orNone(wholeNumber(2, 1_000_000)))
    .option('--wall-time <duration>', 'from start to end', duration)
    .option('--disk <bytes>', 'of the workspace; as root only', bytes)
    .option('--open-files <number>', 'descriptors of one process', wholeNumber(16, 1_000_000))
    .option('--requests <number>', 'requests that leave', wholeNumber(0, 1_000_000_000))
    .option('--env <name=value>', 'a variable of its environment; repeatable', variable, {})
    .option('--read-only <path>', 'an absolute path that it sees; repeatable', collect, [])
    .option('--reason <text>', 'why, for the record')
    .option('--unsafe-no-sandbox', 'run it uncontained: it can do all that you can')
    .action(run)
}

async function run(command: readonly string[], options: RunOptions): Promise<void> {
  closeInheritedDescriptors()
  const harness = await openRunHarness(options)
  const { client, policy } = harness
  const signals = new Signals()
  try {
    const contained = options.unsafeNoSandbox !== true
    // Every record of the run has it: what was done without a sandbox says so wherever it is read.
    const session = `${contained ? 'run' : 'unsafe-no-sandbox'}-${uuid()}`
    const quotas = quotasOf(options, policy)
    const permission = await admitRun(apiDoor(client), {
      agent: options.agent,
      session,
      command,
      contained,
      provider: policy.agent(options.agent)?.run.sandbox.provider ?? 'bubblewrap',
      quotas,
      ...(options.reason !== undefined && { reason: options.reason }),
    })
    if (permission === null) {
      process.exitCode = 1
      return
    }
    let report: ExitReport
    try {
      const key = await client.object('POST', '/v1/keys', { body: { agent: options.agent } })
      try {
        report = contained
          ? await runContained(command, options, {
              client,
              policy,
              session,
              quotas,
              key: textOf(key['key']),
              signals,
            })
          : await runUncontained(
              command,
              {
                ...handedOn(),
                ...options.env,
                ...own(client.url, textOf(key['key']), options.agent, session),
              },
              signals,
            )
      } finally {
        await client.object('DELETE', `/v1/keys/${encodeURIComponent(textOf(key['id']))}`)
      }
    } catch (error) {
      await permission.failed(error instanceof Error ? error.message : String(error))
      throw error
    }
    await permission.ended(report)
    if (report.detail !== '') note(`belay: ${escapeText(options.agent)} ended: ${escapeText(report.detail)}`)
    process.exitCode = exitCodeOf(report)
  } finally {
    signals.close()
    await harness.close()
  }
}

interface Circumstances {
  readonly client: ApiClient
  readonly policy: Policy
  readonly session: string
  readonly quotas: Quotas
  readonly key: string
  readonly signals: Signals
}

async function runContained(
  command: readonly string[],
  options: RunOptions,
  { client, policy, session, quotas, key, signals }: Circumstances,
): Promise<ExitReport> {
  const { agent } = options
  const rule = policy.agent(agent)?.run ?? DEFAULT_RUN
  const provider = await providerOf(policy, agent, resolve(options.data))
  const workspace =
    options.workspace === undefined
      ? (rule.workspace ?? agentWorkspace(resolve(options.data), agent))
      : resolve(options.workspace)
  const readOnly = [...rule.sandbox.readOnly, ...options.readOnly]
  commandInPlace(command, readOnly)
  let sandbox: Sandbox | undefined
  const egress = await openEgress({
    agent,
    session,
    door: apiDoor(client),
    policies: { current: () => policy },
    data: resolve(options.data),
    models: { url: client.url, key },
    ...(quotas.requests !== undefined && { requests: quotas.requests }),
    onQuota: (cause) => void sandbox?.kill(cause),
    onFault: (error) =>
      note(`belay: fault: ${escapeText(error instanceof Error ? error.message : String(error))}`),
  })
  try {
    sandbox = await provider.launch({
      agent,
      command,
      workspace,
      env: {
        TERM: process.env['TERM'] ?? 'dumb',
        ...rule.sandbox.env,
        ...options.env,
        ...egress.env,
        ...own(`http://${HARNESS_HOST}`, KEY_PLACEHOLDER, agent, session),
      },
      network: egress.handover,
      ca: egress.ca,
      readOnly,
      quotas,
      require: demanded(quotas, rule.sandbox.require),
      profile: 'agent',
      stdio: 'inherit',
    })
    const running = sandbox
    signals.passTo(
      (signal) => running.signal?.(signal),
      () => void running.kill('stopped'),
    )
    const leaveOff = watchRun({ url: client.url, key, agent }, running)
    try {
      return await sandbox.exited
    } finally {
      leaveOff()
    }
  } finally {
    await egress.close()
  }
}

function own(url: string, key: string, agent: string, session: string): Record<string, string> {
  return { BELAY_URL: url, BELAY_KEY: key, BELAY_AGENT: agent, BELAY_SESSION: session }
}

/** What the policy says, and in its place what was typed. */
function quotasOf(options: RunOptions, policy: Policy): Quotas {
  const { quotas } = (policy.agent(options.agent)?.run ?? DEFAULT_RUN).sandbox
  const { memory = quotas.memory, processes = quotas.processes, cpu = quotas.cpu } = options
  const { wallTime = quotas.wallTime, disk = quotas.disk, openFiles = quotas.openFiles } = options
  const { requests = quotas.requests } = options
  return {
    ...(memory !== undefined && memory !== 'none' && { memory }),
    ...(processes !== undefined && processes !== 'none' && { processes }),
    ...(cpu !== undefined && { cpu }),
    ...(wallTime !== undefined && { wallTime }),
    ...(disk !== undefined && { disk }),
    ...(openFiles !== undefined && { openFiles }),
    ...(requests !== undefined && { requests }),
  }
}

/** The command's own; 128 + n for a signal, and never 0 where a quota ended it. */
function exitCodeOf({ code, signal, cause }: ExitReport): number {
  if (code !== null) return code === 0 && cause !== 'exited' ? 1 : code
  return 128 + constants.signals[signal ?? 'SIGKILL']
}

function bytes(text: string): number {
  const value = parseBytes(text)
  if (value === undefined)
    throw new CommandFailure(`${text} is no size.`, { advice: 'Write 512MB, or 1GiB.' })
  return value
}

function orNone<T>(parse: (text: string) => T): (text: string) => T | 'none' {
  return (text) => (text === 'none' ? 'none' : parse(text))
}

function variable(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, name = '', value = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/.exec(text) ?? []
  if (name === '') throw new CommandFailure(`${text} is not NAME=VALUE.`)
  return { ...before, [name]: value }
}

function collect(text: string, before: readonly string[]): string[] {
  return [...before, text]
}
