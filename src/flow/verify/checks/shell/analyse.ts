import { parse } from 'unbash'
import type { Opaque, PathUse, ShellFacts } from './facts.ts'
import { TooMuch } from './fact-collector.ts'
import { holdsControlCharacters, UNKNOWN } from './marks.ts'
import { pathHazard } from './path-hazards.ts'
import { resolvePath } from './paths.ts'
import { openScope } from './scope.ts'
import { CommandWalk } from './walk-commands.ts'

/** Longer lines are not read: nobody types them. */
const MAX_COMMAND = 128 * 1024

export interface Surroundings {
  /** Where the line starts, absolute; `null` when nobody knows. */
  readonly cwd: string | null
  /** Where a path really leads, for those who share a file system with the shell. Must not throw. */
  readonly follow?: (path: string) => string
}

/**
 * What a command line does, found by following it as bash would, without running anything. Never throws; its time is
 * bounded by the length of the line. What cannot be known is in `opaque`, what is plainly dangerous in `hazards`.
 */
export function analyseCommand(command: string, { cwd, follow }: Surroundings = { cwd: null }): ShellFacts {
  if (command.length > MAX_COMMAND) return unread('it is too long to be read')
  if (holdsControlCharacters(command)) return unread('it holds control characters')
  const walk = new CommandWalk()
  let why: string | null = null
  try {
    const script = parse(command)
    if (script.errors !== undefined && script.errors.length > 0)
      why = 'it is not a command line that bash would read'
    else
      walk.walkScript(script, {
        scope: openScope(cwd === null ? '.' : resolvePath('/', cwd)),
        stdin: null,
        via: [],
      })
  } catch (error) {
    // Deep nesting ends in a full stack; anything else that breaks here is no reason to let the line through.
    why =
      error instanceof TooMuch || error instanceof RangeError
        ? 'it does more than can be followed'
        : 'it could not be followed'
  }
  const paths = [...walk.paths.values()].flatMap((use) => withTarget(use, follow))
  const hazards = new Map(walk.hazards)
  const opaque = new Map<string, Opaque>(walk.unknowns)
  for (const use of paths) {
    const hazard = pathHazard(use, cwd)
    if (hazard !== undefined) hazards.set(`${hazard.kind}\n${hazard.program}`, hazard)
    if (use.role !== 'read' && use.path.includes(UNKNOWN)) {
      const what = use.role === 'delete' ? 'deletes' : 'writes'
      opaque.set(`${what}\n${use.program}`, { what, program: use.program })
    }
  }
  return {
    commands: walk.commands,
    paths,
    hosts: [...walk.hosts.values()],
    opaque: [...opaque.values()],
    hazards: [...hazards.values()],
    unread: why,
  }
}

/** The path as written and, where that is elsewhere, the one that it leads to. */
function withTarget(use: PathUse, follow: Surroundings['follow']): readonly PathUse[] {
  if (follow === undefined || !use.path.startsWith('/')) return [use]
  const target = follow(use.path)
  return target === use.path ? [use] : [use, { ...use, path: target }]
}

function unread(why: string): ShellFacts {
  return { commands: [], paths: [], hosts: [], opaque: [], hazards: [], unread: why }
}
