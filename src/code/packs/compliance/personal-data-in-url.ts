import type { Expression, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import type { Hit, Rule } from '../rule.ts'
import type { Category } from './inventory/entity.ts'
import { disclosed } from './told-personal.ts'

/** A name in an address of an avatar tells little; places are what maps are asked for. */
const USUAL: ReadonlySet<Category> = new Set<Category>(['name', 'location', 'IP address', 'user agent'])

export const PERSONAL_DATA_IN_URL: Rule = {
  info: {
    id: 'compliance/personal-data-in-url',
    title: 'Personal data in an address',
    cwe: 'CWE-598',
    tags: ['GDPR Art. 5(1)(f)', 'GDPR Art. 32', 'CCPA §1798.100(e)', 'SOC 2 CC6.7'],
    severity: 'warning',
    help: 'Put an id or an opaque token into the address, or send the data in the body of a POST: addresses stay in histories, logs of proxies and Referer headers.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test || !/[?&][\w.[\]-]+=|searchParams/.test(module.text)) continue
      for (const within of module.functions)
        for (const node of nodesIn(...within.body)) {
          if (node.kind === 'template' && node.tag === null) yield* inTemplate(node, within, effects)
          else if (node.kind === 'binary' && node.operator === '+') yield* inSum(node, within, effects)
          else if (
            node.kind === 'call' &&
            node.callee.kind === 'member' &&
            /^(?:set|append)$/.test(node.callee.property ?? '')
          ) {
            const { object } = node.callee
            if (object.kind === 'member' && object.property === 'searchParams' && node.args[1] !== undefined)
              yield* told([node.args[1]], node, within, effects)
          }
        }
    }
  },
}

function* inTemplate(node: Template, within: FunctionInfo, effects: Effects): Iterable<Hit> {
  if (/^(?:mailto|tel|sms|postgres\w*|mysql|mongodb\S*|redis):/.test(node.parts[0] ?? '')) return
  const values = node.values.filter((_, index) => isQuery(node.parts[index] ?? ''))
  if (values.length > 0) yield* told(values, node, within, effects)
}

function isQuery(before: string): boolean {
  return /[?&][\w.[\]-]+=$/.test(before)
}

function* inSum(
  node: Extract<Expression, { kind: 'binary' }>,
  within: FunctionInfo,
  effects: Effects,
): Iterable<Hit> {
  const before =
    node.left.kind === 'literal'
      ? node.left
      : node.left.kind === 'binary' && node.left.right.kind === 'literal'
        ? node.left.right
        : null
  if (before !== null && typeof before.value === 'string' && isQuery(before.value))
    yield* told([node.right], node, within, effects)
}

function* told(
  values: readonly Expression[],
  node: Expression,
  within: FunctionInfo,
  effects: Effects,
): Iterable<Hit> {
  for (const each of disclosed(values, within, node, effects, { ignore: USUAL }))
    yield {
      module: each.module,
      span: each.span,
      path: each.path,
      message: `${each.what} becomes part of an address.`,
    }
}
