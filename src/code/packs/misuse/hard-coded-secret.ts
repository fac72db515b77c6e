import { secretsIn } from '../../../secrets/find.ts'
import { looksRandom } from '../../../secrets/looks-random.ts'
import { namedSecret, mayNameSecret, plainName } from '../../../secrets/named-value.ts'
import { type Effects, nodesIn } from '../../effects/effects.ts'
import type { Expression, Literal, Template } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Node, walkFunction } from '../../flow-graph/walk.ts'
import type { Hit, Rule } from '../rule.ts'
import { callsTo, conditionsAround, constantOf, namesIn, objectOf, objectsWith, optionOf } from './calls.ts'

export const HARD_CODED_SECRET: Rule = {
  info: {
    id: 'misuse/hard-coded-secret',
    title: 'A secret in the code',
    cwe: 'CWE-798',
    tags: ['CWE-321', 'CWE-259', 'OWASP A07:2021', 'SOC 2 CC6.1'],
    severity: 'error',
    help: 'Read it from the environment or a secret store, refuse to start without it, and change it: it is in the history of the repository.',
  },
  *find(effects) {
    yield* byPosition(effects)
    yield* keys(effects)
    yield* inDecorators(effects)
    yield* ofConnections(effects)
    yield* byLook(effects)
  },
}

const NOT_PRODUCT =
  /(?:^|\/)(?:examples?|samples?|demos?|docs?|seeds?|stories|storybook|playground|sandbox|website|playwright|dev|scripts)\/|seed\.[jt]s$/i

const SIGNS: readonly (readonly [RegExp, number | readonly string[], string])[] = [
  [/^jsonwebtoken\.(?:sign|verify)$/, 1, 'tokens are signed with it'],
  [/^jwt-simple\.(?:encode|decode)$/, 1, 'tokens are signed with it'],
  [/^express-session$/, ['secret'], 'sessions are signed with it'],
  [/^cookie-session$/, ['secret', 'keys'], 'sessions are signed with it'],
  [/^cookie-parser$/, 0, 'cookies are signed with it'],
  [/^express-jwt(?:\.expressjwt)?$/, ['secret'], 'tokens are signed with it'],
  [/^@fastify\/(?:session|cookie|jwt)$|^fastify-jwt$/, ['secret'], 'it signs sessions or tokens'],
  [/^jose\.jwtVerify$/, 1, 'tokens are signed with it'],
  [/^jose\.SignJWT\(\)(?:\.\w+\(\))*\.sign$/, 0, 'tokens are signed with it'],
  [
    /^next-auth(?:\.default)?$|^better-auth\.betterAuth$|^hono\/jwt\.jwt$/,
    ['secret'],
    'sessions are signed with it',
  ],
  [/^iron-session\.(?:getIronSession|withIronSession\w*)$/, ['password'], 'sessions are sealed with it'],
  [/^@nestjs\/jwt\.JwtModule\.register$/, ['secret', 'secretOrPrivateKey'], 'tokens are signed with it'],
]

/** Texts whose place makes them secret, whatever they look like: `secret` is as much one as a random text. */
function* byPosition(effects: Effects): Generator<Hit> {
  for (const { node, within, api, around } of callsTo(
    effects,
    /jsonwebtoken|jwt|session|cookie-parser|jose|auth/i,
    /^(?:jsonwebtoken|jwt-simple|express-session|cookie-session|cookie-parser|express-jwt|@fastify\/|fastify-jwt|jose\.|next-auth|better-auth|hono\/jwt|iron-session)/,
  )) {
    if (NOT_PRODUCT.test(within.module.path)) continue
    for (const [pattern, where, what] of SIGNS) {
      if (!pattern.test(api)) continue
      const given: { value: Expression; within: FunctionInfo }[] = []
      if (typeof where === 'number') {
        const argument = node.args[where]
        if (argument !== undefined) given.push({ value: argument, within })
      } else {
        const options = objectOf(effects, node.args[0], within)
        for (const name of where) {
          const found = options === null ? null : optionOf(effects, options, name)
          if (found !== null && found !== 'unknown') given.push(found)
        }
      }
      for (const each of given)
        for (const literal of literalsOf(effects, each.value, each.within))
          if (!isForDevelopment(effects, within, around))
            yield {
              module: within.module,
              span: each.value.kind === 'literal' || each.within.module !== within.module ? node : each.value,
              message: `The secret is in the code (${literal}): ${what}, so whoever reads the code can sign too.`,
            }
    }
  }
  for (const module of effects.program.modules) {
    if (module.test || NOT_PRODUCT.test(module.path) || !/passport-jwt/.test(module.text)) continue
    for (const name of ['secretOrKey'])
      for (const { value, within, around } of objectsWith(module, name))
        for (const literal of literalsOf(effects, value, within))
          if (
            !/BEGIN (?:PUBLIC|CERT)/.test(String(constantOf(effects, value, within))) &&
            !isForDevelopment(effects, within, around)
          )
            yield {
              module,
              span: value,
              message: `The secret is in the code (${literal}): whoever reads it can sign tokens.`,
            }
  }
}

