import type { Analysis, Invocation } from './analysis.ts'
import { runText, unknownCode } from './builtins.ts'
import { isHarmlessCode } from './harmless-code.ts'
import { ANY, isKnown, STAR, UNKNOWN } from './marks.ts'
import { readOptions } from './options.ts'
import { subshell } from './scope.ts'

const SHELLS = new Set([
  'sh',
  'bash',
  'dash',
  'ash',
  'ksh',
  'mksh',
  'zsh',
  'rbash',
  'fish',
  'csh',
  'tcsh',
  'pwsh',
  'powershell',
  'nu',
  'elvish',
  'xonsh',
])
/** Shells whose code reads as bash does. */
const READABLE = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'mksh', 'zsh', 'rbash'])

interface Language {
  /** Options whose value is code. */
  readonly code: readonly string[]
  readonly valued: readonly string[]
  /** Options that load code beside the program. */
  readonly loads?: readonly string[]
  /** Runs a named module, sub-command or file, which is as known as any program. */
  readonly module?: readonly string[]
  readonly id: string
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  python: { id: 'python', code: ['c'], valued: ['c', 'm', 'W', 'X'], module: ['-m'] },
  node: {
    id: 'node',
    code: ['e', 'p', '--eval', '--print'],
    valued: ['e', 'p', 'r', 'C', '--eval', '--print', '--require', '--import', '--loader'],
    loads: ['-r', '--require', '--import', '--loader'],
  },
  deno: { id: 'node', code: [], valued: [] },
  bun: {
    id: 'node',
    code: ['e', '--eval', 'p', '--print'],
    valued: ['e', 'p', '--eval', '--print', '--preload', 'r'],
    loads: ['--preload', '-r'],
  },
  tsx: { id: 'node', code: ['e', '--eval', 'p', '--print'], valued: ['e', 'p', '--eval', '--print'] },
  'ts-node': { id: 'node', code: ['e', '--eval', 'p', '--print'], valued: ['e', 'p', '--eval', '--print'] },
  perl: { id: 'perl', code: ['e', 'E'], valued: ['e', 'E', 'I', 'M', 'm', 'x'], loads: ['-M', '-m'] },
  ruby: { id: 'ruby', code: ['e'], valued: ['e', 'r', 'I', 'C'], loads: ['-r'] },
  php: { id: 'php', code: ['r', 'R', 'B', 'E'], valued: ['r', 'R', 'B', 'E', 'd', 'c', 'f'] },
  lua: { id: 'lua', code: ['e'], valued: ['e', 'l'] },
  luajit: { id: 'lua', code: ['e'], valued: ['e', 'l'] },
  osascript: { id: 'applescript', code: ['e'], valued: ['e', 'l'] },
  rscript: { id: 'r', code: ['e'], valued: ['e'] },
  r: { id: 'r', code: ['e'], valued: ['e', 'f'] },
  julia: { id: 'julia', code: ['e', 'E', '--eval', '--print'], valued: ['e', 'E', '--eval', '--print'] },
  elixir: { id: 'elixir', code: ['e', '--eval'], valued: ['e', '--eval'] },
  erl: { id: 'erlang', code: ['-eval'], valued: ['-eval'] },
  groovy: { id: 'groovy', code: ['e'], valued: ['e'] },
  scala: { id: 'scala', code: ['e'], valued: ['e'] },
  ghc: { id: 'haskell', code: ['e'], valued: ['e'] },
  tclsh: { id: 'tcl', code: [], valued: [] },
  expect: { id: 'tcl', code: ['c'], valued: ['c'] },
  guile: { id: 'scheme', code: ['c'], valued: ['c'] },
  racket: { id: 'scheme', code: ['e'], valued: ['e'] },
  sbcl: { id: 'lisp', code: ['--eval'], valued: ['--eval'] },
  emacs: { id: 'lisp', code: ['--eval', '-eval'], valued: ['--eval', '-eval'] },
  jshell: { id: 'java', code: [], valued: [] },
  irb: { id: 'ruby', code: [], valued: [] },
  ipython: { id: 'python', code: ['c'], valued: ['c', 'm'], module: ['-m'] },
}

