import type { Effects } from '../../effects/effects.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import type { Rule } from '../rule.ts'
import { callsTo, codeOf, constantOf, objectOf, optionOf } from './calls.ts'

export const STATIC_IV: Rule = {
  info: {
    id: 'misuse/static-iv',
    title: 'An initialisation vector that is always the same',
    cwe: 'CWE-329',
    tags: ['OWASP A02:2021', 'CWE-323'],
    severity: 'warning',
    help: 'Make a new IV for each text with `crypto.randomBytes` (12 bytes for GCM, 16 for CBC and CTR) and put it before the result.',
  },
  *find(effects) {
    for (const { node, within, api } of callsTo(
      effects,
      /createCipheriv|crypto-js|CryptoJS/,
      /^(?:crypto\.createCipheriv|crypto-js\.AES\.encrypt)$/,
    )) {
      let iv: { value: Expression; within: FunctionInfo } | null = null
      if (api === 'crypto.createCipheriv') {
        const algorithm = constantOf(effects, node.args[0], within)
        // ECB has none, and key wrapping a fixed one; its own rule speaks of the first.
        if (typeof algorithm === 'string' && /ecb|wrap/i.test(algorithm)) continue
        if (node.args[2] !== undefined) iv = { value: node.args[2], within }
      } else {
        const options = objectOf(effects, node.args[2], within)
        const given = options === null ? null : optionOf(effects, options, 'iv')
        if (given !== null && given !== 'unknown') iv = given
      }
      if (iv === null || isKeyOfOneUse(node.args[1], within)) continue
      const why = whyFixed(effects, iv.value, iv.within, within)
      if (why !== null)
        yield {
          module: within.module,
          span: node,
          message: `The IV ${why}: equal beginnings can be told, and with GCM or CTR texts can be read by comparing two.`,
        }
    }
  },
}

/** A key that is made here is used for one text: the IV may then be anything. */
function isKeyOfOneUse(key: Expression | undefined, within: FunctionInfo): boolean {
  return (
    key?.kind === 'name' &&
    new RegExp(
      `\\b${key.name.replace(/\$/g, '\\$')}\\s*=\\s*(?:await\\s+)?(?:crypto\\.)?(?:randomBytes|generateKey|hkdfSync|diffieHellman|scryptSync)`,
    ).test(codeOf(within))
  )
}

function whyFixed(effects: Effects, iv: Expression, within: FunctionInfo, user: FunctionInfo): string | null {
  if (iv.kind === 'literal') return typeof iv.value === 'string' ? 'is a constant' : null
  const text = constantOf(effects, iv, within)
  if (typeof text === 'string') return 'is a constant'
  const made = effects.origins.of(iv, within)
  const call = made.expression
  if (iv.kind === 'name' && iv.variable !== null && iv.variable.assigned > 0) return null
  if (call?.kind !== 'call') return null
  const inside = made.within ?? within
  if (/^(?:global:)?(?:buffer\.)?Buffer\.alloc\(\)$|^global:Uint8Array\(\)$/.test(made.text)) {
    if (call.args[0]?.kind !== 'literal' && constantOf(effects, call.args[0], inside) === undefined)
      return null
    return iv.kind === 'name' && iv.variable !== null && isFilled(iv.variable, inside) ? null : 'is zeros'
  }
  if (/^(?:global:)?(?:buffer\.)?Buffer\.from\(\)$|^crypto-js\.enc\.\w+\.parse\(\)$/.test(made.text)) {
    const [first] = call.args
    if (first?.kind === 'array') return 'is a constant'
    return typeof constantOf(effects, first, inside) === 'string' ? 'is a constant' : null
  }
  if (
    /\brandomBytes\(\)$|randomUUID\(\)$/.test(made.text) &&
    inside.form === 'module' &&
    user.form !== 'module'
  )
    return 'is made once and used for every text'
  return null
}

/** `randomFillSync(iv)`, `iv.writeUInt32BE(…)`, `iv[0] = …`: it does not stay what it was. */
function isFilled(variable: Variable, within: FunctionInfo): boolean {
  const name = variable.name.replace(/\$/g, '\\$')
  return new RegExp(
    `(?:[Ff]ill(?:Sync)?|getRandomValues|copy|set)\\(\\s*${name}\\b|\\b${name}(?:\\.(?:write|set|fill|copy)|\\[)`,
  ).test(textOf(within.module, within).slice(0, 20_000))
}
