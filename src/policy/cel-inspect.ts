import type { ASTNode } from '@marcbachmann/cel-js'
import { ACTION_FIELDS, AGENT_FIELDS, LINEAR_MATCHES, measurePath, SCOPE_NAMES } from './cel-environment.ts'
import { parseDuration } from './duration.ts'
import { linearRegExp } from './linear-regexp.ts'
import { didYouMean } from './did-you-mean.ts'

/** One call of `history` or `history_all`. `path` is the number that `sum` adds up; `null` for `count`. */
export interface HistoryUse {
  readonly scope: 'agent' | 'all'
  readonly action: string
  readonly path: string | null
  readonly window: number
  readonly start: number
}

/** What an expression looks at. */
export interface Inspection {
  readonly history: readonly HistoryUse[]
  /** Names of `lists` that are used. */
  readonly lists: readonly string[]
  /** Root names that are used: `action`, `input`, … */
  readonly names: ReadonlySet<string>
}

type Lists = Readonly<Record<string, readonly string[]>>
type Refuse = (message: string, node: { readonly start: number; readonly end: number }) => never

const MACROS_WITH_VARIABLE: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])
const MAX_NESTED_MACROS = 2
const MEASURE = /^(?:[A-Za-z_$][\w$-]*)(?:\.[A-Za-z_$][\w$-]*)*$/

/**
 * Walks the expression before it is type-checked: finds what it looks at, refuses what could not be known when
 * the policy loads, and turns `matches` into the linear one. `refuse` must throw.
 */
export function inspect(root: ASTNode, lists: Lists, refuse: Refuse): Inspection {
  const history: HistoryUse[] = []
  const usedLists = new Set<string>()
  const names = new Set<string>()

  // The parser bounds the depth, so recursion is safe here.
  const visit = (node: ASTNode, bound: readonly string[], macros: number): void => {
    if (node.op === 'value') return
    if (node.op === 'id') return visitName(node, bound)
    if (node.op === 'call') return visitCall(node, bound, macros)
    if (node.op === 'rcall') return visitMethod(node, bound, macros)
    if (node.op === '.' || node.op === '[]') checkField(node, bound)
    for (const child of children(node)) visit(child, bound, macros)
  }

  const visitName = (node: ASTNode & { op: 'id' }, bound: readonly string[]): void => {
    if (bound.includes(node.args)) return
    if (TYPE_NAMES.has(node.args)) return
    if (!(SCOPE_NAMES as readonly string[]).includes(node.args))
      refuse(`there is no name ${node.args}${didYouMean(node.args, SCOPE_NAMES)}`, node)
    names.add(node.args)
  }

  const visitCall = (node: ASTNode & { op: 'call' }, bound: readonly string[], macros: number): void => {
    const [name, args] = node.args
    if (name === LINEAR_MATCHES) refuse(`there is no function ${name}`, node)
    if (name === 'matches') {
      if (args.length !== 2) refuse('matches() takes a text and a pattern', node)
      prepareMatches(node, args[1]!)
    }
    for (const arg of args) visit(arg, bound, macros)
  }

  const visitMethod = (node: ASTNode & { op: 'rcall' }, bound: readonly string[], macros: number): void => {
    const [name, receiver, args] = node.args
    if (receiver.op === 'id' && receiver.args === 'cel' && !bound.includes('cel'))
      refuse('cel.bind() is not available', node)
    if (receiver.op === 'id' && /^history(?:_all)?$/.test(receiver.args) && !bound.includes(receiver.args))
      history.push(historyUse(node, receiver.args === 'history' ? 'agent' : 'all', args, refuse))
    if (name === LINEAR_MATCHES) refuse(`there is no function ${name}`, node)
    if (name === 'matches' && args.length === 1) prepareMatches(node, args[0]!)
    visit(receiver, bound, macros)
    const variable = args[0]
    if (MACROS_WITH_VARIABLE.has(name) && args.length >= 2 && variable?.op === 'id') {
      if (macros >= MAX_NESTED_MACROS)
        refuse(
          `at most ${MAX_NESTED_MACROS} of all, exists, exists_one, map and filter inside each other`,
          node,
        )
      if (bound.includes(variable.args) || (SCOPE_NAMES as readonly string[]).includes(variable.args))
        refuse(`${variable.args} means something else already`, variable)
      for (const arg of args.slice(1)) visit(arg, [...bound, variable.args], macros + 1)
      return
    }
    for (const arg of args) visit(arg, bound, macros)
  }

  const prepareMatches = (node: ASTNode, pattern: ASTNode): void => {
    if (pattern.op !== 'value' || typeof pattern.args !== 'string')
      return refuse('the pattern of matches() must be written out as a string', pattern)
    try {
      linearRegExp(pattern.args)
    } catch (error) {
      refuse(`the pattern of matches() is not usable: ${(error as Error).message}`, pattern)
    }
    ;(node.args as unknown as string[])[0] = LINEAR_MATCHES
  }

  const checkField = (node: ASTNode & { op: '.' | '[]' }, bound: readonly string[]): void => {
    const [owner, key] = node.args
    const field = typeof key === 'string' ? key : key.op === 'value' ? key.args : undefined
    if (owner.op !== 'id' || bound.includes(owner.args) || typeof field !== 'string') return
    if (owner.args === 'action' && !Object.hasOwn(ACTION_FIELDS, field))
      refuse(`action has no ${field}${didYouMean(field, Object.keys(ACTION_FIELDS))}`, node)
    if (owner.args === 'agent' && !Object.hasOwn(AGENT_FIELDS, field))
      refuse(`agent has no ${field}${didYouMean(field, Object.keys(AGENT_FIELDS))}`, node)
    if (owner.args !== 'lists') return
    if (!Object.hasOwn(lists, field))
      refuse(`there is no list ${field}${didYouMean(field, Object.keys(lists))}`, node)
    usedLists.add(field)
  }

  visit(root, [], 0)
  return { history, lists: [...usedLists], names }
}

