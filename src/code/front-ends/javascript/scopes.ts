import type { Name } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'

/** Names of one block or function. `functional` scopes take `var`s of the blocks in them. */
export interface Scope {
  readonly parent: Scope | null
  readonly owner: FunctionInfo
  readonly functional: boolean
  names: Map<string, Variable> | null
}

interface Use {
  readonly name: Name
  readonly scope: Scope
  readonly write: boolean
}

/** Binds names to variables. Uses are kept until the file is read, as functions and `var`s are hoisted. */
export class Binder {
  #uses: Use[] = []

  declare(scope: Scope, name: string, kind: Variable['kind'], at: number, type: string | null): Variable {
    let target = scope
    if (kind === 'var') while (!target.functional && target.parent !== null) target = target.parent
    target.names ??= new Map()
    const known = target.names.get(name)
    if (known !== undefined) {
      known.assigned++
      known.type ??= type
      return known
    }
    const variable: Variable = {
      name,
      kind,
      owner: target.owner,
      at,
      assigned: 0,
      captured: false,
      type,
    }
    target.names.set(name, variable)
    ;(target.owner.variables as Variable[]).push(variable)
    return variable
  }

  use(scope: Scope, name: Name, write: boolean): void {
    this.#uses.push({ name, scope, write })
  }

  /** Call once, after the whole file. */
  bind(): void {
    for (const { name, scope, write } of this.#uses) {
      const variable = find(scope, name.name)
      if (variable === null) continue
      name.variable = variable
      if (variable.owner !== scope.owner) variable.captured = true
      if (write) variable.assigned++
      if (write && variable.owner !== scope.owner) variable.writtenInside = true
    }
    this.#uses = []
  }

  find(scope: Scope, name: string): Variable | null {
    return find(scope, name)
  }
}

function find(from: Scope, name: string): Variable | null {
  for (let scope: Scope | null = from; scope !== null; scope = scope.parent) {
    const variable = scope.names?.get(name)
    if (variable !== undefined) return variable
  }
  return null
}
