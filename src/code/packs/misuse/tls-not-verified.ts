import type { Effects } from '../../effects/effects.ts'
import type { Node } from '../../flow-graph/walk.ts'
import { walkFunction } from '../../flow-graph/walk.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { Hit, Rule } from '../rule.ts'
import { codeOf, conditionsAround, constantOf, modulesWith, outermost } from './calls.ts'
import { replaced } from './edits.ts'

/** Whoever turns it off asks for it, or is no server that others use. */
const ASKED_FOR =
  /NODE_ENV|accept|invalid|\benv\b|dev|test|local|insecure|self|unsafe|verif|reject|skip|allow|strict|ignore|trust|debug|noCheck|staging|ssl_?mode|sslmode/i

export const TLS_NOT_VERIFIED: Rule = {
  info: {
    id: 'misuse/tls-not-verified',
    title: 'Certificates are not verified',
    cwe: 'CWE-295',
    tags: ['OWASP A02:2021', 'GDPR Art. 32'],
    severity: 'error',
    help: 'Take `rejectUnauthorized: false` out; give the certificate of an own authority as `ca`, or by NODE_EXTRA_CA_CERTS.',
  },
  *find(effects) {
    for (const module of modulesWith(
      effects,
      /rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED|strictSSL|checkServerIdentity/,
    )) {
      for (const within of module.functions) {
        const places: { node: Node; around: readonly Node[] }[] = []
        walkFunction(within, (node, around) => {
          if (node.kind === 'object' || node.kind === 'assign') places.push({ node, around: [...around] })
        })
        for (const { node, around } of places) {
          const hit = judge(effects, node, within)
          if (hit === null) continue
          if (conditionsAround(effects, within, around).some((each) => ASKED_FOR.test(each))) continue
          // It looks at the certificate itself.
          if (/getPeerCertificate|fingerprint/.test(codeOf(outermost(within)))) continue
          yield hit
        }
      }
    }
  },
}

const MESSAGE = 'Whoever is in between can pretend to be the server: its certificate is not looked at.'

function judge(effects: Effects, node: Node, within: FunctionInfo): Hit | null {
  const isOff = (value: Expression): boolean => value.kind === 'literal' && value.value === false
  if (node.kind === 'object')
    for (const each of node.properties) {
      if (each.spread) continue
      if ((each.key === 'rejectUnauthorized' || each.key === 'strictSSL') && isOff(each.value))
        return {
          module: within.module,
          span: each,
          message: MESSAGE,
          edits: [replaced(within.module, each.value, 'true')],
        }
      if (
        each.key === 'checkServerIdentity' &&
        each.value.kind === 'function' &&
        each.value.function.body.length < 2
      ) {
        const [only] = each.value.function.body
        if (only === undefined || (only.kind === 'return' && (only.value === null || isNothing(only.value))))
          return {
            module: within.module,
            span: each,
            message: 'Any valid certificate passes for this server, whatever name it is for.',
          }
      }
    }
  if (node.kind !== 'assign' || node.target.kind !== 'member') return null
  const name = node.target.property
  if (name === 'NODE_TLS_REJECT_UNAUTHORIZED' && String(constantOf(effects, node.value, within)) === '0')
    return {
      module: within.module,
      span: node,
      message: 'No certificate is looked at in the whole process from here on.',
      edits: [replaced(within.module, node.value, "'1'")],
    }
  return (name === 'rejectUnauthorized' || name === 'strictSSL') && isOff(node.value)
    ? {
        module: within.module,
        span: node,
        message: MESSAGE,
        edits: [replaced(within.module, node.value, 'true')],
      }
    : null
}

function isNothing(value: Expression): boolean {
  return (
    (value.kind === 'literal' && (value.value === undefined || value.value === null)) ||
    (value.kind === 'name' && value.name === 'undefined') ||
    (value.kind === 'unary' && value.operator === 'void')
  )
}
