import { SPLIT, UNKNOWN } from './marks.ts'

/** The arguments of a program, taken apart as getopt does. */
export interface Options {
  /** `-r`, `-f`, `--force`: clusters taken apart, values left out. */
  readonly flags: ReadonlySet<string>
  readonly values: ReadonlyMap<string, string>
  readonly operands: readonly string[]
  /** An argument is unknown and might be an option. */
  readonly unsure: boolean
}

const NONE: readonly string[] = []

/** `valued` are options that take a value: `o`, `--output`, or `-exec` as find and java write them. */
export function readOptions(
  args: readonly string[],
  valued: readonly string[] = NONE,
  { stopAtOperand = false }: { readonly stopAtOperand?: boolean } = {},
): Options {
  const flags = new Set<string>()
  const values = new Map<string, string>()
  const operands: string[] = []
  let unsure = false
  let ended = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!
    if (ended || arg === '-' || !arg.startsWith('-')) {
      if (!ended && (arg.startsWith(UNKNOWN) || arg.startsWith(SPLIT))) unsure = true
      operands.push(arg)
      if (stopAtOperand) ended = true
    } else if (arg === '--') ended = true
    else if (arg.startsWith('--')) {
      const equals = arg.indexOf('=')
      const name = equals === -1 ? arg : arg.slice(0, equals)
      flags.add(name)
      if (equals !== -1) values.set(name, arg.slice(equals + 1))
      else if (valued.includes(name)) values.set(name, args[++at] ?? '')
    } else if (valued.includes(arg)) {
      flags.add(arg)
      values.set(arg, args[++at] ?? '')
    } else {
      for (let index = 1; index < arg.length && index < 40; index++) {
        const letter = arg[index]!
        flags.add(`-${letter}`)
        if (!valued.includes(letter)) continue
        values.set(`-${letter}`, index + 1 < arg.length ? arg.slice(index + 1) : (args[++at] ?? ''))
        break
      }
    }
  }
  return { flags, values, operands, unsure }
}

/** Whether one of the flags is set; an abbreviated long option counts. */
export function has({ flags }: Options, ...names: readonly string[]): boolean {
  return names.some(
    (name) =>
      flags.has(name) ||
      (name.startsWith('--') &&
        [...flags].some((flag) => flag.length > 4 && flag.startsWith('--') && name.startsWith(flag))),
  )
}

/** Where the first operand stands: `git -C x push` → 2. */
export function firstOperandAt(args: readonly string[], valued: readonly string[]): number {
  let at = 0
  while (at < args.length && args[at]!.startsWith('-')) at += valued.includes(args[at]!) ? 2 : 1
  return at
}

/** Options of git that come before its sub-command and take a value. */
export const GIT_VALUED: readonly string[] = [
  '-c',
  '-C',
  '--git-dir',
  '--work-tree',
  '--namespace',
  '--super-prefix',
]
/** Options of ssh that take a value. */
export const SSH_VALUED: readonly string[] = Array.from('bcDEeFIiJLlmOopQRSWw', (letter) => `-${letter}`)
