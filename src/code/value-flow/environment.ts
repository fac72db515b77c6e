import type { Variable } from '../flow-graph/functions.ts'
import { joinShapes, type Shapes } from './shapes.ts'
import { cleared, intersectCleared, join, type Label, PLAIN, type Taint, type Value } from './value.ts'

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
    return made
  }

  /** Becomes what is known after either of two ways. */
  become(a: Environment, b: Environment | null): void {
    if (b === null || b.dead) return this.#take(a)
    if (a.dead) return this.#take(b)
    this.dead = false
    if (a.#vars === b.#vars) this.#share(a)
    else {
      let both: Map<Variable, Value> | null = null
      for (const [variable, value] of b.#vars) {
        const other = a.#vars.get(variable)
        const joined = other === undefined ? value : join(other, value)
        if (joined !== other) (both ??= new Map(a.#vars)).set(variable, joined)
      }
      if (both === null) this.#share(a)
      else {
        this.#vars = both
        this.#shared = false
      }
    }
    this.safe = intersectCleared(a.safe, b.safe)
    this.shapes = joinShapes(a.shapes, b.shapes)
  }

  #take(other: Environment): void {
    this.dead = other.dead
    if (other === this) return
    this.#share(other)
    this.safe = other.safe === null ? null : new Map(other.safe)
    this.shapes = other.shapes === null ? null : new Map(other.shapes)
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
