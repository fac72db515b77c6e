import type { Analysis, Invocation } from './analysis.ts'
import { HOME, isKnown, isLiteral, UNKNOWN } from './marks.ts'
import { readOptions } from './options.ts'
import type { Scope } from './scope.ts'

/** Variables whose value a program runs as a command. */
const COMMAND_VARIABLES = new Set(
  `PROMPT_COMMAND EDITOR VISUAL PAGER MANPAGER BROWSER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_SSH_COMMAND GIT_SSH
  GIT_EXTERNAL_DIFF GIT_ASKPASS SSH_ASKPASS RSYNC_RSH CVS_RSH LESSOPEN LESSCLOSE SUDO_ASKPASS FCEDIT PS4 PS1`.split(
    /\s+/,
  ),
)
/** Variables that load code into every program that starts. */
const LOADERS = new Set(
  `LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH BASH_ENV ENV PYTHONSTARTUP PERL5OPT PERL5LIB
  RUBYOPT RUBYLIB GCONV_PATH GIT_CONFIG GIT_EXEC_PATH GIT_TEMPLATE_DIR BASHOPTS SHELLOPTS JAVA_TOOL_OPTIONS _JAVA_OPTIONS`.split(
    /\s+/,
  ),
)
const HISTORY = new Set(['HISTFILE', 'HISTSIZE', 'HISTFILESIZE'])

/** Sets a variable of the shell and notices the ones that start programs. */
export function setVariable(
  analysis: Analysis,
  scope: Scope,
  name: string,
  value: string,
  append: boolean,
): void {
  const before = scope.vars.get(name)
  const joined = append ? (typeof before === 'string' ? before + value : UNKNOWN) : value
  scope.vars.set(name, joined.length > 20_000 ? UNKNOWN : joined)
  // Arithmetic and tests evaluate subscripts in values: `x='a[$(…)]'` runs what stands there.
  if (/\[[^\]]{0,200}(?:\$\(|`)/.test(joined)) analysis.opaque('code', name)
  // oxlint-disable-next-line no-control-regex -- marks
  if (COMMAND_VARIABLES.has(name) && !/^[\w .:/\\$@\u0000\u0001-]*$/.test(joined)) {
    analysis.runCode(joined, { scope: { ...scope, vars: new Map(scope.vars) }, stdin: null, via: [name] })
  } else if (COMMAND_VARIABLES.has(name) && !name.startsWith('PS')) {
    analysis.runCode(joined, { scope: { ...scope, vars: new Map(scope.vars) }, stdin: null, via: [name] })
  }
  if (LOADERS.has(name) && joined !== '') analysis.opaque('environment', name)
  if (
    name === 'NODE_OPTIONS' &&
    /(?:^|\s)(?:-r|--require|--import|--loader|--experimental-loader|--eval|-e)/.test(joined)
  )
    analysis.opaque('environment', name)
  if (
    name === 'PATH' &&
    joined
      .split(':')
      .some((part) => part === '' || part === '.' || /^(?:\.\/|\/tmp|\/dev\/shm|\/var\/tmp)/.test(part))
  )
    analysis.opaque('environment', name)
  if (HISTORY.has(name) && (joined === '' || joined === '0' || joined === '/dev/null'))
    analysis.hazard('wipes_history', name)
}

type Builtin = (analysis: Analysis, args: readonly string[], how: Invocation) => string

/** Commands of the shell that change the shell itself. What is not here runs as a program does. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  cd: (analysis, args, { scope }) => {
    const operand = readOptions(args).operands[0] ?? HOME
    changeFolder(analysis, scope, operand)
    return ''
  },
  pushd: (analysis, args, { scope }) => {
    changeFolder(analysis, scope, readOptions(args).operands[0] ?? UNKNOWN)
    return ''
  },
  popd: (_analysis, _args, { scope }) => {
    scope.cwd = [UNKNOWN]
    return ''
  },
  pwd: (_analysis, _args, { scope }) => (scope.cwd.length === 1 ? scope.cwd[0]! : UNKNOWN),
  export: declare,
  declare,
  typeset: declare,
  local: declare,
  readonly: declare,
  unset: (analysis, args, { scope }) => {
    for (const name of args) {
      if (HISTORY.has(name)) analysis.hazard('wipes_history', 'unset')
      if (isLiteral(name)) scope.vars.set(name, UNKNOWN)
      scope.functions.delete(name)
    }
    return ''
  },
  read: (_analysis, args, { scope }) => {
    const names = readOptions(args, ['p', 'n', 'N', 't', 'u', 'd', 'i', 'a']).operands
    for (const name of [...names, 'REPLY']) scope.vars.set(name, UNKNOWN)
    return ''
  },
  mapfile,
  readarray: mapfile,
  getopts: (_analysis, args, { scope }) => {
    if (args[1] !== undefined) scope.vars.set(args[1], UNKNOWN)
    scope.vars.set('OPTARG', UNKNOWN)
    return ''
  },
  set: (analysis, args, { scope }) => {
    const at = args.indexOf('--')
    if (at !== -1) scope.positional = args.slice(at + 1)
    if (args[0] === '+o' && args[1] === 'history') analysis.hazard('wipes_history', 'set')
    return ''
  },
  shift: (_analysis, args, { scope }) => {
    if (scope.positional !== null) scope.positional = scope.positional.slice(Number(args[0] ?? 1) || 1)
    return ''
  },
  alias: (_analysis, args, { scope }) => {
    for (const arg of args) {
      const equals = arg.indexOf('=')
      if (equals > 0) scope.aliases.set(arg.slice(0, equals), arg.slice(equals + 1))
    }
    return ''
  },
  eval: (analysis, args, how) => {
    const text = args.join(' ')
    return runText(analysis, text, 'eval', how)
  },
  trap: (analysis, args, how) => {
    const code = args.find((arg) => !arg.startsWith('-'))
    if (code !== undefined && args.length > 1) runText(analysis, code, 'trap', how)
    return ''
  },
  compgen: (analysis, args, how) => {
    const { values } = readOptions(args, ['C', 'F', 'W', 'A', 'P', 'S', 'X', 'G', 'o'])
    const code = values.get('-C') ?? values.get('-W')
    if (code !== undefined) runText(analysis, code, 'compgen', how)
    return UNKNOWN
  },
  complete: (analysis, args, how) => {
    const code = readOptions(args, ['C', 'F', 'W', 'A', 'P', 'S', 'X', 'G', 'o']).values.get('-C')
    if (code !== undefined) runText(analysis, code, 'complete', how)
    return ''
  },
  bind: (analysis) => {
    analysis.opaque('environment', 'bind')
    return ''
  },
  enable: (analysis, args) => {
    if (args.some((arg) => /^-\w*f/.test(arg))) analysis.opaque('environment', 'enable')
    return ''
  },
  hash: (analysis, args) => {
    if (args.some((arg) => /^-\w*p/.test(arg))) analysis.opaque('environment', 'hash')
    return ''
  },
  let: (analysis, args) => {
    if (args.some((arg) => !isKnown(arg) || /\$\(|`/.test(arg))) analysis.opaque('code', 'let')
    return ''
  },
  history: (analysis, args) => {
    if (args.some((arg) => /^-\w*[cdw]/.test(arg))) analysis.hazard('wipes_history', 'history')
    return ''
  },
}