const KEYED = /^crypto\.(?:create(?:Hmac|Cipheriv|Decipheriv|Cipher|Decipher)|createSecretKey)$/
/** Public labels of protocols are short and speak; a key is neither. */
const LEAST_KEY = 16
const KEY_BITS = 3.2

/** Keys of codes and ciphers. What is signed with a word may be a label that a protocol prescribes. */
function* keys(effects: Effects): Generator<Hit> {
  for (const { node, within, api, around } of callsTo(
    effects,
    /create(?:Hmac|De?[Cc]ipher|Cipher|SecretKey)/,
    KEYED,
  )) {
    if (NOT_PRODUCT.test(within.module.path)) continue
    const value = node.args[api.endsWith('SecretKey') ? 0 : 1]
    if (value === undefined) continue
    const [literal] = literalsOf(effects, value, within)
    if (literal === undefined || isForDevelopment(effects, within, around)) continue
    const text = keyText(effects, value, within)
    const named = namesIn(value).some((each) => mayNameSecret(plainName(each)))
    const random = text !== undefined && text.length >= LEAST_KEY && looksRandom(text, KEY_BITS)
    const keyed = api.endsWith('Hmac')
    if (keyed && !named && !random) continue
    yield {
      module: within.module,
      span: value.kind === 'literal' ? value : node,
      message: `The key is in the code (${literal}): whoever reads the code can ${keyed ? 'make the same codes' : 'decrypt'}.`,
    }
  }
}

/** The text of a key, from `Buffer.from('…', 'hex')` as well. */
function keyText(effects: Effects, value: Expression, within: FunctionInfo): string | undefined {
  const inner = value.kind === 'call' ? value.args[0] : value
  const constant = constantOf(effects, inner, within)
  return typeof constant === 'string' ? constant : undefined
}

/** NestJS names its modules' settings in decorators. */
function* inDecorators(effects: Effects): Generator<Hit> {
  for (const module of effects.program.modules) {
    if (module.test || NOT_PRODUCT.test(module.path) || !/JwtModule/.test(module.text)) continue
    for (const owner of module.classes)
      for (const node of nodesIn(...owner.decorators)) {
        if (node.kind !== 'call' || node.callee.kind !== 'member' || node.callee.property !== 'register')
          continue
        if (node.callee.object.kind !== 'name' || node.callee.object.name !== 'JwtModule') continue
        const options = objectOf(effects, node.args[0], module.main)
        const secret = options === null ? null : optionOf(effects, options, 'secret')
        if (secret === null || secret === 'unknown') continue
        for (const literal of literalsOf(effects, secret.value, secret.within))
          yield {
            module,
            span: secret.value,
            message: `The secret is in the code (${literal}): tokens are signed with it, so whoever reads the code can sign too.`,
          }
      }
  }
}

const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|::1|db|postgres|mysql|mongo|redis)$/i

