import { readOptions } from './options.ts'

/** How a program that starts another one is written: what stands before the inner command. */
interface Wrapper {
  /** Options that take a value. */
  readonly valued?: readonly string[]
  /** Operands of its own before the command. */
  readonly skip?: number
  /** `NAME=value` may stand before the command. */
  readonly assignments?: true
  /** Options whose value is shell code. */
  readonly code?: readonly string[]
  /** These options only ask about a command or change nothing. */
  readonly asks?: readonly string[]
}

const PACKAGE_RUNNER: Wrapper = {
  valued: ['p', 'c', '--package', '--call', '--from', '--with', '--python'],
  code: ['c', '--call'],
}

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  sudo: {
    valued: [
      'u',
      'g',
      'C',
      'h',
      'p',
      'r',
      't',
      'T',
      'U',
      'D',
      'R',
      '--user',
      '--group',
      '--chdir',
      '--prompt',
    ],
    assignments: true,
  },
  doas: { valued: ['u', 'C', 'a'] },
  pkexec: { valued: ['--user'] },
  gosu: { skip: 1 },
  'su-exec': { skip: 1 },
  env: {
    valued: ['u', 'C', 'S', '--unset', '--chdir', '--split-string'],
    assignments: true,
    code: ['S', '--split-string'],
  },
  command: { asks: ['-v', '-V'] },
  builtin: {},
  exec: { valued: ['a'] },
  nohup: {},
  nice: { valued: ['n', '--adjustment'] },
  ionice: { valued: ['c', 'n', 'p', '--class', '--classdata'] },
  chrt: { valued: ['T', 'P', 'D'], skip: 1 },
  taskset: { skip: 1 },
  timeout: { valued: ['k', 's', '--kill-after', '--signal'], skip: 1 },
  time: { valued: ['f', 'o', '--format', '--output'] },
  setsid: {},
  stdbuf: { valued: ['i', 'o', 'e', '--input', '--output', '--error'] },
  unbuffer: {},
  caffeinate: { valued: ['t', 'w'] },
  busybox: {},
  toybox: {},
  chroot: { valued: ['--userspec', '--groups'], skip: 1 },
  unshare: { valued: ['R', 'w', 'S', 'G', '--root', '--wd', '--setuid', '--setgid'] },
  nsenter: { valued: ['t', 'S', 'G', '--target'] },
  setarch: { skip: 1 },
  strace: { valued: ['e', 'o', 'p', 's', 'u', 'P', 'a', 'O', 'E', 'S', 'I', 'b', 'X'] },
  ltrace: { valued: ['e', 'o', 'p', 's', 'u', 'n', 'l', 'a', 'x', 'F'] },
  flock: {
    valued: ['w', 'E', 'c', '--timeout', '--conflict-exit-code', '--command'],
    skip: 1,
    code: ['c', '--command'],
  },
  watch: { valued: ['n', '--interval'] },
  xvfb: {},
  'xvfb-run': { valued: ['n', 's', 'e', 'f', 'p', 'w'] },
  'dbus-run-session': {},
  'systemd-run': {
    valued: ['p', 'u', 'M', 'E', '--unit', '--property', '--on-calendar', '--on-active', '--uid', '--gid'],
  },
  'systemd-inhibit': { valued: ['--what', '--who', '--why', '--mode'] },
  firejail: {},
  faketime: { skip: 1 },
  entr: {},
  rlwrap: {},
  torsocks: {},
  proxychains: {},
  proxychains4: {},
  npx: PACKAGE_RUNNER,
  bunx: PACKAGE_RUNNER,
  uvx: PACKAGE_RUNNER,
  parallel: { valued: ['j', 'I', 'a', 'C', '--jobs', '--arg-file', '--colsep', 'P', 'n', 'L'] },
  xargs: {
    valued: [
      'I',
      'n',
      'P',
      'L',
      'd',
      'E',
      's',
      'a',
      '--max-args',
      '--max-procs',
      '--replace',
      '--delimiter',
      '--arg-file',
      '--max-lines',
      '--max-chars',
      '--eof',
      'J',
      'R',
      'S',
    ],
  },
}

/** Programs whose sub-command starts another command: `npm exec -- CMD`, `poetry run CMD`. */
const SUBCOMMANDS: Readonly<Record<string, readonly string[]>> = {
  npm: ['exec', 'x'],
  pnpm: ['exec', 'dlx'],
  yarn: ['exec', 'dlx'],
  bun: ['x'],
  poetry: ['run'],
  uv: ['run'],
  pipenv: ['run'],
  pipx: ['run'],
  rye: ['run'],
  hatch: ['run'],
  pdm: ['run'],
  conda: ['run'],
  bundle: ['exec'],
  rbenv: ['exec'],
  pyenv: ['exec'],
  direnv: ['exec'],
  asdf: ['exec'],
  mise: ['exec', 'x'],
  doppler: ['run'],
  op: ['run'],
  dotenv: ['run'],
}

export interface Unwrapped {
  readonly inner: readonly string[]
  readonly assignments: readonly string[]
  /** Shell code given as the value of an option. */
  readonly code: readonly string[]
  /** Options of the wrapper, for the rules that look at them. */
  readonly options: readonly string[]
}

/** The command inside; `undefined` for a program that wraps none. An empty `inner` starts none. */
export function unwrap(program: string, args: readonly string[]): Unwrapped | undefined {
  const subcommands = Object.hasOwn(SUBCOMMANDS, program) ? SUBCOMMANDS[program]! : undefined
  if (subcommands !== undefined) {
    const at = args.findIndex((arg) => !arg.startsWith('-'))
    if (at === -1 || !subcommands.includes(args[at]!)) return undefined
    return strip(program === 'direnv' ? { skip: 1 } : PACKAGE_RUNNER, args.slice(at + 1))
  }
  const wrapper = Object.hasOwn(WRAPPERS, program) ? WRAPPERS[program]! : undefined
  return wrapper === undefined ? undefined : strip(wrapper, args)
}

function strip(wrapper: Wrapper, args: readonly string[]): Unwrapped {
  const { valued = [], skip = 0, asks = [] } = wrapper
  let at = 0
  while (at < args.length && args[at]!.startsWith('-') && args[at] !== '-') {
    const arg = args[at]!
    at++
    if (arg === '--') break
    if (arg.startsWith('--')) {
      if (!arg.includes('=') && valued.includes(arg)) at++
    } else if (valued.includes(arg)) at++
    else {
      const letter = Array.from(arg.slice(1, 20)).findIndex((each) => valued.includes(each))
      if (letter !== -1 && letter + 2 === arg.length) at++
    }
  }
  const own = args.slice(0, at)
  if (own.some((arg) => asks.includes(arg))) return { inner: [], assignments: [], code: [], options: own }
  at += skip
  const assignments: string[] = []
  while (wrapper.assignments && at < args.length && /^[A-Za-z_]\w*=/.test(args[at]!))
    assignments.push(args[at++]!)
  const { values } = readOptions(own, valued)
  const code: string[] = []
  for (const name of wrapper.code ?? []) {
    const value = values.get(name.startsWith('--') ? name : `-${name}`)
    if (value !== undefined) code.push(value)
  }
  // `flock FILE -c CODE` has its option behind the operand.
  if (skip > 0 && wrapper.code !== undefined && /^(?:-c|--command)$/.test(args[at] ?? ''))
    return { inner: [], assignments, code: [...code, args[at + 1] ?? ''], options: own }
  return { inner: args.slice(at), assignments, code, options: own }
}
