import type { Analysis } from './analysis.ts'
import type {
  Hazard,
  HazardKind,
  HostUse,
  Opaque,
  OpaqueKind,
  PathRole,
  PathUse,
  ShellCommand,
} from './facts.ts'
import { resolvePath } from './paths.ts'
import type { Scope } from './scope.ts'

/** A line that asks for more is not read to its end. */
export class TooMuch extends Error {}

const MAX_STEPS = 2_000
const MAX_DEPTH = 192
/** Characters of nested scripts that are parsed; each level of nesting parses its own again. */
const MAX_NESTED_TEXT = 300_000
const MAX_FACTS = 1_000

/** Collects what is found and counts what finding it took. One object a line. */
export class FactCollector {
  readonly commands: ShellCommand[] = []
  readonly paths = new Map<string, PathUse>()
  readonly hosts = new Map<string, HostUse>()
  readonly unknowns = new Map<string, Opaque>()
  readonly hazards = new Map<string, Hazard>()
  readonly files: Analysis['files'] = new Map()
  readonly links = new Map<string, string>()
  #steps = 0
  #depth = 0
  #nestedText = 0

  usePath(role: PathRole, written: string, program: string, scope: Scope, recursive = false): void {
    for (const path of this.places(written, scope)) {
      if (this.paths.size >= MAX_FACTS) throw new TooMuch()
      this.paths.set(`${role}\n${path}\n${program}\n${recursive}`, { role, path, program, recursive })
    }
  }

  useHost(host: string, program: string): void {
    if (this.hosts.size >= MAX_FACTS) throw new TooMuch()
    this.hosts.set(`${host}\n${program}`, { host, program })
  }

  opaque(what: OpaqueKind, program: string): void {
    this.unknowns.set(`${what}\n${program}`, { what, program })
  }

  hazard(kind: HazardKind, program: string): void {
    this.hazards.set(`${kind}\n${program}`, { kind, program })
  }

  places(written: string, scope: Scope): readonly string[] {
    return scope.cwd.map((cwd) => {
      let path = resolvePath(cwd, written)
      for (let hops = 0; hops < 8 && this.links.size > 0; hops++) {
        const link = [...this.links.keys()].find((each) => path === each || path.startsWith(`${each}/`))
        if (link === undefined) break
        path = resolvePath(cwd, this.links.get(link)! + path.slice(link.length))
      }
      return path
    })
  }

  /** Throws `TooMuch` when the text of nested scripts, which is parsed again at each level, becomes too long. */
  protected readNested(length: number): void {
    this.#nestedText += length
    if (this.#nestedText > MAX_NESTED_TEXT) throw new TooMuch()
  }

  protected step(): void {
    this.#steps++
    if (this.#steps > MAX_STEPS || this.commands.length > MAX_FACTS) throw new TooMuch()
  }

  protected deeper<T>(work: () => T): T {
    this.#depth++
    if (this.#depth > MAX_DEPTH) throw new TooMuch()
    try {
      return work()
    } finally {
      this.#depth--
    }
  }
}
