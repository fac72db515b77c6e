import type { Effects } from '../../effects/effects.ts'
import { nodesIn } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'
import { callsTo, objectOf, optionOf } from './calls.ts'

const TOKENS = /csrf|csurf|xsrf|^lusca|sec-fetch-site|^same-?site$/i

export const MISSING_CSRF_PROTECTION: Rule = {
  info: {
    id: 'misuse/missing-csrf-protection',
    title: 'Forms of other sites are taken for those of this one',
    cwe: 'CWE-352',
    tags: ['OWASP A01:2021', 'CWE-1275'],
    severity: 'warning',
    help: "Set `sameSite: 'lax'` on the session's cookie, and require a token in each form (`csrf-sync`, `csrf-csrf`) or compare the `Origin` header.",
  },
  *find(effects) {
    const sessions = [
      ...callsTo(effects, /express-session|cookie-session/, /^(?:express-session|cookie-session)$/),
    ].filter(({ node, within, api }) => {
      const options = objectOf(effects, node.args[0], within)
      if (options === null) return false
      if (api === 'cookie-session') return !restricts(effects, options)
      const cookie = optionOf(effects, options, 'cookie')
      if (cookie === 'unknown') return false
      if (cookie === null) return true
      const written = objectOf(effects, cookie.value, cookie.within)
      return written !== null && !restricts(effects, written)
    })
    if (sessions.length === 0 || !takesForms(effects) || isProtected(effects)) return
    for (const { node, within } of sessions)
      yield {
        module: within.module,
        span: node,
        message:
          'The session lies in a cookie without `sameSite`, routes take forms, and nothing asks where a form comes from: another site can send one in the name of its visitor.',
      }
  },
}

function restricts(effects: Effects, options: Parameters<typeof optionOf>[1]): boolean {
  const found = optionOf(effects, options, 'sameSite')
  if (found === null) return false
  if (found === 'unknown') return true
  return !(found.value.kind === 'literal' && (found.value.value === 'none' || found.value.value === false))
}

/** Bodies of plain forms are read, and a route changes something by them. */
function takesForms(effects: Effects): boolean {
  let forms = false
  let routes = false
  for (const [within, places] of effects.bindings.calls) {
    if (within.module.test) continue
    for (const { node } of places) {
      if (node.kind !== 'call' || node.callee.kind !== 'member') continue
      if (node.callee.property === 'urlencoded') forms = true
      if (/^(?:post|put|patch|delete)$/.test(node.callee.property ?? '')) {
        const [path, ...handlers] = node.args
        if (
          path?.kind === 'literal' &&
          typeof path.value === 'string' &&
          path.value.startsWith('/') &&
          handlers.length > 0
        )
          routes = true
      }
    }
    if (forms && routes) return true
  }
  return false
}

/** Somewhere a token is asked for, or where a request comes from is looked at. Comments do not count. */
function isProtected(effects: Effects): boolean {
  if (
    ['csurf', 'csrf', 'lusca', 'csrf-csrf', 'csrf-sync', 'tiny-csrf', 'koa-csrf', '@dr.pogodin/csurf'].some(
      (each) => imports(effects, each),
    )
  )
    return true
  for (const module of effects.program.modules) {
    if (module.test || !/csrf|xsrf|sec-fetch|origin|referer|sameSite/i.test(module.text)) continue
    for (const within of module.functions)
      for (const node of nodesIn(...within.body)) {
        if (
          node.kind === 'literal' &&
          typeof node.value === 'string' &&
          (TOKENS.test(node.value) || /^(?:origin|referer)$/i.test(node.value))
        )
          return true
        if (node.kind === 'name' && TOKENS.test(node.name)) return true
        if (node.kind === 'member' && /csrf|xsrf/i.test(node.property ?? '')) return true
        if (
          node.kind === 'member' &&
          /^(?:origin|referer)$/.test(node.property ?? '') &&
          node.object.kind === 'member' &&
          node.object.property === 'headers'
        )
          return true
      }
  }
  return false
}

/** Whether a module imports it: a dependency that nobody uses protects nothing. */
function imports(effects: Effects, name: string): boolean {
  return effects.program.modules.some(
    (module) => !module.test && module.imports.some((each) => each.source === name),
  )
}
