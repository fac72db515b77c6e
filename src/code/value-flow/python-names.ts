import type { FunctionInfo } from '../flow-graph/functions.ts'
import { PYTHON } from '../models/python.ts'
import type { Analysis } from './analysis.ts'
import { PART, type Run } from './run.ts'
import { type ApiRef, refValue, type Value } from './value.ts'

/** What `a.b` is outside of the program: the package `a`, and `.b` of it. */
export function pythonApi(analysis: Analysis, dotted: string): Value {
  const [root = '', ...rest] = dotted.split('.')
  return refValue(analysis.api(PYTHON + root, rest.map((each) => `.${each}`).join('')))
}

const PACKAGES = new WeakMap<Analysis, ReadonlySet<string>>()

/** `package.module` where nobody imports the module by that name, but it is one of the program. */
export function pythonSubmodule(run: Run, ref: ApiRef, field: string): Value | null {
  const { analysis } = run
  let packages = PACKAGES.get(analysis)
  if (packages === undefined)
    PACKAGES.set(
      analysis,
      (packages = new Set(analysis.modules.flatMap(({ path }) => path.split('/').slice(0, -1)))),
    )
  const root = ref.package.slice(PYTHON.length)
  if (!packages.has(root) || !/^(?:\.\w+)*$/.test(ref.chain)) return null
  const dotted = `${root}${ref.chain}.${field}`
  // A module may go by its own name.
  if (`/${run.module.path}`.endsWith(`/${dotted.replaceAll('.', '/')}.py`))
    return refValue(analysis.moduleObject(run.module).exports)
  const found = PART.required(run, dotted)
  return found.refs.some((each) => each.kind === 'object') ? found : null
}

/** What of the request is the same each time: the path of a view that has but one. */
export function pythonFixed(run: Run, ref: ApiRef, field: string): boolean {
  if (!/^(?:path|full_path|base_url|url_rule|endpoint)$/.test(field) || field === 'full_path') return false
  if (!/^py\.(?:flask|quart)\.request$/.test(ref.package + ref.chain)) return false
  const routes = routesOf(run.fn)
  return routes.length > 0 && routes.every((each) => each !== null && !/[<{]/.test(each))
}

const ROUTE = /(?:^|\.)(?:route|get|post|put|patch|delete|options|head|api_route|websocket|before_request)$/

/** The path of a function that a framework calls; null when it is none. */
export function routeOf(fn: FunctionInfo): string | null {
  return routesOf(fn).find((each) => each !== null) ?? null
}

function routesOf(fn: FunctionInfo): readonly (string | null)[] {
  const routes: (string | null)[] = []
  for (const each of fn.decorators) {
    if (each.kind !== 'call' || each.callee.kind !== 'member' || !ROUTE.test(each.callee.property ?? ''))
      continue
    const [path] = each.args
    routes.push(path?.kind === 'literal' && typeof path.value === 'string' ? path.value : null)
  }
  return routes
}
