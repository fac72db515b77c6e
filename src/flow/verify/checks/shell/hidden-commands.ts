import type { Analysis, Invocation } from './analysis.ts'
import { runText } from './builtins.ts'
import { SPLIT, STAR, UNKNOWN } from './marks.ts'
import { firstOperandAt, readOptions, SSH_VALUED } from './options.ts'
import { inGit } from './git-hidden.ts'
import { isNarrowed } from './program-paths.ts'
import { inside, subshell } from './scope.ts'
import { awk, editor, sed } from './script-programs.ts'

type Finder = (analysis: Analysis, args: readonly string[], how: Invocation) => void

/** Programs that run what their arguments say, each in its own way. */
const FINDERS: Readonly<Record<string, Finder>> = {
  find: inFind,
  fd: inFd,
  fdfind: inFd,
  git: inGit,
  ssh: inSsh,
  docker: inContainer,
  podman: inContainer,
  nerdctl: inContainer,
  kubectl: inContainer,
  awk,
  gawk: awk,
  mawk: awk,
  nawk: awk,
  sed,
  gsed: sed,
  tar: given('tar', [
    /^--checkpoint-action/,
    /^--to-command/,
    /^--use-compress-program/,
    /^-I$/,
    /^--rsh-command/,
    /^--info-script/,
    /^--new-volume-script/,
  ]),
  bsdtar: given('tar', [/^--use-compress-program/]),
  rsync: inRsync,
  zip: given('zip', [/^-TT$/, /^--unzip-command/]),
  scp: given('scp', [/^-S$/, /^-oProxyCommand/i, /^ProxyCommand/i]),
  sftp: given('sftp', [/^-S$/, /ProxyCommand/i]),
  man: given('man', [/^-P$/, /^--pager/, /^-H/]),
  gdb: given('gdb', [/^-{1,2}(?:ex|eval-command|x|command|iex)/]),
  lldb: given('lldb', [/^-(?:o|s|O|S)$/, /^--one-line/]),
  sqlite3: given('sqlite3', [
    /^\s*\.(?:shell|system|load|import|output|once|excel)/m,
    /load_extension|writefile|edit\s*\(/i,
  ]),
  psql: given('psql', [/\\!|\\o\s|\\copy|\\g\s*\||\bcopy\b[^;]{0,500}\bprogram\b/i]),
  mysql: given('mysql', [/\\!|\bsystem\s|into\s+(?:outfile|dumpfile)/i]),
  vim: editor,
  vi: editor,
  nvim: editor,
  ex: editor,
  view: editor,
  ed: stdinCode,
  make: inMake,
  gmake: inMake,
  nmap: given('nmap', [/^--script(?!-help)/, /^--interactive/]),
  socat: given('socat', [/\b(?:EXEC|SYSTEM|SHELL):/i]),
  nc: given('nc', [/^-\w*[ec]$/, /^--(?:exec|sh-exec)/]),
  ncat: given('nc', [/^-\w*[ec]$/, /^--(?:exec|sh-exec|lua-exec)/]),
  netcat: given('nc', [/^-\w*[ec]$/]),
  openssl: given('openssl', [/^-engine$/]),
  curl: given('curl', [/^-\w*K$/, /^--config/]),
  wget: given('wget', [/^--use-askpass/, /^--config/, /^-e$/, /^--execute/]),
  split: given('split', [/^--filter/]),
  sort: given('sort', [/^--compress-program/]),
  less: given('less', [/^\+[!|]/]),
  env: () => undefined,
  script: optionCode(['c', '--command']),
  tmux: inTerminal,
  screen: inTerminal,
  dtach: inTerminal,
  expect: () => undefined,
  crontab: () => undefined,
  ansible: given('ansible', [/^-\w*[am]$/]),
  rundll32: given('rundll32', [/./]),
  apt: given('apt', [/::(?:Pre-Invoke|Post-Invoke)/i]),
  'apt-get': given('apt-get', [/::(?:Pre-Invoke|Post-Invoke)/i]),
  pip: given('pip', [/^--global-option/, /^--install-option/]),
  npm: given('npm', [/^--(?:script-shell|shell|node-options)/]),
  busctl: () => undefined,
  'nix-shell': optionCode(['--run', '--command']),
  'start-stop-daemon': given('start-stop-daemon', [/^(?:-x|--exec|-a|--startas)/]),
  cpulimit: given('cpulimit', [/./]),
  pkill: () => undefined,
}

/** Follows the commands that hide in the arguments of a program. */
export function runHidden(
  analysis: Analysis,
  program: string,
  args: readonly string[],
  how: Invocation,
): void {
  if (Object.hasOwn(FINDERS, program)) FINDERS[program]!(analysis, args, how)
}

/** Opaque when an argument matches: what it starts is not followed further. */
function given(program: string, patterns: readonly RegExp[]): Finder {
  return (analysis, args) => {
    if (args.some((arg) => patterns.some((pattern) => pattern.test(arg))))
      analysis.opaque('one_liner', program)
  }
}

function inRsync(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const { values } = readOptions(args, ['e', '--rsh', '--rsync-path'])
  for (const name of ['-e', '--rsh', '--rsync-path'])
    if (values.has(name)) runText(analysis, values.get(name)!, 'rsync', inside(how, 'rsync'))
}

function optionCode(names: readonly string[]): Finder {
  return (analysis, args, how) => {
    const { values } = readOptions(args, names)
    for (const [, value] of values) runText(analysis, value, 'sh', inside(how, 'sh'))
  }
}

function stdinCode(analysis: Analysis, _args: readonly string[], { stdin }: Invocation): void {
  if (stdin !== null) analysis.opaque('one_liner', 'ed')
}

function inFind(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const start = args.findIndex((arg) => /^[-(!]/.test(arg))
  const roots = start === -1 ? args : args.slice(0, start)
  for (let at = 0; at < args.length; at++) {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(args[at]!)) continue
    const end = args.findIndex(
      (arg, index) => index > at && (arg === ';' || (arg === '+' && args[index - 1] === '{}')),
    )
    const command = args.slice(at + 1, end === -1 ? args.length : end)
    for (const root of roots.length === 0 ? ['.'] : roots.slice(0, 8)) {
      // Narrowed by name, it is not everything below.
      const found = isNarrowed(args) ? `${root}/${STAR}narrowed${STAR}` : `${root}/${STAR}${STAR}`
      analysis.runProgram(
        command.map((arg) => arg.replaceAll('{}', () => found)),
        { ...inside(how, 'find'), programsOnly: true },
      )
    }
    at = end === -1 ? args.length : end
  }
}

function inFd(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const at = args.findIndex((arg) => /^(?:-x|-X|--exec|--exec-batch)$/.test(arg))
  if (at === -1) return
  const command = args.slice(at + 1)
  const words = command.some((arg) => arg.includes('{'))
    ? command.map((arg) => arg.replaceAll(/\{[./]{0,2}\}/g, () => `./${STAR}`))
    : [...command, `./${STAR}`]
  analysis.runProgram(words, { ...inside(how, 'fd'), programsOnly: true })
}

function inSsh(analysis: Analysis, args: readonly string[], how: Invocation): void {
  if (args.some((arg) => /(?:Proxy|Local|KnownHosts|RemoteCommand)Command\s*[= ]|^-oProxyCommand/i.test(arg)))
    analysis.opaque('one_liner', 'ssh')
  const at = firstOperandAt(args, SSH_VALUED)
  const remote = args.slice(at + 1)
  if (remote.length > 0) {
    // The other machine's shell reads the words again; its folders are others.
    const scope = {
      ...subshell(how.scope),
      cwd: ['~'],
      vars: new Map(),
      functions: new Map(),
      aliases: new Map(),
    }
    runText(analysis, remote.join(' '), 'ssh', { ...inside(how, 'ssh', how.stdin), scope })
  } else if (how.stdin !== null) runText(analysis, how.stdin, 'ssh', inside(how, 'ssh'))
}

const CONTAINER_VALUED = [
  'v',
  'e',
  'p',
  'w',
  'u',
  'h',
  'l',
  'm',
  'n',
  'c',
  '--name',
  '--volume',
  '--env',
  '--publish',
  '--workdir',
  '--user',
  '--network',
  '--entrypoint',
  '--mount',
  '--env-file',
  '--label',
  '--platform',
  '--memory',
  '--cpus',
  '--namespace',
  '--container',
  '--context',
  '--add-host',
  '--hostname',
  '--restart',
  '--gpus',
  '--pull',
  '--image',
  'f',
  '--file',
]

function inContainer(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const run = args.findIndex((arg) => arg === 'run' || arg === 'exec')
  if (run === -1) return
  let at = run + 1
  while (at < args.length && args[at]!.startsWith('-')) {
    const arg = args[at]!
    at++
    if (arg === '--') break
    if (arg.startsWith('--')) at += !arg.includes('=') && CONTAINER_VALUED.includes(arg) ? 1 : 0
    else at += CONTAINER_VALUED.includes(arg.slice(-1)) ? 1 : 0
  }
  let command = args.slice(at + 1)
  if (command[0] === '--') command = command.slice(1)
  if (command.length === 0) return
  const scope = {
    ...subshell(how.scope),
    cwd: ['/container'],
    vars: new Map(),
    functions: new Map(),
    aliases: new Map(),
  }
  analysis.runProgram(command, { ...inside(how, 'container'), scope, programsOnly: true })
}

function inMake(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const { values } = readOptions(args, [
    'f',
    'C',
    'j',
    'o',
    'W',
    'I',
    '--file',
    '--makefile',
    '--directory',
    '--eval',
  ])
  const file = values.get('-f') ?? values.get('--file') ?? values.get('--makefile')
  if (values.has('--eval')) analysis.opaque('one_liner', 'make')
  if (args.some((arg) => /^(?:SHELL|MAKEFLAGS|MAKE|\.SHELLFLAGS)=/.test(arg)))
    analysis.opaque('environment', 'make')
  if (file === '-' || file?.startsWith('/dev/') === true) analysis.opaque('code', 'make')
  for (const name of file === undefined ? ['Makefile', 'makefile', 'GNUmakefile'] : [file])
    for (const path of analysis.places(name, how.scope))
      if (analysis.files.has(path)) analysis.opaque('code', 'make')
}

function inTerminal(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const at = args.findIndex((arg) =>
    /^(?:new|new-session|new-window|neww|split-window|splitw|respawn-pane|run-shell|run|send-keys|send|if-shell|pipe-pane|-X|stuff)$/.test(
      arg,
    ),
  )
  const words = args.slice(at + 1).filter((arg) => !arg.startsWith('-'))
  if (at === -1) {
    const dash = args.findIndex((arg) => /^-\w*[dm]/.test(arg))
    if (dash !== -1) {
      const named = args[dash + 1] === '-S' ? 3 : 1
      analysis.runProgram(args.slice(dash + named), inside(how, 'screen'))
    }
    return
  }
  for (const word of words) {
    if (word.includes(' ') || word.includes(SPLIT) || word.includes(UNKNOWN))
      runText(analysis, word, 'tmux', inside(how, 'tmux'))
  }
}
