import type { Effects } from '../../effects/effects.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { CodeEdit } from '../../finding.ts'
import { type Module, textOf } from '../../flow-graph/module.ts'
import type { Hit, Rule } from '../rule.ts'
import {
  callsTo,
  codeOf,
  constantOf,
  inBrowser,
  modulesWith,
  objectOf,
  optionOf,
  outermost,
  words,
  type Written,
} from './calls.ts'
import { withOption } from './edits.ts'

export const INSECURE_COOKIE: Rule = {
  info: {
    id: 'misuse/insecure-cookie',
    title: 'A session cookie that scripts can read, or that is sent without encryption',
    cwe: 'CWE-614',
    tags: ['CWE-1004', 'CWE-1275', 'OWASP A05:2021'],
    severity: 'warning',
    help: "Set `httpOnly: true`, `secure: true` (by the environment, where development has no TLS) and `sameSite: 'lax'`.",
  },
  *find(effects) {
    yield* sessions(effects)
    yield* setters(effects)
    yield* headers(effects)
  },
}

/** Names of cookies that let in whoever has them. */
function letsIn(name: unknown): boolean {
  if (typeof name !== 'string') return false
  const plain = words(name)
  return (
    /(?:^|_)(?:session|sess|sid|token|jwt|auth|access_?token|refresh_?token|id_?token|remember(?:_me)?|connect_sid|user_?id|logged_?in_?user)(?:_|$)/.test(
      plain,
    ) &&
    !/csrf|xsrf|push|device|fcm|public|locale|theme|_state$|auth_error|redirect|return_to|expires|count|pkce/.test(
      plain,
    )
  )
}

type Flag = 'httpOnly' | 'secure'

/** Whether a flag is off: by itself, or left out where the default is off. */
function isOff(effects: Effects, options: Written | null, flag: Flag, byDefault: boolean): boolean {
  if (options === null) return !byDefault
  const found = optionOf(effects, options, flag)
  if (found === 'unknown') return false
  return found === null ? !byDefault : found.value.kind === 'literal' && found.value.value === false
}

function complaint(script: boolean, plain: boolean): string | null {
  if (script && plain) return 'scripts of the page can read it, and it is sent without encryption'
  if (script) return 'scripts of the page can read it'
  return plain ? 'it is sent without encryption' : null
}

function* sessions(effects: Effects): Generator<Hit> {
  for (const { node, within, api } of callsTo(
    effects,
    /express-session|cookie-session|@fastify\/session|fastify-session/,
    /^(?:express-session|cookie-session)$/,
  )) {
    const options = objectOf(effects, node.args[0], within)
    if (options === null) continue
    let cookie: Written | null = options
    if (api === 'express-session') {
      const given = optionOf(effects, options, 'cookie')
      if (given === 'unknown') continue
      cookie = given === null ? null : objectOf(effects, given.value, given.within)
      if (given !== null && cookie === null) continue
    }
    if (isSetLater(within, 'secure') || isSetLater(within, 'cookie')) continue
    const said = complaint(isOff(effects, cookie, 'httpOnly', true), isOff(effects, cookie, 'secure', false))
    if (said === null) continue
    const edits =
      cookie === null
        ? [withOption(effects, options, 'cookie', "{ secure: true, sameSite: 'lax' }")]
        : flags(
            effects,
            cookie,
            isOff(effects, cookie, 'httpOnly', true),
            isOff(effects, cookie, 'secure', false),
          )
    yield {
      module: within.module,
      span: node,
      message: `The session's cookie: ${said}.`,
      edits: edits.filter((each) => each !== null),
    }
  }
}

/** `options.secure = true`, somewhere in the same function. */
function isSetLater(within: FunctionInfo, flag: string): boolean {
  return new RegExp(`\\.${flag}(?:\\.\\w+)?\\s*=[^=]`).test(codeOf(outermost(within)))
}

const METHODS = /^(?:cookie|setCookie|set|setSignedCookie)$/

function* setters(effects: Effects): Generator<Hit> {
  for (const module of modulesWith(effects, /[cC]ookie/)) {
    if (inBrowser(module)) continue
    for (const within of module.functions)
      for (const { node } of effects.bindings.calls.get(within) ?? []) {
        if (node.kind !== 'call') continue
        const given = givenCookie(effects, node.callee, node.args, within)
        if (given === null) continue
        const { name, value, options, safeByDefault } = given
        if (!letsIn(constantOf(effects, name, within))) continue
        if (value === undefined || isEmpty(effects, value, within)) continue
        let written: Written | null = null
        if (options !== undefined) {
          written = objectOf(effects, options, within)
          if (written === null) continue
          if (['maxAge', 'expires'].some((each) => ends(effects, written as Written, each))) continue
        }
        const off = (flag: Flag, byDefault: boolean): boolean =>
          isOff(effects, written, flag, byDefault) && !isSetLater(within, flag)
        const said = complaint(off('httpOnly', safeByDefault), off('secure', safeByDefault))
        if (said === null) continue
        yield {
          module,
          span: node,
          message: `The cookie \`${String(constantOf(effects, name, within))}\`: ${said}.`,
          edits:
            written === null
              ? [afterLast(module, value, ", { httpOnly: true, secure: true, sameSite: 'lax' }")]
              : flags(effects, written, off('httpOnly', safeByDefault), off('secure', safeByDefault)),
        }
      }
  }
}

