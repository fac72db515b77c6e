import type { Effects } from '../../effects/effects.ts'
import type { Span } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Module, textOf } from '../../flow-graph/module.ts'
import type { Hit, Rule } from '../rule.ts'
import { codeOf } from './calls.ts'
import { ASKS, type Route, routesOf } from './routes.ts'

/** So many siblings must ask before one that does not is a mistake, and so many times as many as do not. */
const LEAST = 2
const TIMES = 3

export const MISSING_AUTHORISATION: Rule = {
  info: {
    id: 'misuse/missing-authorisation',
    title: 'A route that asks nobody who they are, beside others that do',
    cwe: 'CWE-862',
    tags: ['OWASP A01:2021', 'CWE-306', 'SOC 2 CC6.1'],
    severity: 'error',
    help: 'Put the same middleware, guard or call before it as its siblings have; where it is meant for everybody, say so with a suppression and its reason.',
  },
  *find(effects) {
    yield* amongRoutes(effects)
    yield* amongExports(effects)
  },
}

/** What people do before they are known, or that others call with a proof of their own. */
const FOR_ALL =
  /log_?-?in|log_?-?out|sign_?-?(?:in|up|out)|regist|forgot|reset|recover|webhook|callback|\bpublic|refresh|verif|confirm|activat|subscri|oauth|otp|accept|csp|stripe|paypal|graphql|health/i
/** What anybody may send, though not change or delete. */
const SENT_BY_ALL =
  /contact|search|feedback|event|metric|session|\bauth|invit|newsletter|ping|preview|query|filter|install|setup|enrol|waitlist|leads?\b|survey|visit|\bview|beacon|report|check|token|track|quote|estimate|chat|message|upload/i

/** In the code of a handler: it asks itself. */
const ASKS_ITSELF =
  /\bif\s*\([^)]{0,200}(?:user|session|auth|admin|role|token|permission|owner|signature|secret|member|account)|\b(?:require|ensure|assert|check|verify|get|current|is|with|load|resolve|validate|fetch)\w*(?:User|Auth|Session|Admin|Role|Permission|Logged|Access|Token|Signature|Owner|Login|Member|Viewer|Account|Principal|Identity|Context|Actor)\w*\(|\bauth\w*\(|\bauthorize\w*\(|\bcan\w*\(|\bprotect\w*\(|\.(?:auth|ability|can|cannot|authorize|authenticate|isAuthenticated)\b|\bsession\b|currentUser/i

function asksItself(effects: Effects, target: FunctionInfo, depth = 0): boolean {
  if (ASKS_ITSELF.test(depth === 0 ? codeOf(target) : textOf(target.module, target).slice(0, 4_000)))
    return true
  if (depth > 1) return false
  return (effects.bindings.calls.get(target) ?? []).slice(0, 30).some(
    ({ node, within }) =>
      node.kind === 'call' &&
      effects
        .targets(node, within)
        .slice(0, 3)
        .some((each) => asksItself(effects, each, depth + 1)),
  )
}

function* amongRoutes(effects: Effects): Generator<Hit> {
  const families = new Map<string, Route[]>()
  for (const route of routesOf(effects)) {
    const list = families.get(route.family)
    if (list === undefined) families.set(route.family, [route])
    else list.push(route)
  }
  for (const routes of families.values()) {
    if (routes.some((each) => each.guarded)) continue
    const changing = routes.filter((each) => each.verb !== 'get')
    const asked = changing.filter((each) => guardOf(each) !== null)
    const open = changing.filter(
      (each) =>
        guardOf(each) === null &&
        !isForAll(each) &&
        (each.handler === null || !checksFirst(effects, each.handler)),
    )
    if (asked.length < LEAST || open.length === 0 || open.length * TIMES > asked.length + 1) continue
    const [example] = asked
    for (const each of open)
      yield {
        module: each.module,
        span: each.span,
        message: `${each.verb.toUpperCase()} ${each.path === '' ? (each.handler?.name ?? '/') : each.path} asks nobody who they are; ${asked.length} of its siblings do (\`${guardOf(example as Route)?.slice(0, 60)}\`).`,
      }
  }
}

function isForAll({ verb, path, name, handler, guards }: Route): boolean {
  const words = `${path} ${name} ${handler?.name ?? ''} ${guards.join(' ')}`
  return FOR_ALL.test(words) || (verb === 'post' && SENT_BY_ALL.test(words))
}

/** The one of a route's guards that asks who is calling. */
function guardOf(route: Route): string | null {
  return route.guards.find((each) => ASKS.test(each)) ?? null
}

/** A handler that uses who is logged in has not asked for it; one that tests it, has. */
function checksFirst(effects: Effects, handler: FunctionInfo): boolean {
  return (
    /\bif\s*\([^)]{0,200}(?:user|session|auth|admin|role|token|permission|owner|signature|secret|member)/i.test(
      codeOf(handler),
    ) ||
    (effects.bindings.calls.get(handler) ?? []).some(({ node, within }) => {
      if (node.kind !== 'call') return false
      const called = textOf(within.module, node.callee).slice(-80)
      return (
        /(?:^|\.)\w*(?:auth|ensure|assert|require[A-Z]|verify|permission|session|isAdmin|currentUser|can[A-Z]|ability|getUser)\w*$/i.test(
          called,
        ) ||
        effects
          .targets(node, within)
          .slice(0, 3)
          .some((each) => asksItself(effects, each, 1))
      )
    })
  )
}

const CHANGES =
  /^(?:create|add|update|edit|delete|remove|set|save|rename|change|move|publish|archive|cancel|transfer|assign|grant|revoke|invite)/i

/** Server actions of one file, and handlers of one route file. */
function* amongExports(effects: Effects): Generator<Hit> {
  const byModule = new Map<Module, FunctionInfo[]>()
  for (const [target, handler] of effects.handlers) {
    if (handler.by !== 'action' && !/(?:^|\/)route\.[jt]sx?$/.test(target.module.path)) continue
    if (target.parent !== null && target.parent.form !== 'module') continue
    const list = byModule.get(target.module)
    if (list === undefined) byModule.set(target.module, [target])
    else list.push(target)
  }
  for (const [module, targets] of byModule) {
    const asked = targets.filter((each) => asksItself(effects, each))
    const open = targets.filter(
      (each) =>
        !asked.includes(each) &&
        (/^(?:POST|PUT|PATCH|DELETE)$/.test(each.name) ||
          CHANGES.test(each.name) ||
          effects.consequences(each).length > 0) &&
        !FOR_ALL.test(each.name) &&
        !(each.name === 'POST' && SENT_BY_ALL.test(module.path)) &&
        !FOR_ALL.test(module.path.split('/').slice(-3, -1).join('/')) &&
        effects.consequences(each).some(({ operation }) => operation.kind === 'database'),
    )
    if (asked.length < LEAST || open.length === 0 || open.length * TIMES > asked.length + 1) continue
    for (const each of open)
      yield {
        module,
        span: headOf(each),
        message: `${each.name} can be called by everybody and writes; ${asked.length} of its siblings in this file ask who is calling.`,
      }
  }
}

function headOf(target: FunctionInfo): Span {
  return { at: target.at, end: Math.min(target.end, target.at + 80) }
}