const TYPE_NAMES: ReadonlySet<string> = new Set([
  'bool',
  'bytes',
  'double',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'type',
  'uint',
])

function historyUse(
  node: ASTNode & { op: 'rcall' },
  scope: 'agent' | 'all',
  args: readonly ASTNode[],
  refuse: Refuse,
): HistoryUse {
  const name = node.args[0]
  const expected = name === 'count' ? ['action', 'window'] : ['action', 'path', 'window']
  if (name !== 'count' && name !== 'sum') refuse(`history has count and sum, not ${name}`, node)
  if (args.length !== expected.length) refuse(`history.${name} takes (${expected.join(', ')})`, node)
  const texts = args.map((arg) =>
    arg.op === 'value' && typeof arg.args === 'string'
      ? arg.args
      : refuse(`what history.${name} is given must be written out as a string`, arg),
  )
  const window = parseDuration(texts.at(-1))
  if (window === undefined || window === 0)
    return refuse(
      `the window of history.${name} must be a duration such as "10m" or "24h", not "${texts.at(-1)}"`,
      args.at(-1)!,
    )
  const path = name === 'sum' ? measurePath(texts[1]!) : null
  if (path !== null && !MEASURE.test(path))
    return refuse(
      'the path of history.sum must be a dotted path into the input, such as "input.amount"',
      args[1]!,
    )
  if (texts[0] === '') return refuse(`history.${name} needs the name of an action or a glob`, args[0]!)
  return { scope, action: texts[0]!, path, window, start: node.start }
}

function children(node: ASTNode): readonly ASTNode[] {
  if (node.op === 'map') return node.args.flat()
  if (Array.isArray(node.args)) return (node.args as unknown[]).filter(isNode)
  return isNode(node.args) ? [node.args] : []
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
