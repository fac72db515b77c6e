import { isAbsolute, resolve } from 'node:path'
import { analyseCommand } from '../../flow/verify/checks/shell/analyse.ts'
import type { ShellCommand } from '../../flow/verify/checks/shell/facts.ts'
import { isKnown } from '../../flow/verify/checks/shell/marks.ts'
import { firstOperandAt, GIT_VALUED } from '../../flow/verify/checks/shell/options.ts'

/** What a command line commits. */
export type Commit =
  | {
      readonly foreseen: true
      /** Where git works, absolute. */
      readonly folder: string
      /** The working tree counts, not only what is staged already. */
      readonly everything: boolean
    }
  | { readonly foreseen: false; readonly why: string }

const ALONE =
  'Make the commit in a call of its own, once the files are written, so that it can be checked first.'
const PLACE =
  'It is not clear which repository the commit is made in. Name it with git -C, or change to it first.'
/** Programs that change no file, as long as nothing of theirs is written to one. */
const IDLE = new Set([
  'cd',
  'echo',
  'printf',
  'ls',
  'pwd',
  'cat',
  'true',
  ':',
  'test',
  '[',
  'sleep',
  'date',
  'head',
  'tail',
  'grep',
])
const STAGING = new Set(['add', 'rm', 'mv', 'stage'])
const LOOKING = new Set([
  'status',
  'diff',
  'log',
  'show',
  'rev-parse',
  'branch',
  'config',
  'ls-files',
  'push',
  'fetch',
  'remote',
  'tag',
])

/**
 * The `git commit` in a command line; null when there is none. What runs before it in the same line may change what
 * it commits: then nobody can say what that will be.
 */
export function readCommit(command: string, cwd: string | null): Commit | null {
  if (!command.includes('commit') || !/\bgit\b/.test(command)) return null
  const facts = analyseCommand(command, { cwd })
  if (facts.unread !== null) return { foreseen: false, why: ALONE }
  const commit = facts.commands.findIndex((each) => subcommandOf(each)?.name === 'commit')
  if (commit === -1) return null
  if (/\bGIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY)\b/.test(command))
    return { foreseen: false, why: PLACE }
  if (facts.paths.some(({ role, program }) => role !== 'read' && program !== 'git'))
    return { foreseen: false, why: ALONE }
  let folder = cwd
  let everything = false
  for (const [index, each] of facts.commands.entries()) {
    if (each.program === 'cd') {
      folder = below(folder, each.args.length === 1 ? each.args[0] : undefined)
      continue
    }
    const git = subcommandOf(each)
    if (git === null) {
      if (index < commit && !IDLE.has(each.program ?? '')) return { foreseen: false, why: ALONE }
      continue
    }
    if (git.name === 'commit') {
      if (git.elsewhere) return { foreseen: false, why: PLACE }
      for (const into of git.into) folder = below(folder, into)
      everything ||= takesWorkingTree(git.args)
    } else if (index < commit) {
      if (STAGING.has(git.name) || (git.name === 'restore' && git.args.includes('--staged')))
        everything = true
      else if (!LOOKING.has(git.name)) return { foreseen: false, why: ALONE }
    }
  }
  return folder === null ? { foreseen: false, why: PLACE } : { foreseen: true, folder, everything }
}

function below(folder: string | null, into: string | undefined): string | null {
  if (into === undefined || !isKnown(into) || into.startsWith('~') || into.startsWith('-')) return null
  if (isAbsolute(into)) return into
  return folder === null ? null : resolve(folder, into)
}

interface Git {
  readonly name: string
  readonly args: readonly string[]
  /** Folders of `-C`. */
  readonly into: readonly string[]
  /** The repository or its files are said to lie elsewhere. */
  readonly elsewhere: boolean
}

function subcommandOf({ program, args }: ShellCommand): Git | null {
  if (program !== 'git') return null
  const at = firstOperandAt(args, GIT_VALUED)
  const name = args[at]
  if (name === undefined || at < 0) return null
  const own = args.slice(0, at)
  return {
    name,
    args: args.slice(at + 1),
    into: own.flatMap((each, index) => (each === '-C' ? [own[index + 1] ?? ''] : [])),
    elsewhere: own.some((each) => /^--(?:git-dir|work-tree)/.test(each)),
  }
}

const VALUED =
  /^--(?:message|file|author|date|reuse-message|reedit-message|fixup|squash|template|cleanup|trailer|pathspec-from-file)$/

/** `-a`, paths, `--include`, `--patch`: it commits more than what is staged. */
function takesWorkingTree(args: readonly string[]): boolean {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string
    if (arg.startsWith('--')) {
      if (/^--(?:all|include|only|patch|interactive|pathspec-from-file)\b/.test(arg)) return true
      if (arg === '--') return index < args.length - 1
      if (VALUED.test(arg)) index++
      continue
    }
    if (!arg.startsWith('-')) return true
    for (let at = 1; at < arg.length; at++) {
      if ('aiop'.includes(arg[at] as string)) return true
      if (!'mFCct'.includes(arg[at] as string)) continue
      if (at === arg.length - 1) index++
      break
    }
  }
  return false
}
