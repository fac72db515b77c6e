import type { Effects } from '../../effects/effects.ts'
import type { Hit, Rule } from '../rule.ts'
import { callsTo, codeOf, constantOf, namesIn, objectOf, optionOf } from './calls.ts'
import { replaced } from './edits.ts'
import { namesPassword } from './secret-names.ts'
import { digestsIn, isPassword } from './weak-hash.ts'

/** Rounds below which trying passwords costs next to nothing. */
const PBKDF2_LEAST = 100_000
const BCRYPT_LEAST = 10

export const FAST_PASSWORD_HASH: Rule = {
  info: {
    id: 'misuse/fast-password-hash',
    title: 'A password hash that is quick to try out',
    cwe: 'CWE-916',
    tags: ['OWASP A02:2021', 'SOC 2 CC6.1'],
    severity: 'error',
    help: 'Use `bcrypt.hash(password, 12)`, Argon2id or `crypto.scrypt`; with PBKDF2 at least 210,000 rounds of SHA-512. Hash again at the next log-in of each person.',
  },
  *find(effects) {
    for (const digest of digestsIn(effects)) {
      if (
        !isPassword(effects, digest) ||
        isProtocol(codeOf(digest.call.within), digest.call.within.module.text)
      )
        continue
      yield {
        module: digest.call.within.module,
        span: digest.whole,
        message: `A password is hashed with ${digest.algorithm.toUpperCase()}: whoever gets the hashes tries billions of passwords a second.`,
      }
    }
    yield* derived(effects)
  },
}

/** Where a protocol of others says how: leaked-password services, HTTP digest, SCRAM, drivers of databases. */
function isProtocol(code: string, module: string): boolean {
  return (
    /pwned|k-?anonymity|haveibeen/i.test(module) ||
    /\brealm\b|scram|nonce|challenge|scramble|WWW-Authenticate|authPlugin|cnonce|\bqop\b/i.test(code) ||
    /\bcnonce\b|SCRAM-SHA|mysql_native_password|x-?forwarded-cram/i.test(module)
  )
}

const DERIVES =
  /^(?:crypto\.(?:pbkdf2|pbkdf2Sync)|pbkdf2\.(?:pbkdf2|pbkdf2Sync)|crypto-js\.PBKDF2|bcrypt(?:js)?\.(?:hash|hashSync|genSalt|genSaltSync))$/

function* derived(effects: Effects): Generator<Hit> {
  for (const { node, within, api } of callsTo(effects, /pbkdf2|bcrypt/i, DERIVES)) {
    const [first, second, third] = node.args
    if (api.startsWith('bcrypt')) {
      const cost = constantOf(effects, /genSalt/.test(api) ? first : second, within)
      if (typeof cost !== 'number' || cost >= BCRYPT_LEAST) continue
      const given = /genSalt/.test(api) ? first : second
      yield {
        module: within.module,
        span: node,
        message: `2^${cost} rounds of bcrypt are tried out quickly; 2^${BCRYPT_LEAST} are the least that is recommended.`,
        ...(given?.kind === 'literal' ? { edits: [replaced(within.module, given, '12')] } : {}),
      }
      continue
    }
    if (first === undefined || !namesIn(first).some(namesPassword)) continue
    const options = api.startsWith('crypto-js') ? objectOf(effects, third, within) : null
    const given = options === null ? null : optionOf(effects, options, 'iterations')
    const rounds = api.startsWith('crypto-js')
      ? given === null || given === 'unknown'
        ? undefined
        : constantOf(effects, given.value, given.within)
      : constantOf(effects, third, within)
    if (
      typeof rounds !== 'number' ||
      rounds >= PBKDF2_LEAST ||
      isProtocol(codeOf(within), within.module.text)
    )
      continue
    yield {
      module: within.module,
      span: node,
      message: `${rounds.toLocaleString('en')} rounds of PBKDF2 are tried out quickly; at least 210,000 of SHA-512 are recommended.`,
    }
  }
}
