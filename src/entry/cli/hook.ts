import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { Option } from 'commander'
import { HOOK_SETTINGS, type HookSettings } from '../hooks/hook-settings.ts'
import { CommandFailure } from './failure.ts'
import { wholeNumber } from './options.ts'
import { line, note } from './print.ts'

interface HookOptions {
  readonly scope: 'project' | 'user'
  readonly data: string
  readonly agent?: string
  readonly wait?: number
  readonly approver?: string
  readonly unreachable?: 'deny' | 'ask'
  readonly yes?: boolean
}

const KINDS = HOOK_SETTINGS.map(({ kind }) => kind).join(', ')
/** A hook by itself loads nothing of this. Where there is a shell it goes by curl, with Node for all that is unusual. */
const PROGRAMS = resolve(import.meta.dirname, '../../../bin')
const HOOK =
  process.platform === 'win32'
    ? [process.execPath, join(PROGRAMS, 'belay-hook.js')]
    : ['/bin/sh', join(PROGRAMS, 'belay-hook.sh'), process.execPath]

export function addHook(program: Command): void {
  const hook = program.command('hook').description(`the tool hook of a coding agent: ${KINDS}`)
  placed(hook.command('install').argument('<agent>', KINDS).description("add Belay to the agent's settings"))
    .option('--data <folder>', 'the data folder of the harness to ask', '.belay')
    .option('--agent <name>', 'the agent that its actions belong to (default: as it is called here)')
    .option('--wait <seconds>', 'how long a call waits for a person', wholeNumber(0, 3_600))
    .option('--approver <name>', 'who sits at the terminal: is asked there, and that the tool ran is a vote')
    .addOption(new Option('--unreachable <what>', 'when no harness answers').choices(['deny', 'ask']))
    .action((kind: string, options: HookOptions) =>
      change(kind, options, (settings, before) => settings.install(before, commandOf(kind, options))),
    )
  placed(
    hook
      .command('uninstall')
      .argument('<agent>', KINDS)
      .description("take Belay out of the agent's settings"),
  ).action((kind: string, options: HookOptions) =>
    change(kind, options, (settings, before) => (before === null ? null : settings.uninstall(before))),
  )
}

function placed(command: Command): Command {
  return command
    .addOption(
      new Option('--scope <scope>', 'for this project or for the user')
        .choices(['project', 'user'])
        .default('project'),
    )
    .option('--yes', 'write without asking')
}

/** `|| exit 2`: a Node or a file that is gone must refuse, and to the agents only this code is a refusal. */
function commandOf(kind: string, { data, agent, wait, approver, unreachable }: HookOptions): string {
  const words = [...HOOK, kind, '--data', resolve(data)]
  if (agent !== undefined) words.push('--agent', agent)
  if (wait !== undefined) words.push('--wait', String(wait))
  if (approver !== undefined) words.push('--approver', approver)
  if (unreachable !== undefined) words.push('--unreachable', unreachable)
  return `${words.map(shellWord).join(' ')} || exit 2`
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

async function change(
  kind: string,
  { scope, yes }: HookOptions,
  edit: (settings: HookSettings, before: string | null) => string | null,
): Promise<void> {
  const settings = HOOK_SETTINGS.find((each) => each.kind === kind)
  if (settings === undefined)
    throw new CommandFailure(`Belay has no hook for ${kind}.`, { advice: `There are: ${KINDS}.` })
  const path = scope === 'user' ? join(homedir(), settings.file.user) : resolve(settings.file.project)
  const before = existsSync(path) ? readFileSync(path, 'utf8') : null
  let after: string | null
  try {
    after = edit(settings, before)
  } catch (error) {
    throw new CommandFailure(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    )
  }
  if (after === before) {
    line(`${path}: nothing to change`)
    return
  }
  line(path)
  for (const text of differing(before ?? '', after ?? '')) line(text)
  if (yes !== true && !(await confirmed())) {
    note('belay: nothing was written')
    process.exitCode = 1
    return
  }
  if (after === null) rmSync(path)
  else {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, after)
  }
  line(after === null ? 'removed' : 'written')
  if (settings.afterwards !== null && after !== null) note(`belay: ${settings.afterwards}`)
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    note('belay: --yes writes it without asking')
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(?:es)?$/i.test((await terminal.question('Write this? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}

/** What changes, line by line; settings are short, so the rest is left out around it. */
function differing(before: string, after: string): readonly string[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++
  let end = 0
  while (end < old.length - start && end < fresh.length - start && old.at(-1 - end) === fresh.at(-1 - end))
    end++
  return [
    ...old
      .slice(start, old.length - end)
      .filter((text) => text !== '')
      .map((text) => `- ${text}`),
    ...fresh
      .slice(start, fresh.length - end)
      .filter((text) => text !== '')
      .map((text) => `+ ${text}`),
  ]
}