const INFORMS = new Set([
  '--version',
  '-V',
  '--help',
  '-h',
  '-v',
  '-version',
  '--v8-options',
  '--check',
  '-c',
])

/** Follows a shell or another interpreter. `undefined` for a program that is neither. */
export function runInterpreter(
  analysis: Analysis,
  program: string,
  args: readonly string[],
  how: Invocation,
): string | undefined {
  if (program === 'source' || program === '.') return runSource(analysis, args, how)
  if (SHELLS.has(program)) return runShell(analysis, program, args, how)
  if (program === 'su' || program === 'runuser') return runSu(analysis, program, args, how)
  const language = Object.hasOwn(LANGUAGES, program) ? LANGUAGES[program]! : undefined
  if (language !== undefined) return runLanguage(analysis, program, language, args, how)
  return undefined
}

function runShell(analysis: Analysis, program: string, args: readonly string[], how: Invocation): string {
  const { flags, operands, values } = readOptions(
    args,
    ['O', '--rcfile', '--init-file', 'o', '--command', '-Command', '-EncodedCommand'],
    { stopAtOperand: true },
  )
  if (flags.has('--version') || flags.has('--help') || (args.length === 1 && args[0] === '-n')) return UNKNOWN
  const inside: Invocation = {
    ...how,
    scope: { ...subshell(how.scope), aliases: new Map() },
    via: [...how.via, program],
  }
  for (const name of ['--rcfile', '--init-file'])
    if (values.has(name)) analysis.opaque('environment', program)
  const code =
    flags.has('-c') || flags.has('--command') ? (values.get('--command') ?? operands[0]) : undefined
  if (flags.has('-c') || flags.has('--command') || flags.has('-Command') || flags.has('-EncodedCommand')) {
    if (!READABLE.has(program)) {
      // The words are much the same; what cannot be read that way is not vouched for.
      if (code !== undefined && isKnown(code)) analysis.runCode(code, inside)
      if (code === undefined || !/^[\w\s./=:@,+-]*$/.test(code)) analysis.opaque('code', program)
      return UNKNOWN
    }
    const [, name, ...positional] = operands
    inside.scope.positional = positional
    inside.scope.vars.set('0', name ?? program)
    return runText(analysis, code ?? UNKNOWN, program, { ...how, scope: inside.scope })
  }
  const [script, ...positional] = operands
  if (script !== undefined && script !== '-' && !flags.has('-s')) {
    inside.scope.positional = positional
    return runFile(analysis, script, program, inside)
  }
  if (how.stdin === null) {
    if (!flags.has('-n')) analysis.opaque('interactive', program)
    return UNKNOWN
  }
  inside.scope.positional = operands
  return runText(analysis, how.stdin, program, { ...how, scope: inside.scope, stdin: '' })
}

function runSource(analysis: Analysis, args: readonly string[], how: Invocation): string {
  const [file, ...positional] = args
  if (file === undefined) return ''
  const before = how.scope.positional
  if (positional.length > 0) how.scope.positional = positional
  const out = runFile(analysis, file, 'source', { ...how, via: [...how.via, 'source'] })
  how.scope.positional = before
  return out
}

/** A script by name: followed where this line has written it, unknown where its name is. */
function runFile(analysis: Analysis, written: string, program: string, how: Invocation): string {
  if (/^\/dev\/(?:stdin|fd\/0)$/.test(written)) {
    if (how.stdin === null) analysis.opaque('interactive', program)
    else runText(analysis, how.stdin, program, how)
    return UNKNOWN
  }
  if (!isKnown(written) || written.includes(STAR) || written.includes(ANY)) {
    unknownCode(analysis, written, program)
    return UNKNOWN
  }
  for (const path of analysis.places(written, how.scope)) {
    const known = analysis.files.get(path)
    if (known !== undefined && 'content' in known) runText(analysis, known.content, program, how)
  }
  analysis.usePath('read', written, program, how.scope)
  return UNKNOWN
}

