import type { Variable } from '../flow-graph/functions.ts'
import { joinShapes, type Shapes } from './shapes.ts'
import { cleared, intersectCleared, join, type Label, PLAIN, type Taint, type Value } from './value.ts'

const OWN_LIMIT = 64

/**
 * What is known at one point of a function: values of variables, and labels that checks have made safe. Forks share
 * what they know until one of them writes: most branches of a program assign nothing.
 */
export class Environment {
  #vars: Map<Variable, Value>
  /** Others read the same map. */
  #shared = false
  safe: Map<Label, number> | null
  /** What lists and dictionaries hold that nobody else has got hold of; null while there are none. */
  shapes: Shapes | null = null
  /** Pairs of an object and a key that is its own, by their numbers. */
  own: Set<string> | null = null
  /** Nothing runs here any more: after return, throw, break or continue. */
  dead = false

  constructor(vars = new Map<Variable, Value>(), safe: Map<Label, number> | null = null) {
    this.#vars = vars
    this.safe = safe
  }

  get(variable: Variable): Value | undefined {
    return this.#vars.get(variable)
  }

  set(variable: Variable, value: Value): void {
    if (this.#shared) {
      this.#vars = new Map(this.#vars)
      this.#shared = false
    }
    this.#vars.set(variable, value)
  }

  fork(): Environment {
    this.#shared = true
    const made = new Environment(this.#vars, this.safe === null ? null : new Map(this.safe))
    made.#shared = true
    made.dead = this.dead
    if (this.shapes !== null) made.shapes = new Map(this.shapes)
    made.own = this.own === null ? null : new Set(this.own)
    return made
  }

  /** Becomes what is known after either of two ways. */
  become(a: Environment, b: Environment | null): void {
    if (b === null || b.dead) return this.#take(a)
    if (a.dead) return this.#take(b)
    this.dead = false
    const safe = intersectCleared(a.safe, b.safe)
    // What one way alone has checked holds for the values that variables have on it.
    const [onA, onB] = [a.#beyond(safe), b.#beyond(safe)]
    if (a.#vars === b.#vars && onA === null && onB === null) this.#share(a)
    else {
      let both: Map<Variable, Value> | null = null
      if (onA !== null)
        for (const [variable, value] of a.#vars) {
          const checked = onA.checked(value)
          if (checked !== value) (both ??= new Map(a.#vars)).set(variable, checked)
        }
      for (const [variable, value] of b.#vars) {
        const other = (both ?? a.#vars).get(variable)
        const checked = onB === null ? value : onB.checked(value)
        const joined = other === undefined ? checked : join(other, checked)
        if (joined !== other) (both ??= new Map(a.#vars)).set(variable, joined)
      }
      if (both === null) this.#share(a)
      else {
        this.#vars = both
        this.#shared = false
      }
    }
    this.safe = safe
    this.shapes = joinShapes(a.shapes, b.shapes)
    const { own } = b
    this.own = a.own === null || own === null ? null : new Set([...a.own].filter((each) => own.has(each)))
  }

  /** Itself, when it knows of checks that these are not. */
  #beyond(shared: ReadonlyMap<Label, number> | null): Environment | null {
    for (const [label, mask] of this.safe ?? []) if ((mask & ~(shared?.get(label) ?? 0)) !== 0) return this
    return null
  }

  markOwn(pair: string): void {
    this.own ??= new Set()
    if (this.own.size < OWN_LIMIT) this.own.add(pair)
  }

  isOwn(pair: string): boolean {
    return this.own !== null && this.own.has(pair)
  }

  #take(other: Environment): void {
    this.dead = other.dead
    if (other === this) return
    this.#share(other)
    this.safe = other.safe === null ? null : new Map(other.safe)
    this.shapes = other.shapes === null ? null : new Map(other.shapes)
    this.own = other.own === null ? null : new Set(other.own)
  }

  #share(other: Environment): void {
    if (other.#vars === this.#vars) return
    other.#shared = true
    this.#shared = true
    this.#vars = other.#vars
  }

  markSafe(label: Label, mask: number): void {
    if (mask === 0) return
    this.safe ??= new Map()
    this.safe.set(label, (this.safe.get(label) ?? 0) | mask)
  }

  /** The value without the dangers that checks on the way here have excluded. */
  checked(value: Value): Value {
    if (this.safe === null || value.taints.length === 0) return value
    let changed = false
    const taints: Taint[] = []
    for (const taint of value.taints) {
      const mask = taint.mask & ~this.#safeFor(taint.label)
      if (mask === taint.mask) taints.push(taint)
      else {
        changed = true
        if (mask !== 0) taints.push({ ...taint, mask })
      }
    }
    return changed ? { ...value, taints } : value
  }

  #safeFor(label: Label): number {
    let mask = 0
    for (let each: Label | null = label; each !== null; each = each.parent) mask |= this.safe?.get(each) ?? 0
    return mask
  }

  clearVariable(variable: Variable, mask: number): void {
    const value = this.#vars.get(variable)
    if (value !== undefined && value !== PLAIN) this.set(variable, cleared(value, mask))
  }
}
