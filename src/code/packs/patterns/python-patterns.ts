import type { Call, Span } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { locate, textOf, type Module } from '../../flow-graph/module.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import { fingerprintOf } from '../../fingerprint.ts'
import type { CodeFinding } from '../../finding.ts'
import type { Pack, RuleInfo } from '../../pack.ts'
import { argument, constant, isFixed, nameOf, named, option, textAround, type Found } from './python-call.ts'
import { judgeCredentials, judgeWritten } from './python-credentials.ts'
import {
  WEAK_HASH,
  WEAK_CIPHER,
  WEAK_RANDOM,
  COOKIE,
  TLS,
  DEBUG,
  TEMPORARY,
  TOKEN,
  SHORT_KEY,
  CLEAR_TEXT,
  ENTITIES,
  STATIC_IV,
  PASSWORD_HASH,
  SECRET,
  EMPTY_PASSWORD,
  INTERFACES,
  PERMISSIONS,
  DESERIALISED,
  ARCHIVE,
  UNESCAPED,
  DETAILS,
} from './python-rules.ts'
import { judgeSetting, judgeStored } from './python-settings.ts'

/** What needs no value from outside to be wrong, in Python: by the API that is called and its constant arguments. */
export const PYTHON_PATTERNS: Pack = {
  name: 'python',
  rules: [
    WEAK_HASH,
    WEAK_CIPHER,
    WEAK_RANDOM,
    COOKIE,
    TLS,
    DEBUG,
    TEMPORARY,
    TOKEN,
    SHORT_KEY,
    CLEAR_TEXT,
    ENTITIES,
    STATIC_IV,
    PASSWORD_HASH,
    SECRET,
    EMPTY_PASSWORD,
    INTERFACES,
    PERMISSIONS,
    DESERIALISED,
    ARCHIVE,
    UNESCAPED,
    DETAILS,
  ],
  run(program) {
    const findings: CodeFinding[] = []
    const seen = new Map<string, number>()
    for (const module of program.modules) {
      if (module.language !== 'python' || module.test) continue
      for (const fn of module.functions)
        walkFunction(fn, (node) => {
          const found =
            node.kind === 'call'
              ? (judge(node, fn) ?? judgeStored(node, fn) ?? judgeCredentials(node, fn))
              : (judgeSetting(node) ?? judgeWritten(node, fn))
          if (found !== null) findings.push(findingOf(found.rule, found.message, module, node, seen))
        })
    }
    return findings
  },
}

const SECRET_WORDS =
  /token|secret|password|passwd|session|cookie|nonce|salt|otp|csrf|remember|api_?key|reset/i
const CLIENT =
  /^py\.(?:requests|httpx)\.(?:get|post|put|patch|delete|head|options|request|Session|Client|AsyncClient)\b/