function runSu(analysis: Analysis, program: string, args: readonly string[], how: Invocation): string {
  const { values, operands, flags } = readOptions(args, [
    'c',
    's',
    'g',
    'G',
    'u',
    'w',
    '--command',
    '--shell',
    '--session-command',
  ])
  const code = values.get('-c') ?? values.get('--command') ?? values.get('--session-command')
  if (code !== undefined) return runText(analysis, code, program, how)
  if (program === 'runuser' && flags.has('-u') && operands.length > 0)
    return analysis.runProgram(operands, { ...how, via: [...how.via, program] })
  analysis.opaque('interactive', program)
  return UNKNOWN
}

function runLanguage(
  analysis: Analysis,
  program: string,
  language: Language,
  args: readonly string[],
  how: Invocation,
): string {
  if (args.length === 1 && INFORMS.has(args[0]!)) return UNKNOWN
  // Options end at the script; what follows is the script's own.
  const end = endOfOptions(args, language.valued)
  const { values, flags } = readOptions(args.slice(0, end), language.valued)
  const names = (language.loads ?? []).filter((name) => flags.has(name))
  if (
    program === 'perl'
      ? flags.has('-M') &&
        !/^(?:strict|warnings|utf8|JSON::PP|POSIX|List::Util|Data::Dumper)/.test(values.get('-M') ?? '')
      : names.length > 0
  )
    analysis.opaque('one_liner', program)
  const found = language.code.filter((name) => flags.has(name.startsWith('-') ? name : `-${name}`))
  if (found.length > 0 || (program === 'deno' && args[0] === 'eval')) {
    for (const name of found) {
      const code = values.get(name.startsWith('-') ? name : `-${name}`) ?? ''
      if (!isKnown(code)) unknownCode(analysis, code, program)
      else if (!isHarmlessCode(language.id, code)) analysis.opaque('one_liner', program)
    }
    if (found.length === 0 && !isHarmlessCode(language.id, args[1] ?? ''))
      analysis.opaque('one_liner', program)
    return UNKNOWN
  }
  if (language.module?.some((name) => flags.has(name)) === true) return UNKNOWN
  const script = args[end]
  if (script !== undefined && script !== '-') {
    if (!isKnown(script) || script.includes(STAR) || script.includes(ANY)) {
      unknownCode(analysis, script, program)
      return UNKNOWN
    }
    if (/^\/dev\/stdin$/.test(script)) return readsStdin(analysis, program, language, how)
    for (const path of analysis.places(script, how.scope)) {
      const known = analysis.files.get(path)
      if (known === undefined || !('content' in known)) continue
      if (!isKnown(known.content)) unknownCode(analysis, known.content, program)
      else if (!isHarmlessCode(language.id, known.content)) analysis.opaque('one_liner', program)
    }
    analysis.usePath('read', script, program, how.scope)
    return UNKNOWN
  }
  if (flags.has('--test') || flags.has('--run')) return UNKNOWN
  return readsStdin(analysis, program, language, how)
}

function readsStdin(analysis: Analysis, program: string, language: Language, { stdin }: Invocation): string {
  if (stdin === null) analysis.opaque('interactive', program)
  else if (!isKnown(stdin)) unknownCode(analysis, stdin, program)
  else if (!isHarmlessCode(language.id, stdin)) analysis.opaque('one_liner', program)
  return UNKNOWN
}

function endOfOptions(args: readonly string[], valued: readonly string[]): number {
  let at = 0
  while (at < args.length && args[at]!.startsWith('-') && args[at] !== '-') {
    const arg = args[at]!
    at++
    if (arg === '--') break
    if (valued.includes(arg) && arg.length > 2) at++
    else if (
      !arg.startsWith('--') &&
      valued.includes(arg.slice(-1)) &&
      !Array.from(arg.slice(1, -1)).some((letter) => valued.includes(letter))
    )
      at++
  }
  return Math.min(at, args.length)
}
