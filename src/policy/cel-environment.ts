import { Environment } from '@marcbachmann/cel-js'
import { parseDuration } from './duration.ts'
import { linearRegExp } from './linear-regexp.ts'
import { mentions } from './mentions.ts'
import type { HistoryView } from './policy.ts'

/** Bounds of one expression; the library counts them while it parses. */
const EXPRESSION_LIMITS = {
  maxAstNodes: 1000,
  maxDepth: 40,
  maxListElements: 500,
  maxMapEntries: 100,
  maxCallArguments: 8,
} as const

/** Characters of one expression. */
export const MAX_EXPRESSION_LENGTH = 8000

/** The name under which `matches` runs in linear time; the library's own would run the backtracking engine. */
export const LINEAR_MATCHES = 'belayMatches'

/** `history` and `history_all` in an expression. */
export class History {
  readonly view: HistoryView
  readonly scope: 'agent' | 'all'

  constructor(view: HistoryView, scope: 'agent' | 'all') {
    this.view = view
    this.scope = scope
  }
}

/** `action` in an expression. A value that is not known is absent, so that `has()` tells. */
export class ActionScope {
  readonly name: string
  readonly agent: string
  readonly session: string
  readonly reason: string
  readonly confidence: number | undefined
  readonly cost_usd: number | undefined
  readonly effect: string

  constructor(action: {
    readonly name: string
    readonly agent: string
    readonly session: string
    readonly reason: string
    readonly confidence: number
    readonly cost_usd: number
    readonly effect: string
  }) {
    this.name = action.name
    this.agent = action.agent
    this.session = action.session
    this.reason = action.reason
    this.confidence = Number.isFinite(action.confidence) ? action.confidence : undefined
    this.cost_usd = Number.isFinite(action.cost_usd) ? action.cost_usd : undefined
    this.effect = action.effect
  }
}

/** `agent` in an expression. */
export class AgentScope {
  readonly name: string
  readonly state: string

  constructor(agent: { readonly name: string; readonly state: string }) {
    this.name = agent.name
    this.state = agent.state
  }
}

export const ACTION_FIELDS = {
  name: 'string',
  agent: 'string',
  session: 'string',
  reason: 'string',
  confidence: 'double',
  cost_usd: 'double',
  effect: 'string',
} as const

export const AGENT_FIELDS = { name: 'string', state: 'string' } as const

/** The root names of an expression. */
export const SCOPE_NAMES = [
  'action',
  'input',
  'result',
  'agent',
  'lists',
  'history',
  'history_all',
  'now',
] as const

/** The CEL environment of conditions; building it is dear, so there is one. */
export const environment: Environment = buildEnvironment()

function buildEnvironment(): Environment {
  const env = new Environment({ homogeneousAggregateLiterals: false, limits: EXPRESSION_LIMITS })
  env.registerType('belay.Action', { ctor: ActionScope, fields: ACTION_FIELDS })
  env.registerType('belay.Agent', { ctor: AgentScope, fields: AGENT_FIELDS })
  env.registerType('History', { ctor: History, fields: {} })
  env.registerVariable('action', 'belay.Action')
  env.registerVariable('agent', 'belay.Agent')
  env.registerVariable('input', 'map<string, dyn>')
  env.registerVariable('result', 'dyn')
  env.registerVariable('lists', 'map<string, list<string>>')
  env.registerVariable('history', 'History')
  env.registerVariable('history_all', 'History')
  env.registerVariable('now', 'google.protobuf.Timestamp')
  registerMixedArithmetic(env)

  const sync = { async: false }
  env.registerFunction(
    'History.count(string, string): int',
    ({ view, scope }: History, name: string, window: string) =>
      BigInt(counted(view.count(scope, name, windowOf(window)))),
    sync,
  )
  env.registerFunction(
    'History.sum(string, string, string): double',
    ({ view, scope }: History, name: string, path: string, window: string) =>
      finite(view.sum(scope, name, measurePath(path), windowOf(window))),
    sync,
  )
  env.registerFunction('mentions(string, list): bool', mentions, sync)
  const matches = (text: string, pattern: string) => linearRegExp(pattern).test(text)
  env.registerFunction(`${LINEAR_MATCHES}(string, string): bool`, matches, sync)
  env.registerFunction(`string.${LINEAR_MATCHES}(string): bool`, matches, sync)
  return env
}

const windows = new Map<string, number>()

/** Windows are literals that have been read before, so there are few. */
function windowOf(text: string): number {
  const known = windows.get(text)
  if (known !== undefined) return known
  const read = parseDuration(text)!
  if (windows.size >= 200) windows.clear()
  windows.set(text, read)
  return read
}

/** The path of a measure, which always begins with `input.`: measures are numbers of the input. */
export function measurePath(path: string): string {
  return path.startsWith('input.') ? path : `input.${path}`
}

// JSON has one kind of number, CEL has two and does not mix them: `input.amount + 1` would be an error.
function registerMixedArithmetic(env: Environment): void {
  const operators = {
    '+': (a: number, b: number) => a + b,
    '-': (a: number, b: number) => a - b,
    '*': (a: number, b: number) => a * b,
    '/': (a: number, b: number) => a / b,
    '%': (a: number, b: number) => a % b,
  }
  for (const [operator, compute] of Object.entries(operators)) {
    env.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => compute(a, Number(b)))
    env.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => compute(Number(a), b))
  }
  env.registerOperator('double % double: double', (a: number, b: number) => a % b)
  // oxlint-disable-next-line eqeqeq -- a bigint and a number are equal only loosely
  env.registerOperator('int == double: bool', (a: bigint, b: number) => (a as unknown) == b)
}

function counted(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new Error('history.count() gave no whole number')
}

function finite(sum: number): number {
  if (Number.isFinite(sum)) return sum
  throw new Error('history.sum() gave no finite number')
}