function judge(call: Call, fn: FunctionInfo): Found | null {
  const { api } = call
  const method = call.callee.kind === 'member' ? call.callee.property : null
  if (method === 'set_cookie' && call.args.length > 1) {
    const secure = option(call, 'secure')
    // Keyword arguments that are spread may say it.
    if (
      call.args.some((each) => each.kind === 'spread') ||
      (secure !== undefined && constant(secure) !== false)
    )
      return null
    return { rule: COOKIE, message: 'The cookie is sent over connections that anybody can read.' }
  }
  if (
    method === 'run' &&
    constant(option(call, 'debug')) === true &&
    /\b(?:flask|bottle)\b/i.test(fn.module.text.slice(0, 5_000))
  )
    return { rule: DEBUG, message: 'Whoever reaches the debugger runs code on the server.' }
  if (api === null) return null
  if (
    /^py\.hashlib\.(?:md5|sha1)$/.test(api) ||
    (api === 'py.hashlib.new' && /^(?:md5|md4|sha1)$/i.test(String(constant(call.args[0]))))
  )
    return constant(option(call, 'usedforsecurity')) === false
      ? null
      : (passwordHash(call, fn) ?? {
          rule: WEAK_HASH,
          message: 'MD5 and SHA-1 are broken: collisions are cheap.',
        })
  const hashed = passwordHash(call, fn)
  if (hashed !== null) return hashed
  const vector = staticVector(call, fn)
  if (vector !== null) return vector
  if (
    /^py\.(?:Crypto|Cryptodome)\.Cipher\.(?:DES3?|ARC[24]|Blowfish)\.new$/.test(api) ||
    /\.modes\.ECB$|algorithms\.(?:ARC4|Blowfish|TripleDES|IDEA)$/.test(api)
  )
    return { rule: WEAK_CIPHER, message: 'The cipher, or its mode, does not keep a secret.' }
  if (
    /^py\.random\.(?:random|randint|randrange|choice|choices|sample|getrandbits|uniform|randbytes|normalvariate|gauss|triangular|betavariate|expovariate|shuffle)$/.test(
      api,
    ) &&
    (SECRET_WORDS.test(textAround(fn)) || makesText(call, fn))
  )
    return {
      rule: WEAK_RANDOM,
      message: 'Who has seen some values of `random` knows the next ones, and a secret is made here.',
    }
  if (CLIENT.test(api) && constant(option(call, 'verify')) === false)
    return {
      rule: TLS,
      message: 'Whoever is in between can pretend to be the server: its certificate is not looked at.',
    }
  if (api === 'py.ssl._create_unverified_context')
    return {
      rule: TLS,
      message: 'Whoever is in between can pretend to be the server: its certificate is not looked at.',
    }
  if (
    /^py\.(?:Crypto|Cryptodome)\.PublicKey\.(?:RSA|DSA)\.generate$|\.asymmetric\.(?:rsa|dsa)\.generate_private_key$/.test(
      api,
    )
  ) {
    const size =
      constant(option(call, 'bits') ?? option(call, 'key_size')) ??
      call.args.map(constant).find((each) => Number(each) >= 256 && Number(each) <= 16_384)
    if (typeof size === 'number' && size < 2_048)
      return { rule: SHORT_KEY, message: `A key of ${size} bits can be broken.` }
  }
  if (/^py\.(?:ftplib\.FTP|telnetlib\.Telnet)$/.test(api))
    return { rule: CLEAR_TEXT, message: 'Whoever is in between reads names, passwords and contents.' }
  if (api === 'py.lxml.etree.XMLParser' && constant(option(call, 'resolve_entities')) === true)
    return {
      rule: ENTITIES,
      message: 'A document can read files of the server and make requests in its name.',
    }
  if (api === 'py.tempfile.mktemp')
    return { rule: TEMPORARY, message: 'Between the name and its use somebody else can put a file there.' }
  if (api === 'py.jwt.decode') {
    const options = option(call, 'options')
    const off =
      options?.kind === 'object' &&
      options.properties.some(({ key, value }) => key === 'verify_signature' && constant(value) === false)
    if (off || constant(option(call, 'verify')) === false)
      return { rule: TOKEN, message: 'Whoever sends the token decides what is in it.' }
  }
  if (/^py\.(?:python_jwt|jws)\.process_jwt$|^py\.jose\.(?:jwt|jws)\.get_unverified_claims$/.test(api))
    return {
      rule: TOKEN,
      message: 'Whoever writes the token decides what is in it: nothing compares its signature.',
    }
  return null
}

const PASSWORD = /pass(?:word|wd|phrase)$|^pwd$/i

/** A digest of a password; what looks passwords up in lists of stolen ones has to take the digest that they take. */
function passwordHash(call: Call, fn: FunctionInfo): Found | null {
  const { api } = call
  if (api === null || /pwned/i.test(fn.module.text)) return null
  const given = /^py\.hashlib\.(?:md5|sha\d+|sha3_\d+|blake2[bs])$|^py\.hashlib\.\w+\(\)\.update$/.test(api)
    ? call.args[0]
    : api === 'py.hashlib.new'
      ? call.args[1]
      : undefined
  return PASSWORD.test(nameOf(given))
    ? {
        rule: PASSWORD_HASH,
        message: `Whoever has the digest of \`${nameOf(given)}\` tries billions of passwords a second.`,
      }
    : null
}

function staticVector(call: Call, fn: FunctionInfo): Found | null {
  const { api } = call
  if (api === null) return null
  const mode = /\.modes\.(?:CBC|CTR|CFB8?|OFB|GCM)$/.test(api)
  if (!mode && !/^py\.(?:Crypto|Cryptodome)\.Cipher\.(?:AES|DES3?|Blowfish|ChaCha20)\.new$/.test(api))
    return null
  const vector = mode
    ? argument(call, 0, 'initialization_vector', 'nonce')
    : (argument(call, 2, 'iv', 'IV', 'nonce') ?? undefined)
  return isFixed(vector, fn)
    ? {
        rule: STATIC_IV,
        message: 'Equal messages look equal, and with some modes can be read, as the vector never changes.',
      }
    : null
}

/** Random texts of letters and digits are codes and passwords nearly everywhere. */
function makesText(call: Call, fn: FunctionInfo): boolean {
  const [from] = call.args
  return (
    from !== undefined &&
    /\bstring\.(?:ascii_\w+|letters|digits|printable|punctuation)\b|^ascii_\w+$/.test(
      textOf(fn.module, from),
    ) &&
    !/fake|dummy|mock|lorem|sample|fixture|demo|bench/i.test(`${named(fn).name} ${fn.module.path}`)
  )
}

function findingOf(
  info: RuleInfo,
  message: string,
  module: Module,
  node: Span,
  seen: Map<string, number>,
): CodeFinding {
  const key = `${info.id}\n${module.path}\n${textOf(module, node)}`
  const occurrence = seen.get(key) ?? 0
  seen.set(key, occurrence + 1)
  return {
    rule: info.id,
    cwe: info.cwe,
    severity: info.severity,
    message,
    location: locate(module, node),
    path: [],
    fix: { text: info.help },
    fingerprint: fingerprintOf(info.id, module, node, occurrence),
  }
}
