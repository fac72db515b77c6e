import type { Analysis, Invocation } from './analysis.ts'
import { BUILTINS, unknownCode } from './builtins.ts'
import { runInterpreter } from './interpreters.ts'
import { ANY, HOME, isKnown, isLiteral, SPLIT, STAR, UNKNOWN } from './marks.ts'
import { outputOf } from './output.ts'
import { findHazards } from './hazards.ts'
import { findHosts } from './hosts.ts'
import { baseName, quoted } from './program-name.ts'
import { findPaths } from './program-paths.ts'
import { runHidden } from './hidden-commands.ts'
import { subshell } from './scope.ts'
import { unwrap } from './wrappers.ts'
import type { CommandWalk } from './walk-commands.ts'

/** Starting others is what a wrapper is for; more of them than this are not a command line. */
const MAX_WRAPPERS = 12

/** Follows one command after expansion: functions, builtins, wrappers, interpreters, programs. */
export function runProgram(walk: CommandWalk, argv: readonly string[], how: Invocation): string {
  const [written = '', ...args] = argv
  const { scope } = how
  if (how.via.length > MAX_WRAPPERS) {
    walk.opaque('depth', how.via[0]!)
    return UNKNOWN
  }
  if (written === '' && args.length === 0) return ''
  if (!isKnown(written) || written.includes(STAR) || written.includes(ANY)) {
    record(walk, null, written, args, how)
    walk.opaque('program', 'sh')
    // Whatever runs, it is given these: `$x rm -rf /` is `rm -rf /` when x is empty.
    for (const arg of args)
      if (/[/~]/.test(arg) || arg.startsWith(HOME)) walk.usePath('read', arg, '?', scope)
    return UNKNOWN
  }
  if (how.programsOnly !== true) {
    const bodies = scope.functions.get(written)
    if (bodies !== undefined) return callFunction(walk, written, bodies, args, how)
    const alias = scope.aliases.get(written)
    if (alias !== undefined) {
      const inside = { ...how, scope: { ...scope, aliases: new Map() }, via: [...how.via, written] }
      if (!isKnown(alias)) unknownCode(walk, alias, written)
      else walk.runCode([alias, ...args.map(quoted)].join(' '), inside)
    }
    const builtin = Object.hasOwn(BUILTINS, written) ? BUILTINS[written] : undefined
    if (builtin !== undefined) {
      record(walk, written, written, args, how)
      return builtin(walk, args, how)
    }
  }
  const program = programName(walk, written, how)
  if (program === null) return runWrittenFile(walk, written, args, how)
  const builtin = how.via.at(-1) === 'builtin' || how.via.at(-1) === 'command' ? BUILTINS[program] : undefined
  if (builtin !== undefined && Object.hasOwn(BUILTINS, program)) {
    record(walk, program, written, args, how)
    return builtin(walk, args, how)
  }
  record(walk, program, written, args, how)
  const unwrapped = unwrap(program, args)
  if (unwrapped !== undefined) return runWrapped(walk, program, args, unwrapped, how)

  const ran = runInterpreter(walk, program, args, how)
  runHidden(walk, program, args, how)
  findPaths(walk, program, args, how)
  findHosts(walk, program, args, how)
  findHazards(walk, program, args, how)
  return ran ?? outputOf(walk, program, args, how)
}

function record(
  walk: CommandWalk,
  program: string | null,
  written: string,
  args: readonly string[],
  { via }: Invocation,
): void {
  walk.commands.push({ program, written, args, via })
}

/** The base name that rules go by; `null` for a file that this line has written itself. */
function programName(walk: CommandWalk, written: string, { scope }: Invocation): string | null {
  const place = written.includes('/') || written.startsWith(HOME) ? walk.places(written, scope) : undefined
  for (const path of place ?? []) {
    const known = walk.files.get(path)
    if (known !== undefined && 'program' in known) return known.program
    if (known !== undefined) return null
    // Links that the line has made are followed.
    if (walk.links.size > 0) return baseName(path)
  }
  return baseName(written)
}

function callFunction(
  walk: CommandWalk,
  name: string,
  bodies: NonNullable<ReturnType<Invocation['scope']['functions']['get']>>,
  args: readonly string[],
  how: Invocation,
): string {
  record(walk, name, name, args, how)
  const marker = `${name}()`
  if (how.via.includes(marker)) {
    // It calls itself: with a pipe or in the background that multiplies.
    if (
      bodies.some(
        (body) =>
          JSON.stringify(body).length < 20_000 &&
          /"type":"Pipeline"|"background":true/.test(JSON.stringify(body)),
      )
    )
      walk.hazard('fork_bomb', 'sh')
    return UNKNOWN
  }
  const before = how.scope.positional
  how.scope.positional = args
  let out = ''
  for (const body of bodies) out += walk.walk(body, { ...how, via: [...how.via, marker] })
  how.scope.positional = before
  return out
}

