import type { Effects } from '../../effects/effects.ts'
import type { Binary, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import type { Rule } from '../rule.ts'
import { inBrowser, modulesWith, words } from './calls.ts'

const OUTSIDE =
  /header|auth|token|key|secret|signature|\bsig\b|passw|query|body|param|bearer|given|provided|received|\breq|cookie|hash|expected|hmac|digest/i

export const TIMING_UNSAFE_COMPARISON: Rule = {
  info: {
    id: 'misuse/timing-unsafe-comparison',
    title: 'A secret is compared in a time that tells how much of it was right',
    cwe: 'CWE-208',
    tags: ['OWASP A02:2021'],
    severity: 'warning',
    help: 'Compare with `crypto.timingSafeEqual`, of two buffers of the same length (digests of both, where lengths differ).',
  },
  *find(effects) {
    for (const module of modulesWith(effects, /createHmac|process\.env|hmac|digest/i)) {
      if (inBrowser(module)) continue
      for (const within of module.functions) {
        const found: Binary[] = []
        walkFunction(within, (node) => {
          if (node.kind === 'binary' && /^[!=]==?$/.test(node.operator)) found.push(node)
        })
        for (const node of found)
          for (const [one, other] of [
            [node.left, node.right],
            [node.right, node.left],
          ] as const) {
            const what = secretIn(effects, one, within)
            if (what === null || !comesFromOutside(effects, other, within)) continue
            yield {
              module,
              span: node,
              message: `Comparing ${what} with \`${node.operator}\` takes longer the more of its beginning is right: it can be found out piece by piece.`,
            }
            break
          }
      }
    }
  },
}

function comesFromOutside(effects: Effects, expression: Expression, within: FunctionInfo): boolean {
  if (expression.kind === 'literal' || expression.kind === 'unary') return false
  if (expression.kind === 'name' && expression.name === 'undefined') return false
  const text = textOf(within.module, expression).slice(0, 200)
  if (/process\.env|\.length\b/.test(text)) return false
  if (effects.program.constantOf(expression, within) !== null) return false
  return OUTSIDE.test(text)
}

const ENVIRONMENT = /process\.env\.(\w+)$/
const SECRET_VARIABLE = /(?:^|_)(?:secret|token|password|passwd|key|apikey|auth)(?:_|$)/

/** In words: what of the expression is secret; null for nothing. */
function secretIn(effects: Effects, expression: Expression, within: FunctionInfo, depth = 0): string | null {
  if (depth > 4) return null
  if (expression.kind === 'template' && expression.tag === null) {
    for (const each of expression.values) {
      const found = secretIn(effects, each, within, depth + 1)
      if (found !== null) return found
    }
    return null
  }
  if (expression.kind === 'binary' && expression.operator === '+')
    return (
      secretIn(effects, expression.left, within, depth + 1) ??
      secretIn(effects, expression.right, within, depth + 1)
    )
  const { text } = effects.origins.of(expression, within)
  const variable = ENVIRONMENT.exec(text)?.[1]
  if (variable !== undefined)
    return SECRET_VARIABLE.test(words(variable)) && !/public|publishable|_id$/i.test(variable)
      ? `\`${variable}\``
      : null
  if (
    /(?:^|\.)createHmac\(\)(?:\.\w+\(\))*\.digest\(\)(?:\.toString\(\))?$|^crypto-js\.Hmac\w+\(\)/.test(text)
  )
    return 'an authentication code'
  if (expression.kind === 'name' && expression.variable !== null)
    for (const each of effects.bindings.definitions.get(expression.variable) ?? []) {
      if (each.path.length > 0 || each.value === expression) continue
      const found = each.value.kind === 'name' ? null : secretIn(effects, each.value, each.within, depth + 1)
      if (found !== null) return found
    }
  if (expression.kind === 'await') return secretIn(effects, expression.value, within, depth + 1)
  if (expression.kind === 'call')
    for (const target of effects.targets(expression, within).slice(0, 4)) {
      const last = target.body.at(-1)
      if (last?.kind === 'return' && last.value !== null) {
        const found = secretIn(effects, last.value, target, depth + 1)
        if (found === 'an authentication code') return found
      }
    }
  return null
}