/** A password beside the host that it is for; of one that is this machine, everybody may know it. */
function* ofConnections(effects: Effects): Generator<Hit> {
  for (const module of effects.program.modules) {
    if (module.test || NOT_PRODUCT.test(module.path) || !/password\s*:\s*['"`]/.test(module.text)) continue
    for (const written of objectsWith(module, 'password')) {
      const { value } = written
      if (value.kind !== 'literal' || typeof value.value !== 'string' || value.value.length < 3) continue
      if (/\s|password$|\*|^<|^your|example|xxx/i.test(value.value)) continue
      const host = optionOf(effects, written, 'host') ?? optionOf(effects, written, 'server')
      if (host === null || host === 'unknown' || optionOf(effects, written, 'user') === null) continue
      const named = constantOf(effects, host.value, host.within)
      if (typeof named !== 'string' || LOCAL_HOST.test(named)) continue
      yield {
        module,
        span: value,
        message: `The password for ${named.slice(0, 60)} is in the code: whoever can read the repository has it, and its history keeps it.`,
      }
    }
  }
}

/** In words: the constants that an expression may be; of `process.env.X || 'y'` the second. */
function literalsOf(effects: Effects, value: Expression, within: FunctionInfo, depth = 0): string[] {
  if (depth > 4) return []
  if (value.kind === 'logical' && (value.operator === '||' || value.operator === '??'))
    return literalsOf(effects, value.right, within, depth + 1).map(
      (each) => `${each}, where nothing else is set`,
    )
  if (value.kind === 'array')
    return value.elements
      .flatMap((each) => (each === null ? [] : literalsOf(effects, each, within, depth + 1)))
      .slice(0, 1)
  if (value.kind === 'conditional') return []
  // `new TextEncoder().encode('…')`, `Buffer.from('…')`
  const made = value.kind === 'call' ? value : effects.origins.of(value, within).expression
  if (
    made?.kind === 'call' &&
    made.callee.kind === 'member' &&
    /^(?:encode|from)$/.test(made.callee.property ?? '')
  ) {
    const [first] = made.args
    return first === undefined
      ? []
      : literalsOf(effects, first, effects.origins.of(value, within).within ?? within, depth + 1)
  }
  const constant = constantOf(effects, value, within)
  if (typeof constant === 'string')
    return constant.length > 0 && !/BEGIN (?:PUBLIC KEY|CERTIFICATE)/.test(constant)
      ? [`${constant.length} characters`]
      : []
  if (value.kind === 'name' && value.variable !== null && value.variable.assigned === 0)
    for (const each of effects.bindings.definitions.get(value.variable) ?? [])
      if (each.path.length === 0 && each.value.kind === 'logical')
        return literalsOf(effects, each.value, each.within, depth + 1)
  if (value.kind === 'member' && value.object.kind === 'name') {
    // A field of a settings object: `config.secret`.
    const written = objectOf(effects, value.object, within)
    const found =
      written === null || value.property === null ? null : optionOf(effects, written, value.property)
    if (found !== null && found !== 'unknown')
      return literalsOf(effects, found.value, found.within, depth + 1)
  }
  return []
}

function isForDevelopment(effects: Effects, within: FunctionInfo, around: readonly Node[]): boolean {
  return conditionsAround(effects, within, around).some((each) =>
    /NODE_ENV|isDev|development|isTest/i.test(each),
  )
}

/** Texts that look like secrets: by the format of a token, or by the name beside them and how random they are. */
function* byLook(effects: Effects): Generator<Hit> {
  for (const module of effects.program.modules) {
    if (module.test || NOT_PRODUCT.test(module.path)) continue
    for (const within of module.functions) {
      const found: Hit[] = []
      walkFunction(within, (node, around) => {
        if (node.kind !== 'literal' && node.kind !== 'template') return
        const text = node.kind === 'literal' ? node.value : node.parts.length === 1 ? node.parts[0] : null
        if (typeof text !== 'string' || text.length < 6 || text.length > 4_000) return
        const kind = formatOf(text) ?? named(node, text, around)
        if (kind === null) return
        found.push({
          module,
          span: node,
          message: `${kind} is in the code: whoever can read the repository has it, and its history keeps it.`,
        })
      })
      yield* found
    }
  }
}

const PUBLIC = /^(?:jwt|google_api|firebase|sentry|mapbox_public|stripe_publishable|posthog)$/

/** A token of a known format, a private key, a password in a URL. Keys that pages carry on purpose are none. */
function formatOf(text: string): string | null {
  if (!/[-_.:+/=\d]/.test(text)) return null
  if (/\s/.test(text) && text.length > 200 && !text.includes('-----BEGIN')) return null
  for (const hit of secretsIn(text)) {
    const own = text.slice(hit.start, hit.end)
    // Beside a name inside of a longer text: messages and documents, which other checks look at.
    if (hit.kind === 'password' || hit.kind === 'named_secret') continue
    if (PUBLIC.test(hit.kind) || /^(?:pk_(?:live|test)_|pk\.eyJ|phc_|AIza)/.test(own)) continue
    if (hit.kind === 'private_key' && own.length < 120) continue
    if (/database_url|url_password/.test(hit.kind)) {
      if (
        /@(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|db|postgres|mysql|mongo|redis|rabbitmq|host|example)\b/i.test(
          text,
        )
      )
        continue
      if (/^(?:user|root|admin|postgres|guest|password|pass|secret|test|\W*)\d*$/i.test(own)) continue
      return 'A password in an address'
    }
    return hit.kind === 'private_key' ? 'A private key' : `A secret of ${hit.kind}`
  }
  return null
}

function named(node: Literal | Template, text: string, around: readonly Node[]): string | null {
  const name = nameBeside(node, around)
  if (name === null || !mayNameSecret(plainName(name))) return null
  if (
    /(?:name|field|header|path|url|uri|label|message|error|regexp?|pattern|type|prefix|suffix|placeholder|hint|text|title|id|event|scope|env|var|param|query|selector|class|icon|hash|algorithm|format|example)s?$/i.test(
      name,
    )
  )
    return null
  if (
    /public|publishable|anon|mock|fake|dummy|demo|sample|test/i.test(name) ||
    /^[a-z]+(?:[-_.:][a-z]+)*$/i.test(text) ||
    /\s/.test(text)
  )
    return null
  const kind = namedSecret(name, text)
  if (kind === undefined) return null
  return kind === 'password' ? `A password (\`${name}\`)` : `A secret (\`${name}\`)`
}

function nameBeside(node: Node, around: readonly Node[]): string | null {
  const parent = around.at(-1)
  switch (parent?.kind) {
    case 'declare':
      return parent.target.kind === 'name' ? parent.target.name : null
    case 'assign':
      return parent.target.kind === 'name'
        ? parent.target.name
        : parent.target.kind === 'member'
          ? parent.target.property
          : null
    case 'object':
      return parent.properties.find((each) => each.value === node)?.key ?? null
    case 'default-pattern':
      return parent.target.kind === 'name' ? parent.target.name : null
    case 'logical': {
      // `process.env.X || '…'`
      if (parent.right !== node) return null
      return (
        nameBeside(parent, around.slice(0, -1)) ??
        (parent.left.kind === 'member' ? parent.left.property : null)
      )
    }
    default:
      return null
  }
}
