import { isPlaceholder, looksRandom } from '../../../secrets/looks-random.ts'
import { namedSecret } from '../../../secrets/named-value.ts'
import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Node } from '../../flow-graph/walk.ts'
import { constant, nameOf, option, type Found } from './python-call.ts'
import { EMPTY_PASSWORD, SECRET } from './python-rules.ts'

const NOT_PRODUCT =
  /(?:^|\/)(?:examples?|samples?|demos?|docs?|seeds?|playground|scripts|dev|local)(?:\/|\.py$|_)/i
const LOCAL = /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|::1|db|postgres|mysql|mongo|redis)?$/i
const PASSWORD = /pass(?:word|wd|phrase)$|^pwd$/i
const SIGNING = /^(?:secret_?key|jwt_?secret(?:_?key)?|signing_?key)$/i
/** Calls that open a connection or log in: what they are given as a password is one. */
const CONNECTS =
  /(?:^|_)(?:connect|login|auth|authenticate|create_engine)$|(?:Client|Connection|Connector|Engine|Pool|Session|SMTP|Redis|FTP)$/i

const READABLE = 'whoever can read the code has it, and its history keeps it.'

/** Passwords and signing keys that calls are given as they are written in the code. */
export function judgeCredentials(call: Call, fn: FunctionInfo): Found | null {
  if (NOT_PRODUCT.test(fn.module.path)) return null
  const called = call.callee.kind === 'member' ? (call.callee.property ?? '') : nameOf(call.callee)
  const host = constant(option(call, 'host') ?? option(call, 'server') ?? option(call, 'hostname'))
  for (const [index, name] of (call.names ?? []).entries()) {
    if (name === null) continue
    const value = secretText(call.args[index])
    if (value === null) continue
    if (PASSWORD.test(name) && CONNECTS.test(called) && !(typeof host === 'string' && LOCAL.test(host)))
      return {
        rule: SECRET,
        message: `The password that \`${called}\` logs in with is in the code: ${READABLE}`,
      }
    if (namedSecret(name, value) !== undefined)
      return { rule: SECRET, message: `\`${name}\` is in the code: ${READABLE}` }
  }
  const { api } = call
  if (api === null) return null
  if (
    /^py\.(?:smtplib|ftplib|imaplib|poplib)\.\w+\(\)\.login$/.test(api) &&
    secretText(call.args[1]) !== null
  )
    return { rule: SECRET, message: `The password of the account is in the code: ${READABLE}` }
  if (
    (/^py\.(?:jwt|jose\.jwt|jose\.jws)\.(?:encode|decode)$/.test(api) && secretText(call.args[1]) !== null) ||
    (/^py\.itsdangerous\.\w*Serializer$/.test(api) && secretText(call.args[0]) !== null)
  )
    return {
      rule: SECRET,
      message: 'Tokens are signed with a key that is in the code: whoever reads it can sign too.',
    }
  return null
}

/** Passwords that are compared or kept as they are written in the code. */
export function judgeWritten(node: Node, fn: FunctionInfo): Found | null {
  if (NOT_PRODUCT.test(fn.module.path)) return null
  if (node.kind === 'binary') return compared(node.operator, node.left, node.right)
  if (node.kind === 'object') return ofDatabase(node)
  if (node.kind !== 'assign' && node.kind !== 'declare') return null
  const { target, value } = node
  if ((target.kind !== 'name' && target.kind !== 'member') || value === null) return null
  const text = secretText(value)
  if (text === null) return emptyInAddress(value)
  const name = nameOf(target)
  if (SIGNING.test(name) && (target.kind === 'member' || /^[A-Z_]+$/.test(name)))
    return {
      rule: SECRET,
      message: `\`${name}\` is in the code: whoever reads it can sign sessions and tokens.`,
    }
  // `key` alone says little; a long random text under it says the rest.
  if (/^(?:\w*_)?key$/i.test(name) && !/public|primary|foreign|cache|sort/i.test(name) && isKey(text))
    return { rule: SECRET, message: `\`${name}\` is in the code: ${READABLE}` }
  return emptyInAddress(value)
}

function compared(operator: string, left: Expression, right: Expression): Found | null {
  if (operator !== '===' && operator !== '==') return null
  for (const [named, other] of [
    [left, right],
    [right, left],
  ] as const) {
    const text = secretText(other)
    if (text === null || named.kind === 'literal' || !PASSWORD.test(nameOf(named))) continue
    // A field that says what kind of thing something is.
    if (/^(?:pass(?:word|wd|phrase)?|prompt|text|hidden|none|null|true|false|yes|no|\W+)$/i.test(text))
      continue
    return {
      rule: SECRET,
      message: `The password is in the code, where \`${nameOf(named)}\` is compared: ${READABLE}`,
    }
  }
  return null
}

/** Django's `DATABASES`, of a host that is not this machine's socket. */
function ofDatabase(node: Extract<Node, { kind: 'object' }>): Found | null {
  const valueOf = (name: string): unknown => constant(node.properties.find(({ key }) => key === name)?.value)
  if (valueOf('ENGINE') === undefined || valueOf('PASSWORD') === undefined || !valueOf('USER')) return null
  const password = valueOf('PASSWORD')
  if (password === '' && typeof valueOf('HOST') === 'string' && valueOf('HOST') !== '')
    return { rule: EMPTY_PASSWORD, message: 'Whoever reaches the database is let in.' }
  const host = valueOf('HOST')
  return typeof password === 'string' &&
    typeof host === 'string' &&
    !LOCAL.test(host) &&
    !isPlaceholder(password) &&
    password !== ''
    ? { rule: SECRET, message: `The password of the database is in the code: ${READABLE}` }
    : null
}

/** `postgresql://user:@host` */
function emptyInAddress(value: Expression): Found | null {
  const text = constant(value)
  return typeof text === 'string' &&
    /^(?:postgres(?:ql)?|mysql|mariadb|mssql|oracle|mongodb)(?:\+\w{1,20})?:\/\/[^\s:@/]{1,80}:@[^\s/]/.test(
      text,
    )
    ? { rule: EMPTY_PASSWORD, message: 'Whoever reaches the database is let in.' }
    : null
}

function secretText(node: Expression | undefined): string | null {
  const text = constant(node)
  return typeof text === 'string' &&
    text !== '' &&
    text.length <= 512 &&
    !isPlaceholder(text) &&
    !/\s/.test(text)
    ? text
    : null
}

function isKey(text: string): boolean {
  return (
    text.length >= 32 &&
    /^[\w+/=-]+$/.test(text) &&
    /\d/.test(text) &&
    /[a-z]/i.test(text) &&
    looksRandom(text, 3.5)
  )
}
