import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { Tags } from '../../action/tags.ts'
import { checkTags } from '../tags.ts'
import { CommandFailure } from './failure.ts'

/** Where the harness is: what every command that talks to one takes. */
export interface HarnessOptions {
  readonly config: string
  readonly data: string
  readonly databaseUrl?: string
  /** The person for whom the admin token speaks. */
  readonly as?: string
}

export interface PrintOptions {
  readonly json?: boolean
}

export function withHarness(command: Command): Command {
  return command
    .addOption(new Option('--data <folder>', 'the data folder').default('.belay'))
    .addOption(new Option('--config <file>', 'the policy').default('belay.yaml'))
    .addOption(
      new Option('--database-url <url>', 'postgres://…: PostgreSQL instead of the data folder').env(
        'BELAY_DATABASE_URL',
      ),
    )
}

/** For what people decide: the record names who it was. */
export function withPerson(command: Command): Command {
  return command.option('--as <person>', 'who you are, as the policy names its approvers (default: admin)')
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON')
}

/** An option value that is a whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,15}$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
    }
    return value
  }
}

export function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
    }
    return value
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `15m`, `1h`, `7d` in milliseconds. */
export function duration(text: string): number {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text)
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN)
  if (!Number.isFinite(ms)) throw new InvalidArgumentError('Expected a duration such as 90s, 15m, 1h or 7d.')
  return ms
}

/** `--tag campaign=spring customer=acme`. Throws `CommandFailure`, `input:invalid`. */
export function tagsFrom(given: readonly string[]): Tags {
  const pairs = given.map((one): [string, string] => {
    const equals = one.indexOf('=')
    if (equals < 1)
      throw new CommandFailure(`${one} is no tag.`, { advice: 'Write name=value, such as campaign=spring.' })
    return [one.slice(0, equals), one.slice(equals + 1)]
  })
  return checkTags(Object.fromEntries(pairs), '--tag')
}
