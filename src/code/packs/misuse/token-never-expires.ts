import type { Effects } from '../../effects/effects.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Hit, Rule } from '../rule.ts'
import { callsTo, codeOf, modulesWith, objectOf, objectsWith, optionOf, outermost } from './calls.ts'
import { replaced } from './edits.ts'

export const TOKEN_NEVER_EXPIRES: Rule = {
  info: {
    id: 'misuse/token-never-expires',
    title: 'A log-in that never ends',
    cwe: 'CWE-613',
    tags: ['OWASP A07:2021', 'SOC 2 CC6.1'],
    severity: 'warning',
    help: "Sign with `expiresIn` (as `'15m'`, with a refresh token for longer), and leave `ignoreExpiration` out.",
  },
  *find(effects) {
    for (const module of modulesWith(effects, /ignoreExpiration/))
      for (const { value, within } of objectsWith(module, 'ignoreExpiration')) {
        if (value.kind !== 'literal' || value.value !== true || renews(within)) continue
        yield {
          module,
          span: value,
          message: 'Tokens that ended long ago are still accepted.',
          edits: [replaced(module, value, 'false')],
        }
      }
    yield* endless(effects)
  },
}

/** An ended token is looked at to renew or revoke it. */
function renews(within: FunctionInfo): boolean {
  return /refresh|renew|rotate|logout|log_?out|sign_?out|revoke|blacklist|expir|decode|inspect/i.test(
    `${within.name} ${outermost(within).name} ${within.class?.name ?? ''}`,
  )
}

const LOGIN =
  /log_?in|sign_?in|sign_?up|register|authenticat|(?:generate|create|issue|get|sign|make)_?(?:auth_?|access_?|session_?|user_?|login_?)?(?:token|jwt)|signed_?jwt/i
const OTHER =
  /unsubscribe|download|share|invite|api_?key|webhook|service|machine|email|mail|confirm|license|preview|embed/i

function* endless(effects: Effects): Generator<Hit> {
  for (const { node, within } of callsTo(effects, /jsonwebtoken/, /^jsonwebtoken\.sign$/)) {
    const payload = objectOf(effects, node.args[0], within)
    if (
      payload === null ||
      payload.object.properties.some((each) => /^exp|expir/i.test(each.key ?? '') || each.spread)
    )
      continue
    const last = node.args[2]
    if (last !== undefined && last.kind !== 'function') {
      const options = objectOf(effects, last, within)
      if (options === null || optionOf(effects, options, 'expiresIn') !== null) continue
      if (optionOf(effects, options, 'algorithm') === null && options.object.properties.length === 0) continue
    }
    const name = `${within.name} ${outermost(within).name}`
    if (OTHER.test(name) || /\.exp\s*=|expiresIn/.test(codeOf(within))) continue
    if (!LOGIN.test(name) && !namesPerson(payload.object.properties.map((each) => each.key))) continue
    yield {
      module: within.module,
      span: node,
      message: 'The token has no end: whoever finds it once is logged in for ever.',
    }
  }
}

function namesPerson(keys: readonly (string | null)[]): boolean {
  return (
    keys.some((each) => /^(?:sub|id|_id|userId|user|uid)$/.test(each ?? '')) &&
    keys.some((each) => /^(?:role|roles|email|admin|isAdmin|username)$/.test(each ?? ''))
  )
}
