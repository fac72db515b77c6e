import type { Effects } from '../../effects/effects.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import type { Hit, Rule } from '../rule.ts'
import {
  callsTo,
  codeOf,
  constantOf,
  inBrowser,
  type KnownCall,
  objectOf,
  optionOf,
  outermost,
} from './calls.ts'

export const TOKEN_NOT_VERIFIED: Rule = {
  info: {
    id: 'misuse/token-not-verified',
    title: 'A token whose signature is not looked at',
    cwe: 'CWE-347',
    tags: ['OWASP A07:2021', 'OWASP A02:2021'],
    severity: 'error',
    help: "Call `jwt.verify(token, key, { algorithms: ['HS256'] })`, with the one algorithm that you sign with, and use what it returns.",
  },
  *find(effects) {
    yield* unsigned(effects)
    yield* decoded(effects)
  },
}

/** The algorithm `none`, and keys that are none. */
function* unsigned(effects: Effects): Generator<Hit> {
  for (const { node, within, api } of callsTo(
    effects,
    /jsonwebtoken|jwt-simple|express-jwt|none/,
    /^(?:jsonwebtoken\.(?:sign|verify)|jwt-simple\.(?:encode|decode)|(?:express-jwt)(?:\.expressjwt)?)$/,
  )) {
    const hit = (message: string): Hit => ({ module: within.module, span: node, message })
    if (api === 'jwt-simple.decode') {
      if (constantOf(effects, node.args[2], within) === true)
        yield hit('The third argument `true` keeps the signature from being looked at.')
      continue
    }
    const [first] = node.args
    const options = objectOf(effects, api.startsWith('express-jwt') ? first : node.args[2], within)
    for (const name of ['algorithm', 'algorithms']) {
      const given = options === null ? null : optionOf(effects, options, name)
      if (given === null || given === 'unknown') continue
      const values = given.value.kind === 'array' ? given.value.elements : [given.value]
      if (values.some((each) => /^none$/i.test(String(constantOf(effects, each, given.within)))))
        yield hit('The algorithm `none` stands for no signature at all: anybody can make such a token.')
    }
    if (api === 'jsonwebtoken.verify') {
      const key = node.args[1]
      if (key?.kind === 'literal' && (key.value === '' || key.value === null || key.value === false))
        yield hit('Without a key nothing is verified.')
    }
  }
}

const DECODES =
  /^(?:jsonwebtoken\.decode|jose\.(?:decodeJwt|decodeProtectedHeader)|jose\.UnsecuredJWT\.decode|jwt-decode(?:\.(?:jwtDecode|default))?|jwt_decode|type:JwtService\.decode|jws\.decode|global:JSON\.parse)$/
const CLAIMS =
  'sub|id|_id|uid|userId|user_id|user|username|email|role|roles|isAdmin|admin|permissions|scope|scopes|tenantId|orgId|organizationId|accountId|groups'
const VERIFIES =
  /\bverify\w*\(|\.verify\w*\(|jwtVerify|introspect|createRemoteJWKSet|validate(?:Token|Jwt|JWT)/
const GATE =
  /auth|guard|middleware|protect|session|current_?user|require|verif|valid|login|context|plugin|hook/i

/** What `decode` gives decides who somebody is, and nothing verifies it. */
function* decoded(effects: Effects): Generator<Hit> {
  for (const call of callsTo(effects, /decode|JSON\.parse/, DECODES)) {
    const { node, within, api } = call
    if (inBrowser(within.module) || api.endsWith('decodeProtectedHeader')) continue
    if (api === 'global:JSON.parse' && !takesTokenApart(call)) continue
    const around = outermost(within)
    const code = codeOf(around)
    // What is verified beside it was decoded to choose a key.
    if (VERIFIES.test(code)) continue
    if (
      effects
        .callers(around)
        .slice(0, 12)
        .some((each) => VERIFIES.test(codeOf(each.within)))
    )
      continue
    // What the provider itself has just answered over TLS need not be verified again.
    if (/id_?token|userinfo/i.test(textOf(within.module, node)) || /userinfo/i.test(around.name)) continue
    const options = objectOf(effects, node.args[1], within)
    if (options !== null && optionOf(effects, options, 'complete') !== null) continue
    const answers = effects.onRequestPath.has(within) || effects.answers(within) !== null
    if (!answers && !GATE.test(`${within.name} ${around.name} ${within.module.path}`)) continue
    if (
      /refresh|logout|log_?out|revoke|blacklist|client|frontend|expir/i.test(`${within.name} ${around.name}`)
    )
      continue
    if (!decides(call, within)) continue
    yield {
      module: within.module,
      span: node,
      message:
        'What the token says is believed without its signature: whoever sends it decides who they are.',
    }
  }
}

function takesTokenApart({ node, within }: KnownCall): boolean {
  const [first] = node.args
  if (first === undefined) return false
  const text = textOf(within.module, first).slice(0, 400)
  return (
    /base64|atob|Buffer\.from/.test(text) &&
    /split\(\s*['"`]\.['"`]\s*\)/.test(codeOf(within)) &&
    /token|jwt|auth|bearer/i.test(codeOf(within))
  )
}

/** Whether the claims that say who somebody is are read, kept as the user, or given back. */
function decides({ node, around }: KnownCall, within: FunctionInfo): boolean {
  const claims = new RegExp(`^(?:${CLAIMS})$`)
  const code = codeOf(within)
  for (const each of around.toReversed()) {
    if (each.kind === 'member' && each.property !== null && each.object !== node) continue
    if (each.kind === 'member') return claims.test(each.property ?? '')
    if (each.kind === 'return') return true
    if (each.kind === 'assign' && each.target.kind === 'member') return true
    const target = each.kind === 'declare' || each.kind === 'assign' ? each.target : null
    if (target?.kind === 'object-pattern') return target.properties.some((one) => claims.test(one.key ?? ''))
    if (target?.kind === 'name') {
      const name = target.name.replace(/\$/g, '\\$')
      return new RegExp(
        `\\b${name}\\b(?: as \\w+\\)?)?[!?)]*\\.(?:payload[?!]?\\.)?(?:${CLAIMS})\\b|\\b(?:req|request|ctx|c|socket|res\\.locals)\\.\\w[\\w.]*\\s*=\\s*${name}\\b|return ${name}\\b|\\}\\s*=\\s*${name}\\b`,
      ).test(code)
    }
  }
  return false
}
