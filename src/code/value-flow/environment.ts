import type { Variable } from '../flow-graph/functions.ts'
import { cleared, intersectCleared, join, type Label, PLAIN, type Taint, type Value } from './value.ts'

/** What is known at one point of a function: values of variables, and labels that checks have made safe. */
export class Environment {
  readonly vars: Map<Variable, Value>
  safe: Map<Label, number> | null
  /** Nothing runs here any more: after return, throw, break or continue. */
  dead = false

  constructor(vars = new Map<Variable, Value>(), safe: Map<Label, number> | null = null) {
    this.vars = vars
    this.safe = safe
  }

  fork(): Environment {
    const made = new Environment(new Map(this.vars), this.safe === null ? null : new Map(this.safe))
    made.dead = this.dead
    return made
  }

  /** Becomes what is known after either of two ways. */
  become(a: Environment, b: Environment | null): void {
    if (b === null || b.dead) return this.#take(a)
    if (a.dead) return this.#take(b)
    this.dead = false
    const both = new Map(a.vars)
    for (const [variable, value] of b.vars) {
      const other = both.get(variable)
      both.set(variable, other === undefined ? value : join(other, value))
    }
    this.#replace(both)
    this.safe = intersectCleared(a.safe, b.safe)
  }

  #take(other: Environment): void {
    this.dead = other.dead
    if (other === this) return
    this.#replace(new Map(other.vars))
    this.safe = other.safe === null ? null : new Map(other.safe)
  }

  #replace(vars: Map<Variable, Value>): void {
    this.vars.clear()
    for (const [variable, value] of vars) this.vars.set(variable, value)
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
    const value = this.vars.get(variable)
    if (value !== undefined && value !== PLAIN) this.vars.set(variable, cleared(value, mask))
  }
}