/** Runs a text as code; what of it is not known makes it opaque, what comes from the network a hazard. */
export function runText(analysis: Analysis, text: string, program: string, how: Invocation): string {
  if (isKnown(text)) return analysis.runCode(text, { ...how, via: [...how.via, program] })
  unknownCode(analysis, text, program)
  return UNKNOWN
}

/** What is not known is said; where it came from the network, that too. */
export function unknownCode(analysis: Analysis, text: string, program: string): void {
  if (text.includes('\u0006')) analysis.hazard('runs_download', program)
  else analysis.opaque('code', program)
}

function declare(analysis: Analysis, args: readonly string[], { scope }: Invocation): string {
  const reference = args.some((arg) => /^-\w*n/.test(arg))
  for (const arg of args) {
    const match = /^([A-Za-z_]\w*)(\+?)=([^]*)$/.exec(arg)
    if (match !== null)
      setVariable(analysis, scope, match[1]!, reference ? UNKNOWN : match[3]!, match[2] === '+')
    else if (!isKnown(arg)) analysis.opaque('environment', 'export')
  }
  return ''
}

function mapfile(analysis: Analysis, args: readonly string[], how: Invocation): string {
  const { values, operands } = readOptions(args, ['d', 'n', 'O', 's', 'u', 'C', 'c'])
  const code = values.get('-C')
  if (code !== undefined) runText(analysis, code, 'mapfile', how)
  how.scope.vars.set(operands[0] ?? 'MAPFILE', [UNKNOWN])
  return ''
}

function changeFolder(analysis: Analysis, scope: Scope, written: string): void {
  scope.cwd =
    written === '-' || /^\+\d/.test(written) ? [UNKNOWN] : [...new Set(analysis.places(written, scope))]
}