/** Flags set to true, in an object literal of the same program. */
function flags(effects: Effects, written: Written, httpOnly: boolean, secure: boolean): CodeEdit[] {
  return [
    httpOnly ? withOption(effects, written, 'httpOnly', 'true') : null,
    secure ? withOption(effects, written, 'secure', 'true') : null,
  ].filter((each) => each !== null)
}

function afterLast(module: Module, last: Expression, text: string): CodeEdit {
  return { path: module.path, at: last.end, end: last.end, text }
}

interface Given {
  readonly name: Expression | undefined
  readonly value: Expression | undefined
  readonly options: Expression | undefined
  /** Koa: scripts cannot read it, and it is secure where the request was. */
  readonly safeByDefault: boolean
}

/** `res.cookie(name, value, options)` and its like in Fastify, Hono, h3, Koa, Next. */
function givenCookie(
  effects: Effects,
  callee: Expression,
  args: readonly Expression[],
  within: FunctionInfo,
): Given | null {
  if (callee.kind === 'name') {
    // Hono and h3 take their context first.
    if (callee.name !== 'setCookie' && callee.name !== 'setSignedCookie') return null
    const { text } = effects.origins.of(callee, within)
    if (!/^(?:hono\/cookie|h3)\.|^global:setCookie$/.test(text)) return null
    return {
      name: args[1],
      value: args[2],
      options: args[callee.name === 'setCookie' ? 3 : 4],
      safeByDefault: false,
    }
  }
  if (callee.kind !== 'member' || !METHODS.test(callee.property ?? '')) return null
  const receiver = textOf(within.module, callee.object).slice(-80)
  if (callee.property === 'set') {
    if (!/cookies(?:\(\))?\)?$|cookieStore$/i.test(receiver)) return null
    const koa = /\bctx\.cookies$/.test(receiver)
    if (args.length === 1) {
      const all = objectOf(effects, args[0], within)
      const part = (name: string): Expression | undefined => {
        const found = all === null ? null : optionOf(effects, all, name)
        return found === null || found === 'unknown' ? undefined : found.value
      }
      return { name: part('name'), value: part('value'), options: args[0], safeByDefault: false }
    }
    return { name: args[0], value: args[1], options: args[2], safeByDefault: koa }
  }
  if (!/^(?:.*\.)?(?:res|resp|response|reply|rep|_res|h|ctx\.res|c)(?:\.status\([^)]*\))?$/.test(receiver))
    return null
  return { name: args[0], value: args[1], options: args[2], safeByDefault: false }
}

function isEmpty(effects: Effects, value: Expression, within: FunctionInfo): boolean {
  const constant = constantOf(effects, value, within)
  return (
    constant === '' ||
    constant === null ||
    constant === 'none' ||
    constant === 'loggedout' ||
    constant === 'deleted'
  )
}

/** The cookie is taken away. */
function ends(effects: Effects, options: Written, name: string): boolean {
  const found = optionOf(effects, options, name)
  if (found === null || found === 'unknown') return false
  if (constantOf(effects, found.value, found.within) === 0) return true
  return /new Date\((?:0|1)\)|Date\.now\(\) - /.test(textOf(found.within.module, found.value))
}

function* headers(effects: Effects): Generator<Hit> {
  for (const module of modulesWith(effects, /set-cookie/i)) {
    if (inBrowser(module)) continue
    for (const within of module.functions)
      for (const { node } of effects.bindings.calls.get(within) ?? []) {
        if (node.kind !== 'call' || node.callee.kind !== 'member') continue
        const [name, value] = node.args
        if (name?.kind !== 'literal' || !/^set-cookie$/i.test(String(name.value)) || value === undefined)
          continue
        if (value.kind !== 'template' && value.kind !== 'literal' && value.kind !== 'binary') continue
        const text = textOf(module, value)
        const cookie = /^[`'"]?([\w.-]+)=/.exec(text)?.[1]
        if (!letsIn(cookie) || /max-age=0|expires=thu, 01 jan 1970/i.test(text) || /=\s*;/.test(text))
          continue
        // What is put in may be the flags.
        if (
          value.kind !== 'literal' &&
          /;\s*['"`]?\s*\+|\$\{[^}]*(?:flag|attr|opt|secure|suffix)[^}]*\}/i.test(text)
        )
          continue
        const said = complaint(!/httponly/i.test(text), !/secure/i.test(text))
        if (said !== null) yield { module, span: node, message: `The cookie \`${cookie}\`: ${said}.` }
      }
  }
}
