import type { Effects } from '../../effects/effects.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Hit, Rule } from '../rule.ts'
import { callsTo, constantOf, type KnownCall, namesIn } from './calls.ts'
import { destinations } from './destinations.ts'
import { namesPassword, namesSecret, namesSignature } from './secret-names.ts'

const WEAK = /^(?:md[245]|sha-?1|ripemd(?:128)?)$/i

export const WEAK_HASH: Rule = {
  info: {
    id: 'misuse/weak-hash',
    title: 'A token or signature of a broken hash function',
    cwe: 'CWE-328',
    tags: ['OWASP A02:2021', 'CWE-327'],
    severity: 'warning',
    help: "Take tokens from `crypto.randomBytes(32)`; sign with `crypto.createHmac('sha256', key)`.",
  },
  *find(effects) {
    for (const call of digestsIn(effects)) {
      if (!WEAK.test(call.algorithm) || isPassword(effects, call)) continue
      const hit = judge(effects, call)
      if (hit !== null) yield hit
    }
  },
}

/** A digest that is made: what of, and by which algorithm. */
export interface Digest {
  readonly call: KnownCall
  readonly algorithm: string
  readonly keyed: boolean
  readonly input: readonly Expression[]
  /** The last call of the chain: its result is the digest. */
  readonly whole: Expression
  readonly around: KnownCall['around']
}

const MARK = /createHash|createHmac|md5|sha1|crypto-js|CryptoJS|\bhash\(/i
const MAKES =
  /^(?:crypto\.(?:createHash|createHmac|hash)|(?:md5|blueimp-md5|js-md5|sha1|js-sha1|sha\.js|hash\.js|create-hash)(?:\.(?:md5|sha1|default))?|crypto-js[./](?:Hmac|hmac-)?(?:MD5|SHA1|SHA256|SHA512|md5|sha1|sha256|sha512)|ts-md5\.Md5\.hashStr)$/

export function* digestsIn(effects: Effects): Generator<Digest> {
  for (const call of callsTo(effects, MARK, MAKES)) {
    const name = call.api.split(/[./]/).at(-1) as string
    const [first, second] = call.node.args
    const chained = /^(?:createHash|createHmac|create-hash|js)$/.test(name)
    const algorithm = chained || name === 'hash' ? constantOf(effects, first, call.within) : algorithmIn(name)
    if (typeof algorithm !== 'string') continue
    const input: Expression[] = []
    if (!chained) input.push(...(name === 'hash' ? [second] : [first]).filter((each) => each !== undefined))
    // Up the chain: `.update(x).digest('hex')`.
    let whole: Expression = call.node
    let at = call.around.length - 1
    for (; at > 0; at -= 2) {
      const member = call.around[at]
      const above = call.around[at - 1]
      if (member?.kind !== 'member' || member.object !== whole || above?.kind !== 'call') break
      if (member.property === 'update' && above.args[0] !== undefined) input.push(above.args[0])
      whole = above
    }
    if (input.length === 0) input.push(...updatesOf(effects, call))
    yield {
      call,
      algorithm,
      keyed: /hmac/i.test(name),
      input,
      whole,
      around: call.around.slice(0, at + 1),
    }
  }
}

/** `const hash = createHash('md5'); hash.update(x)`. */
function updatesOf(effects: Effects, { node, within, around }: KnownCall): Expression[] {
  const parent = around.at(-1)
  if (parent?.kind !== 'declare' || parent.value !== node || parent.target.kind !== 'name') return []
  const { variable } = parent.target
  return (effects.bindings.calls.get(within) ?? []).flatMap(({ node: each }) =>
    each.kind === 'call' &&
    each.callee.kind === 'member' &&
    each.callee.property === 'update' &&
    each.callee.object.kind === 'name' &&
    each.callee.object.variable === variable &&
    each.args[0] !== undefined
      ? [each.args[0]]
      : [],
  )
}

function algorithmIn(name: string): string {
  return /md5/i.test(name) ? 'md5' : /sha1$/i.test(name) ? 'sha1' : name.replace(/^hmac-?/i, '').toLowerCase()
}

/** A password that somebody chose is hashed: another rule says more about that. */
export function isPassword(effects: Effects, { input, call: { within } }: Digest): boolean {
  if (input.some((each) => namesIn(each).some(namesPassword))) return true
  if (/(?:^|_)hash_?(?:password|passwd|pwd)$/i.test(within.name)) return true
  return input.some((each) => givenPassword(effects, each, within))
}

const CALLERS = 40

/** The input is a parameter, and somebody calls the function with a password: `md5(data)`, `md5(user.password)`. */
function givenPassword(effects: Effects, input: Expression, within: FunctionInfo): boolean {
  if (input.kind !== 'name' || input.variable?.kind !== 'param') return false
  const { variable } = input
  const position = within.params.findIndex(
    ({ pattern }) => pattern.kind === 'name' && pattern.variable === variable,
  )
  if (position === -1) return false
  return effects
    .callers(within)
    .slice(0, CALLERS)
    .some(({ node, within: { module } }) => {
      const given = node.kind === 'call' && !module.test ? node.args[position] : undefined
      return given !== undefined && namesIn(given).some(namesPassword)
    })
}

function judge(effects: Effects, digest: Digest): Hit | null {
  const { call, input, keyed, algorithm } = digest
  // Protocols of others say what is hashed, and how.
  if (/CRAM-?MD5|\bNTLM\b|\bcnonce\b|\bqop\b|mysql_native_password/i.test(call.within.module.text))
    return null
  // HMAC with SHA-1 has no known weakness.
  if (keyed && !/^md/i.test(algorithm)) return null
  const secretInside = input.flatMap(namesIn).find((each) => /secret|salt|private|signing|hmac/i.test(each))
  const parent = digest.around.at(-1)
  if (parent?.kind === 'binary' && /^[!=]==?$/.test(parent.operator)) {
    const other = parent.left === digest.whole ? parent.right : parent.left
    const name = namesIn(other).find(namesSecret)
    if (name !== undefined)
      return {
        module: call.within.module,
        span: digest.whole,
        message: `\`${name}\` is nothing but a digest by ${algorithm.toUpperCase()}: whoever knows what goes in makes it too.`,
      }
  }
  for (const { name, path } of destinations(effects, digest.whole, call.within, digest.around)) {
    if (!namesSecret(name) && !(namesSignature(name) && (keyed || secretInside !== undefined))) continue
    return {
      module: call.within.module,
      span: digest.whole,
      message: `\`${name}\` is made with ${algorithm.toUpperCase()}, which is broken: collisions are cheap, and so is trying all inputs.`,
      path: path.length > 1 ? path : [],
    }
  }
  return null
}
