import type { Function as FunctionNode } from 'unbash'
import type { Invocation } from './analysis.ts'
import { UNKNOWN } from './marks.ts'

/** What a shell knows at one point of the line. */
export interface Scope {
  /** Where it may stand, as far as the line tells; several after commands that may not have run. */
  cwd: readonly string[]
  readonly vars: Map<string, string | readonly string[]>
  readonly functions: Map<string, readonly FunctionNode['body'][]>
  readonly aliases: Map<string, string>
  /** `$1` …; `null`: those of the shell that the line is given to. */
  positional: readonly string[] | null
}

const MAX_PLACES = 4

export function openScope(cwd: string): Scope {
  return { cwd: [cwd], vars: new Map(), functions: new Map(), aliases: new Map(), positional: null }
}

/** A subshell: sees all, changes nothing outside. */
export function subshell(scope: Scope): Scope {
  return {
    cwd: scope.cwd,
    vars: new Map(scope.vars),
    functions: new Map(scope.functions),
    aliases: new Map(scope.aliases),
    positional: scope.positional,
  }
}

/** Either of the two may be what is: keeps what both agree on. Changes `scope`. */
export function mergeInto(scope: Scope, other: Scope): void {
  const places = [...new Set([...scope.cwd, ...other.cwd])]
  scope.cwd = places.length > MAX_PLACES ? [UNKNOWN] : places
  for (const name of new Set([...scope.vars.keys(), ...other.vars.keys()])) {
    if (!same(scope.vars.get(name), other.vars.get(name))) scope.vars.set(name, UNKNOWN)
  }
  for (const [name, bodies] of other.functions) {
    const known = scope.functions.get(name) ?? []
    scope.functions.set(name, [...new Set([...known, ...bodies])])
  }
  for (const [name, text] of other.aliases) if (!scope.aliases.has(name)) scope.aliases.set(name, text)
}

/** Marks as unknown what differs between two moments; `true` when anything did. Changes `scope`. */
export function blurWhatChanged(scope: Scope, before: Scope): boolean {
  let changed = false
  if (scope.cwd.join('\n') !== before.cwd.join('\n')) {
    scope.cwd = [UNKNOWN]
    changed = true
  }
  for (const [name, value] of scope.vars) {
    if (same(value, before.vars.get(name))) continue
    scope.vars.set(name, UNKNOWN)
    changed = true
  }
  return changed
}

function same(a: string | readonly string[] | undefined, b: string | readonly string[] | undefined): boolean {
  return a === b || (Array.isArray(a) && Array.isArray(b) && a.join('\n') === b.join('\n'))
}

/** How a command is started inside another one. */
export function inside(how: Invocation, program: string, stdin: string | null = ''): Invocation {
  return { ...how, scope: subshell(how.scope), stdin, via: [...how.via, program] }
}
