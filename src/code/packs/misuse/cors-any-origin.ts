import type { Effects } from '../../effects/effects.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Module, textOf } from '../../flow-graph/module.ts'
import type { Hit, Rule } from '../rule.ts'
import { codeOf, conditionsAround, constantOf, modulesWith, objectsWith, optionOf } from './calls.ts'

export const CORS_ANY_ORIGIN: Rule = {
  info: {
    id: 'misuse/cors-any-origin',
    title: 'Every site may act in the name of its visitors',
    cwe: 'CWE-942',
    tags: ['OWASP A05:2021', 'CWE-346'],
    severity: 'warning',
    help: 'Name the origins that may send credentials in a list, and compare the whole origin with it.',
  },
  *find(effects) {
    for (const module of modulesWith(effects, /credentials|Allow-Credentials/i)) {
      for (const written of objectsWith(module, 'credentials')) {
        if (constantOf(effects, written.value, written.within) !== true) continue
        const origin = optionOf(effects, written, 'origin')
        if (origin === null || origin === 'unknown' || !takesAll(effects, origin.value, origin.within))
          continue
        if (
          conditionsAround(effects, written.within, written.around).some((each) =>
            /NODE_ENV|dev|local|test|env\b/i.test(each),
          )
        )
          continue
        yield {
          module,
          span: origin.value,
          message:
            'Any origin is allowed, with the cookies of the visitor: another site can read what this one shows them.',
        }
      }
      yield* byHand(effects, module.functions)
      yield* asHeaders(effects, module)
    }
  },
}

function takesAll(effects: Effects, origin: Expression, within: FunctionInfo): boolean {
  const constant = constantOf(effects, origin, within)
  if (constant === true || constant === '*') return true
  const target = origin.kind === 'function' ? origin.function : effects.origins.of(origin, within).function
  if (target === null) return false
  // It looks at the origin, in whatever way.
  const code = codeOf(target)
  if (
    /\bif\b|\?(?!\.|\?)|&&|\|\||includes|indexOf|some\(|has\(|test\(|match|===|endsWith|startsWith|await/.test(
      code,
    )
  )
    return false
  const [first] = target.params
  const name = first?.pattern.kind === 'name' ? first.pattern.name : ''
  return (
    /\(\s*(?:null|undefined)\s*,\s*true\s*\)/.test(code) ||
    (name !== '' && new RegExp(`(?:=>\\s*|return\\s+|null\\s*,\\s*)${name}\\b`).test(code))
  )
}

const LOOKED_AT =
  /(?:includes|indexOf|has|test|some|find|isAllowed\w*|match|endsWith|startsWith)\(|origin\s*[!=]==?\s*|[!=]==?\s*\w*origin|allowed\w*\[|switch\s*\(\s*origin/i

/** The headers set by hand: the origin that asks is given back, and nothing compares it. */
function* byHand(effects: Effects, functions: readonly FunctionInfo[]): Generator<Hit> {
  for (const within of functions) {
    let origin: { node: Expression; value: Expression } | null = null
    let credentials = false
    for (const { node } of effects.bindings.calls.get(within) ?? []) {
      if (node.kind !== 'call' || node.callee.kind !== 'member') continue
      const [name, value] = node.args
      if (name?.kind !== 'literal' || typeof name.value !== 'string' || value === undefined) continue
      if (/^access-control-allow-origin$/i.test(name.value)) origin = { node, value }
      if (/^access-control-allow-credentials$/i.test(name.value) && /true/.test(textOf(within.module, value)))
        credentials = true
    }
    if (origin === null || !credentials) continue
    const code = codeOf(within)
    if (!isOriginOfRequest(effects, origin.value, within)) continue
    // Somewhere the origin is looked at.
    if (LOOKED_AT.test(code)) continue
    yield {
      module: within.module,
      span: origin.node,
      message:
        'Whatever origin asks is allowed, with the cookies of the visitor: another site can read what this one shows them.',
    }
  }
}

/** `headers: { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' }`. */
function* asHeaders(effects: Effects, module: Module): Generator<Hit> {
  for (const written of objectsWith(module, 'Access-Control-Allow-Credentials')) {
    if (String(constantOf(effects, written.value, written.within)) !== 'true') continue
    const origin = optionOf(effects, written, 'Access-Control-Allow-Origin')
    if (origin === null || origin === 'unknown' || LOOKED_AT.test(codeOf(written.within))) continue
    if (
      constantOf(effects, origin.value, origin.within) !== '*' &&
      !isOriginOfRequest(effects, origin.value, origin.within)
    )
      continue
    yield {
      module,
      span: origin.value,
      message:
        'Whatever origin asks is allowed, with the cookies of the visitor: another site can read what this one shows them.',
    }
  }
}

function isOriginOfRequest(effects: Effects, value: Expression, within: FunctionInfo): boolean {
  const direct = /(?:headers?\.origin|headers?\[['"]origin['"]\]|(?:header|get)\(['"]origin['"]\))/i
  if (direct.test(textOf(within.module, value))) return true
  if (value.kind !== 'name' || value.variable === null) return false
  return (effects.bindings.definitions.get(value.variable) ?? []).some((each) =>
    direct.test(textOf(each.within.module, each.value)),
  )
}
