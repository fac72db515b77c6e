import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { locate, textOf, type Module } from '../../flow-graph/module.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import { fingerprintOf } from '../../fingerprint.ts'
import type { CodeFinding } from '../../finding.ts'
import type { Pack, RuleInfo } from '../../pack.ts'

const rule = (
  id: string,
  title: string,
  cwe: string,
  severity: RuleInfo['severity'],
  help: string,
): RuleInfo => ({
  id: `python/${id}`,
  title,
  cwe,
  tags: [],
  severity,
  help,
})

const WEAK_HASH = rule(
  'weak-hash',
  'A broken hash function',
  'CWE-328',
  'warning',
  'Use SHA-256; for passwords bcrypt, scrypt or Argon2. Where it is no matter of security, say `usedforsecurity=False`.',
)
const WEAK_CIPHER = rule(
  'weak-cipher',
  'A broken cipher or mode',
  'CWE-327',
  'warning',
  'Use AES-GCM or ChaCha20-Poly1305.',
)
const WEAK_RANDOM = rule(
  'weak-random',
  'A secret that can be guessed',
  'CWE-330',
  'warning',
  'Take it from `secrets`, or from `random.SystemRandom`.',
)
const COOKIE = rule(
  'insecure-cookie',
  'A cookie that is sent without encryption',
  'CWE-614',
  'warning',
  'Set `secure=True`, and `httponly=True` where no script reads it.',
)
const TLS = rule(
  'tls-not-verified',
  'Certificates are not verified',
  'CWE-295',
  'error',
  'Verify certificates; trust an own authority by name where there is one.',
)
const DEBUG = rule(
  'debug-server',
  'A debugger that everybody can reach',
  'CWE-489',
  'warning',
  'Leave `debug` off; turn it on by the environment of your own machine.',
)
const TEMPORARY = rule(
  'guessable-file',
  'A temporary file whose name can be taken',
  'CWE-377',
  'warning',
  'Use `tempfile.mkstemp` or `NamedTemporaryFile`.',
)
const TOKEN = rule(
  'token-not-verified',
  'A token whose signature is not looked at',
  'CWE-347',
  'error',
  'Verify it, with the one algorithm that you sign with.',
)

const SHORT_KEY = rule(
  'short-key',
  'A key that is too short to keep a secret',
  'CWE-326',
  'warning',
  'Take 2,048 bits or more for RSA and DSA, better 3,072.',
)
const CLEAR_TEXT = rule(
  'clear-text-protocol',
  'Names and passwords go over the network as they are',
  'CWE-319',
  'warning',
  'Use SFTP, SSH or `ftplib.FTP_TLS`.',
)
const ENTITIES = rule(
  'external-entities',
  'An XML parser that is told to resolve external entities',
  'CWE-611',
  'warning',
  'Leave `resolve_entities` off, or use `defusedxml`.',
)

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
  ],
  run(program) {
    const findings: CodeFinding[] = []
    const seen = new Map<string, number>()
    for (const module of program.modules) {
      if (module.language !== 'python' || module.test) continue
      for (const fn of module.functions)
        walkFunction(fn, (node) => {
          if (node.kind !== 'call') return
          const found = judge(node, fn)
          if (found !== null) findings.push(findingOf(found.rule, found.message, module, node, seen))
        })
    }
    return findings
  },
}

interface Found {
  readonly rule: RuleInfo
  readonly message: string
}

const SECRET = /token|secret|password|passwd|session|cookie|nonce|salt|otp|csrf|remember|api_?key|reset/i
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
      : { rule: WEAK_HASH, message: 'MD5 and SHA-1 are broken: collisions are cheap.' }
  if (
    /^py\.(?:Crypto|Cryptodome)\.Cipher\.(?:DES3?|ARC[24]|Blowfish)\.new$/.test(api) ||
    /\.modes\.ECB$|algorithms\.(?:ARC4|Blowfish|TripleDES|IDEA)$/.test(api)
  )
    return { rule: WEAK_CIPHER, message: 'The cipher, or its mode, does not keep a secret.' }
  if (
    /^py\.random\.(?:random|randint|randrange|choice|choices|sample|getrandbits|uniform|randbytes|normalvariate|gauss|triangular|betavariate|expovariate|shuffle)$/.test(
      api,
    ) &&
    SECRET.test(textOf(fn.module, named(fn)).slice(0, 20_000))
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
  return null
}

/** The function that a comprehension or lambda stands in. */
function named(fn: FunctionInfo): FunctionInfo {
  let at = fn
  while (at.name === '' && at.parent !== null && at.parent.form !== 'module') at = at.parent
  return at
}

function option(call: Call, name: string): Expression | undefined {
  const at = call.names?.indexOf(name) ?? -1
  return at === -1 ? undefined : call.args[at]
}

function constant(node: Expression | undefined): unknown {
  return node?.kind === 'literal' ? node.value : undefined
}

function findingOf(
  info: RuleInfo,
  message: string,
  module: Module,
  node: Call,
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
