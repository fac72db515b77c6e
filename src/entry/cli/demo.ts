import { dirname, resolve, sep } from 'node:path'
import type { Command } from 'commander'
import { stopAll } from '../../demo/child-process.ts'
import { LAUNCHER, freeDataFolder, freePort, upHarness, writePolicy } from '../../demo/demo-harness.ts'
import { resultTable } from '../../demo/result-table.ts'
import { runDemo } from '../../demo/run-demo.ts'
import type { DemoResult, DemoScene } from '../../demo/run-demo.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { wholeNumber } from './options.ts'
import { json, line, note } from './print.ts'

interface DemoOptions {
  readonly data?: string
  readonly port: number
  readonly exit?: boolean
  readonly json?: boolean
}

/** `belay demo`: three incidents, each without and then with the harness, which then stays up. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'three incidents, each without and then with the harness, played by agents that are separate processes',
    )
    .option(
      '--data <folder>',
      'an empty folder for the records (default: .belay, or .belay-demo where that is taken)',
    )
    .option(
      '--port <number>',
      'the port of the harness; another is taken where it is in use',
      wholeNumber(0, 65_535),
      7300,
    )
    .option('--exit', 'end after the table instead of leaving the harness up')
    .option('--json', 'print the result as JSON')
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  const data = freeDataFolder(options.data)
  if (data === undefined) {
    throw new CommandFailure(
      `${options.data ?? 'Every folder from .belay to .belay-demo-99'} holds something already.`,
      {
        advice: 'The demo writes records into an empty folder only; name one with --data.',
      },
    )
  }
  const port = await freePort(options.port)
  const dataOptions = data === '.belay' ? [] : ['--data', data]
  const say = options.json === true ? () => undefined : sayLine
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  process.on('SIGHUP', interrupt)

  let scene: DemoScene | undefined
  try {
    say('Three agents, each a program of its own, in a simulated world: first without, then with Belay.')
    say(
      'Simulated are the network, the site, the money, and the language model, which obeys whatever it reads.',
    )
    say('Belay is the real one: it decides each attempt by the policy, as it comes.')
    if (port !== options.port) say(`Port ${options.port} is in use: taking another.`)
    if (data !== '.belay') say(`Records go to ${escapeText(data)}.`)
    scene = await runDemo({
      openHarness: async (network) =>
        upHarness({ data, config: writePolicy(data, network), port, signal: interrupted.signal }),
      commandOptions: ['--data', data],
      shownOptions: dataOptions,
      say,
      progress: options.json === true ? () => undefined : progress,
      signal: interrupted.signal,
    })
    report(scene.result, options)
    if (!scene.result.ledger.verified) process.exitCode = 1
    if (options.exit !== true) await stayUp(scene, dataOptions, interrupted.signal, options)
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    note('belay: interrupted; the demo and all that it started have ended')
    process.exitCode = 130
  } finally {
    await scene?.close()
    stopAll()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
    process.off('SIGHUP', interrupt)
  }
}

function report(result: DemoResult, options: DemoOptions): void {
  if (options.json === true) return json(result)
  line()
  for (const text of resultTable(result.rows)) line(text)
  line()
  line(`Ledger ${result.ledger.verified ? 'verified' : 'NOT VERIFIED'}: ${escapeText(result.ledger.summary)}`)
}

/** Leaves harness and world as they are, for whoever wants to look around, until a signal or the harness's end. */
async function stayUp(
  scene: DemoScene,
  dataOptions: readonly string[],
  signal: AbortSignal,
  options: DemoOptions,
): Promise<void> {
  const print = options.json === true ? note : line
  const { denied, held } = scene.result.examples
  const commands = [
    'approvals list',
    'actions list --agent commenter',
    ...(denied === null ? [] : [`actions explain ${denied}`]),
    ...(held === null ? [] : [`actions show ${held}`]),
    'agents list',
    'ledger verify',
  ]
  print('')
  print('Still running, with all of this on record. In a browser, logged in once, within 10 minutes:')
  print(`  ${await scene.harness.consoleLink()}`)
  print('In another terminal, in this folder:')
  for (const command of commands)
    print(`  ${commandPrefix()} ${[command, ...dataOptions.map(quoted)].join(' ')}`)
  print('')
  print(`belay is up at ${scene.harness.url}`)
  print('Ctrl-C ends it.')
  await Promise.race([
    scene.harness.ended,
    new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      if (signal.aborted) resolve()
    }),
  ])
}

/** How the command line is called from here: installed, in a checkout, or by its path. */
function commandPrefix(): string {
  const root = dirname(dirname(LAUNCHER))
  if (root.split(sep).includes('node_modules')) return 'npx belay'
  return resolve('.') === root ? 'npm run -s belay --' : `node ${quoted(LAUNCHER)}`
}

function sayLine(text: string): void {
  clearProgress()
  line(escapeText(text))
}

let lastProgress = 0

function progress(text: string): void {
  if (!process.stdout.isTTY || Date.now() - lastProgress < 100) return
  lastProgress = Date.now()
  process.stdout.write(`\r\u001b[K${escapeText(text)}`)
}

function clearProgress(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K')
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
