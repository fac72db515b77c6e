import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import {
  STARTING_POINTS,
  startingPolicy,
  summaryOf,
  withIncluded,
} from '../../policy/starting-points/starting-policy.ts'
import type { StartingPointName } from '../../policy/starting-points/starting-policy.ts'
import { chooseStartingPoints, readStartingPoints } from './choose-starting-points.ts'
import { agentNameOf, detectStartingPoints, ignoresDataFolder } from './detect-starting-points.ts'
import type { Detected } from './detect-starting-points.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { line, note } from './print.ts'

interface InitOptions {
  readonly config: string
  readonly for?: readonly StartingPointName[]
}

export function addInit(program: Command): void {
  program
    .command('init')
    .description('write a commented belay.yaml that observes, fitted to what this folder uses')
    .option(
      '--for <points>',
      `what to start from: ${STARTING_POINTS.join(', ')}; several with commas`,
      collect,
    )
    .option('--config <file>', 'the file to write', 'belay.yaml')
    .addHelpText('after', () => {
      const lines = STARTING_POINTS.map((name) => `  ${name.padEnd(14)}  ${summaryOf(name)}`)
      return `\nStarting points:\n${lines.join('\n')}\n`
    })
    .action(init)
}

function collect(text: string, before: readonly StartingPointName[] = []): readonly StartingPointName[] {
  const named = readStartingPoints(text)
  if ('fault' in named) throw new InvalidArgumentError(`${named.fault}.`)
  if (named.length === 0) throw new InvalidArgumentError(`Expected ${STARTING_POINTS.join(', ')}.`)
  return [...before, ...named]
}

async function init(options: InitOptions): Promise<void> {
  const folder = resolve('.')
  if (existsSync(options.config)) throw thereAlready(options.config)
  const { points, parts, actions, because } = await startFrom(options, detectStartingPoints(folder))
  const text = startingPolicy({ points, parts, actions, agents: [agentNameOf(folder)], folder })
  try {
    writeFileSync(options.config, text, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw thereAlready(options.config)
  }
  line(`wrote ${escapeText(options.config)}: ${withIncluded(points).join(', ')}`)
  for (const { what, found } of because) line(`  ${what}: for ${found}`)
  line('It observes: all is decided and recorded, nothing is held back.')
  line(
    'next: read it and run `belay up`; after a day of work `belay policy preview` shows what enforcing would do',
  )
  if (!ignoresDataFolder(folder)) note('belay: add .belay/ to .gitignore; the admin token lies there')
}

/** What was named, else what is chosen on a terminal, else what the folder tells. */
async function startFrom(options: InitOptions, detected: Detected): Promise<Detected> {
  const whole = (points: readonly StartingPointName[]): Detected => ({
    points,
    parts: {},
    actions: [],
    because: [],
  })
  if (options.for !== undefined) return whole(options.for)
  if (!process.stdin.isTTY || !process.stdout.isTTY) return detected
  for (const { what, found } of detected.because) line(`found ${found}: ${what}`)
  const chosen = await chooseStartingPoints(detected.points, { input: process.stdin, output: process.stdout })
  return chosen === detected.points ? detected : whole(chosen)
}

function thereAlready(config: string): CommandFailure {
  return new CommandFailure(`${config} is there already; it was left as it is.`, {
    advice: '`belay policy lint` checks it; --config names another file to write.',
  })
}
