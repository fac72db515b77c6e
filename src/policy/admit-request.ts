import { globMatches } from '../action/glob.ts'
import type { JsonObject } from '../action/json.ts'
import type { EgressRule } from './compile-egress.ts'
import type { ActionRule, Policy } from './policy.ts'

/** Of one request, as its action says it. `method`: upper case; `path` without the query. */
export interface Destination {
  readonly method: string
  readonly host: string
  readonly path: string
}

/** What `input.via` says of requests from a sandbox: nothing admits them but the agent's `egress`. */
export const BY_EGRESS = 'egress'

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const METHOD_ACTION = /^http\.([A-Z]{1,20})$/
/** Downloads and streams are long. */
const TIMEOUT = 600_000

/** The method of an action that is an HTTP request; `undefined` for other actions. */
export function methodOf(action: string): string | undefined {
  return action.startsWith('http.') ? METHOD_ACTION.exec(action)?.[1] : undefined
}

/** The entry of the agent's `egress` by which an HTTP request is admitted. */
export function admittedBy(
  policy: Pick<Policy, 'agent'>,
  agent: string,
  action: string,
  input: JsonObject,
): EgressRule | undefined {
  const method = methodOf(action)
  if (method === undefined) return undefined
  const { host, path } = input
  if (typeof host !== 'string' || typeof path !== 'string') return undefined
  return egressRuleFor(policy.agent(agent)?.egress, { method, host, path })
}

/** The first entry that admits the request. */
export function egressRuleFor(
  rules: readonly EgressRule[] | null | undefined,
  { method, host, path }: Destination,
): EgressRule | undefined {
  return rules?.find(
    (rule) =>
      (rule.methods === null || rule.methods.has(method)) &&
      hostMatches(rule.labels, host) &&
      (rule.paths === null || rule.paths.some((pattern) => pathMatches(pattern, path))),
  )
}

/** Whether the host (lower case) fits the pattern, label by label; `*` as first label stands for one or more. */
export function hostMatches(pattern: readonly string[], host: string): boolean {
  if (pattern.length === 1 && pattern[0] === '*') return true
  const labels = host.split('.')
  const open = pattern[0] === '*'
  if (open ? labels.length < pattern.length : labels.length !== pattern.length) return false
  for (let i = 1; i <= pattern.length - (open ? 1 : 0); i++) {
    const label = pattern[pattern.length - i]!
    const name = labels[labels.length - i]!
    if (label !== name && !(label.includes('*') && globMatches(label, name))) return false
  }
  return true
}

/** `*` stands for a run of characters in one segment, `**` for any. At most pattern × path steps. */
export function pathMatches(pattern: string, path: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return pattern === path
  if (!path.startsWith(pattern.slice(0, star))) return false
  if (pattern.endsWith('**') && star === pattern.length - 2) return true
  // reached[i]: what was read of the pattern so far can stand for the first i characters of the rest.
  const rest = path.slice(star)
  let reached = new Uint8Array(rest.length + 1)
  reached[0] = 1
  for (let p = star; p < pattern.length; p++) {
    const next = new Uint8Array(rest.length + 1)
    const any = pattern[p] === '*' && pattern[p + 1] === '*'
    for (let i = 0; i <= rest.length; i++) {
      if (pattern[p] !== '*') next[i] = i > 0 && reached[i - 1] === 1 && rest[i - 1] === pattern[p] ? 1 : 0
      else if (reached[i] === 1 || (i > 0 && next[i - 1] === 1 && (any || rest[i - 1] !== '/'))) next[i] = 1
    }
    if (any) p++
    reached = next
  }
  return reached[rest.length] === 1
}

const builtIn = (effect: ActionRule['effect']): ActionRule =>
  Object.freeze({
    pattern: 'http.*',
    effect,
    input: null,
    checks: [],
    approvals: [],
    undo: null,
    cost: 0,
    timeout: TIMEOUT,
    startWithin: 300_000,
    subjects: null,
    usesHistory: false,
    result: null,
    heal: null,
    approvalWait: 120_000,
    risk: null,
    standing: false,
    breakGlass: [],
  })

const READ_RULE = builtIn('read')
const WRITE_RULE = builtIn('write')

/** The lookup with what holds for requests that no entry of `actions` matches; `egress` alone admits those. */
export function withRequests(
  lookup: (name: string) => ActionRule | undefined,
): (name: string) => ActionRule | undefined {
  return (name) => {
    const rule = lookup(name)
    if (rule !== undefined) return rule
    const method = methodOf(name)
    return method === undefined ? undefined : READS.has(method) ? READ_RULE : WRITE_RULE
  }
}

/** Whether the file has no entry for the action. */
export function isBuiltIn(rule: ActionRule | undefined): boolean {
  return rule === READ_RULE || rule === WRITE_RULE
}
