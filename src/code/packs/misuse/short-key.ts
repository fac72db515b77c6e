import type { Expression } from '../../flow-graph/expressions.ts'
import type { Rule } from '../rule.ts'
import { callsTo, constantOf, objectOf, optionOf } from './calls.ts'
import { replaced } from './edits.ts'

const LEAST = 2048

export const SHORT_KEY: Rule = {
  info: {
    id: 'misuse/short-key',
    title: 'A key that is too short',
    cwe: 'CWE-326',
    tags: ['OWASP A02:2021'],
    severity: 'warning',
    help: 'Use RSA keys of 2048 bits or more, better 3072, or Ed25519.',
  },
  *find(effects) {
    for (const { node, within, api } of callsTo(
      effects,
      /generateKey|node-rsa|NodeRSA|DiffieHellman/,
      /(?:^|\.)(?:generateKeyPair|generateKeyPairSync|createDiffieHellman)$|subtle\.generateKey$|^node-rsa$/,
    )) {
      const [first, second] = node.args
      let bits: unknown
      let literal: Expression | null = null
      if (api.endsWith('createDiffieHellman')) bits = constantOf(effects, first, within)
      else
        for (const given of [first, second]) {
          const options = objectOf(effects, given, within)
          if (options === null) continue
          for (const name of ['modulusLength', 'bits', 'b']) {
            const found = optionOf(effects, options, name)
            if (found === null || found === 'unknown') continue
            bits ??= constantOf(effects, found.value, found.within)
            if (found.value.kind === 'literal' && found.within === within) literal = found.value
          }
        }
      if (typeof bits !== 'number' || bits >= LEAST || bits < 128) continue
      yield {
        module: within.module,
        span: node,
        message: `A key of ${bits} bits can be broken; ${LEAST} are the least.`,
        ...(literal === null ? {} : { edits: [replaced(within.module, literal, '3072')] }),
      }
    }
  },
}
