import type { Effects } from '../../effects/effects.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import type { Rule } from '../rule.ts'
import { callsTo, constantOf, namesIn, objectOf, optionOf, words } from './calls.ts'

export const TOKEN_ANY_ALGORITHM: Rule = {
  info: {
    id: 'misuse/token-any-algorithm',
    title: 'A token that chooses how it is verified',
    cwe: 'CWE-347',
    tags: ['OWASP A02:2021', 'CWE-757'],
    severity: 'warning',
    help: "Say `algorithms: ['RS256']` (or the one that you sign with), and never one with HS beside one with a public key.",
  },
  *find(effects) {
    for (const { node, within } of callsTo(effects, /jsonwebtoken/, /^jsonwebtoken\.verify$/)) {
      const [, key, third] = node.args
      if (key === undefined || !isPublicKey(effects, key, within)) continue
      const options =
        third === undefined || third.kind === 'function' ? null : objectOf(effects, third, within)
      if (options === null && third !== undefined && third.kind !== 'function') continue
      const given = options === null ? null : optionOf(effects, options, 'algorithms')
      if (given === 'unknown') continue
      if (given === null) {
        yield {
          module: within.module,
          span: node,
          message:
            'The key is public, and the token says itself how it is verified: with an old library anybody can sign with that key as a shared secret.',
        }
        continue
      }
      const named = (given.value.kind === 'array' ? given.value.elements : []).map((each) =>
        String(constantOf(effects, each, given.within)),
      )
      if (
        named.some((each) => each.startsWith('HS')) &&
        named.some((each) => /^(?:RS|ES|PS|EdDSA)/.test(each))
      )
        yield {
          module: within.module,
          span: node,
          message: 'HS beside a public key: anybody can sign with that key as a shared secret.',
        }
    }
  },
}

function isPublicKey(effects: Effects, key: Expression, within: FunctionInfo): boolean {
  const names = [...namesIn(key)]
  const { text, expression, within: inside } = effects.origins.of(key, within)
  names.push(...text.split(/[.:]/))
  if (expression !== null && inside !== null)
    for (const each of [expression]) {
      const code = textOf(inside.module, each).slice(0, 300)
      if (
        /BEGIN (?:PUBLIC KEY|CERTIFICATE)|\.pub\b|public[\w.-]*\.(?:pem|key|crt)|cert[\w.-]*\.pem|createPublicKey/i.test(
          code,
        )
      )
        return true
    }
  return names.some((each) =>
    /(?:^|_)(?:public_?key|pub_?key|pub|public|cert|certificate|x5c)(?:_|$)/.test(words(each)),
  )
}