function runWrittenFile(
  walk: CommandWalk,
  written: string,
  args: readonly string[],
  how: Invocation,
): string {
  record(walk, written.slice(written.lastIndexOf('/') + 1), written, args, how)
  for (const path of walk.places(written, how.scope)) {
    const known = walk.files.get(path)
    if (known === undefined || !('content' in known)) continue
    const shell = !known.content.startsWith('#!') || /^#![^\n]*\b(?:ba|da|z|k|a)?sh\b/.test(known.content)
    if (!isKnown(known.content)) unknownCode(walk, known.content, written)
    else if (shell)
      walk.runCode(known.content, {
        ...how,
        scope: { ...subshell(how.scope), positional: args },
        via: [...how.via, written],
      })
    else walk.opaque('one_liner', 'script')
  }
  return UNKNOWN
}

function runWrapped(
  walk: CommandWalk,
  program: string,
  args: readonly string[],
  { inner, assignments, code, options }: NonNullable<ReturnType<typeof unwrap>>,
  how: Invocation,
): string {
  const via = [...how.via, program]
  const scope =
    program === 'exec' || program === 'command' || program === 'builtin' ? how.scope : subshell(how.scope)
  const inside: Invocation = { ...how, scope, via, programsOnly: true }
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=')
    BUILTINS['export']!(walk, [assignment], inside)
    if (equals === -1) walk.opaque('environment', program)
  }
  if (program === 'chroot') scope.cwd = [UNKNOWN]
  findHazards(walk, program, args, how)
  if (program === 'env' && code.length > 0) {
    // `env -S` splits its value into words, and adds the operands.
    for (const text of code) {
      if (isKnown(text)) walk.runCode([text, ...inner.map(quoted)].join(' '), inside)
      else unknownCode(walk, text, program)
    }
    return UNKNOWN
  }
  for (const text of code) {
    if (isKnown(text)) walk.runCode(text, inside)
    else unknownCode(walk, text, program)
  }
  const asked = program === 'command' ? args.at(-1) : undefined
  if (inner.length === 0 && asked !== undefined && isLiteral(asked))
    return asked.includes('/') ? asked : `/usr/bin/${asked}`
  if (inner.length === 0)
    return program === 'sudo' && options.some((arg) => /^-\w*[is]/.test(arg))
      ? interactive(walk, program)
      : code.length > 0
        ? UNKNOWN
        : ''
  if (program === 'xargs' || program === 'parallel') return runXargs(walk, args, inner, inside)
  // `watch` and `parallel` hand their words to a shell.
  if (program === 'watch') return walk.runCode(inner.join(' '), inside)
  if (program === 'sudo' && inner[0] === '-') return interactive(walk, program)
  return walk.runProgram(inner, inside)
}

function interactive(walk: Analysis, program: string): string {
  walk.opaque('interactive', program)
  return UNKNOWN
}

/** The words that arrive on its input become arguments. */
function runXargs(
  walk: CommandWalk,
  args: readonly string[],
  inner: readonly string[],
  how: Invocation,
): string {
  const own = args.slice(0, args.length - inner.length)
  const given = own.some((arg) => /^(?:-a|--arg-file)/.test(arg)) ? UNKNOWN : (how.stdin ?? UNKNOWN)
  const known = isLiteral(given)
  const at = own.findIndex((arg) => /^-[IJ]/.test(arg))
  const long = own.find((arg) => arg.startsWith('--replace'))
  const isParallel = how.via.at(-1) === 'parallel'
  const place =
    at === -1
      ? long !== undefined || own.includes('-i') || isParallel
        ? (long?.split('=')[1] ?? '{}')
        : undefined
      : own[at]!.length > 2
        ? own[at]!.slice(2)
        : own[at + 1]
  const inside = { ...how, stdin: '' }
  if (place !== undefined && place !== '' && (!isParallel || inner.some((arg) => arg.includes(place)))) {
    const lines = known
      ? given
          .split('\n')
          .filter((line) => line !== '')
          .slice(0, 16)
      : [given.includes('\u0006') ? '\u0006' : UNKNOWN]
    let out = ''
    for (const line of lines)
      out = walk.runProgram(
        inner.map((arg) => arg.replaceAll(place, line.trim())),
        inside,
      )
    return out
  }
  const words = known
    ? given
        .split(/\s+/)
        .filter((word) => word !== '')
        .map((word) => word.replaceAll(/^(['"])(.*)\1$/g, '$2'))
    : [given.includes('\u0006') ? '\u0006' : SPLIT]
  return walk.runProgram([...inner, ...words], inside)
}
