import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo, Variable } from '../../flow-graph/functions.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import { boundNames, type Place } from '../../effects/bindings.ts'
import { consequential, deepNodesIn, type Effects, nodesIn, type Reached } from '../../effects/effects.ts'
import type { Call, Template } from '../../flow-graph/expressions.ts'
import type { Operation } from '../../effects/operation.ts'

/** Entities whose loss nobody notices on purpose: counters, traces, what was last seen. */
const ASIDE =
  /log|audit|event|metric|stat(?:s|istic)|analytic|view|visit|seen|heartbeat|telemetry|cache|presence|typing|impression|tracking|activity/i

/** What a piece of code does that must not be lost in silence; the first of it. */
export function consequenceIn(
  statements: readonly Statement[],
  within: FunctionInfo,
  effects: Effects,
): Reached | null {
  const spans = statements.map((each) => [each.at, each.end] as const)
  const inside = (at: number): boolean => spans.some(([from, to]) => at >= from && at < to)
  for (const place of effects.bindings.calls.get(within) ?? []) {
    if (!inside(place.node.at)) continue
    const found = consequenceOf(place, effects)
    if (found !== null) return found
  }
  for (const inner of effects.inlined(within)) {
    if (!inside(inner.at)) continue
    const found = effects.reached(inner).find((each) => matters(each.operation))
    if (found !== undefined) return found
  }
  return null
}

export function consequenceOf(place: Place<Call | Template>, effects: Effects): Reached | null {
  return (
    effects
      .effectsOf(place)
      .find(
        (each) => matters(each.operation) && each.through.length <= FAR && !each.through.some(handlesItself),
      ) ?? null
  )
}

/** Through more functions than this, what fails is somebody else's to tell. */
const FAR = 3

/** Whether the whole body of a function is in a try that catches. */
export function handlesItself(target: FunctionInfo): boolean {
  return target.body.some((each) => each.kind === 'try' && each.catches.length > 0)
}

/** A consequence that is worth an alarm: no counters, traces or mail that comes on top. */
export function matters(operation: Operation): boolean {
  if (!consequential(operation) || operation.kind === 'mail') return false
  if (operation.entity !== null && operation.kind === 'database' && ASIDE.test(operation.entity)) return false
  return !(operation.kind === 'http' && isAside(operation))
}

function isAside(operation: Operation): boolean {
  const { options, place } = operation
  if (/telemetry|analytics|beacon|metrics/i.test(`${place.within.name} ${place.within.module.path}`))
    return true
  if (options?.kind === 'object' && options.properties.some((each) => each.key === 'keepalive')) return true
  return (
    operation.entity !== null &&
    /analytics|beacon|telemetry|metric|track|views?\b|\/log|collect|webhooks?\.slack|hooks\.slack|discord/i.test(
      operation.entity,
    )
  )
}

export function nameFor(operation: Operation): string {
  switch (operation.kind) {
    case 'payment':
      return 'the payment'
    case 'queue':
      return 'the queued job'
    case 'storage':
      return 'the upload'
    case 'http':
      return 'the request'
    case 'mail':
      return 'the mail'
    default: {
      const verb =
        operation.access === 'delete' ? 'deletion' : operation.access === 'insert' ? 'insertion' : 'change'
      return operation.entity === null || operation.entity.length > 40
        ? `the ${verb}`
        : `the ${verb} of \`${operation.entity}\``
    }
  }
}

/** Variables of a catch clause. */
export function caught(param: Parameters<typeof boundNames>[0] | null): ReadonlySet<Variable> {
  return new Set(param === null ? [] : boundNames(param).map((each) => each.variable))
}

const STATUS_OK =
  /^(?:ok|success|succeeded|saved|done|paid|sent|created|updated|deleted|removed|stored|completed|accepted)$/i

/** `{ success: true }`, `{ ok: true, … }`. */
export function claimsSuccess(expression: Expression | null): boolean {
  return (
    expression?.kind === 'object' &&
    expression.properties.some(
      (each) => STATUS_OK.test(each.key ?? '') && each.value.kind === 'literal' && each.value.value === true,
    )
  )
}

export interface Answer {
  readonly call: Call
  readonly status: number | null
  readonly body: Expression | null
  readonly method: string
}

const ANSWERS = /^(?:json|send|sendStatus|end|render|redirect|status|code|writeHead|jsonp|sendFile)$/
const RESPONSES = /^(?:res|response|reply|rep|h|ctx|c|_res)$/

/** `res.status(201).json(x)` and its like in Fastify, Koa and Hono; null when a call is no answer. */
export function answerOf(call: Call): Answer | null {
  let at: Expression = call
  let status: number | null = null
  let body: Expression | null = null
  let method = ''
  let found = false
  for (let depth = 0; depth < 8 && at.kind === 'call' && at.callee.kind === 'member'; depth++) {
    const name = at.callee.property ?? ''
    const [first] = at.args
    if (ANSWERS.test(name)) found = true
    if (
      /^(?:status|code|sendStatus|writeHead)$/.test(name) &&
      first?.kind === 'literal' &&
      typeof first.value === 'number'
    )
      status = first.value
    if (/^(?:json|send|render|end|jsonp)$/.test(name)) {
      body = first ?? null
      method = method === '' ? name : method
    } else if (name === 'sendStatus') method = name
    at = at.callee.object
  }
  if (!found || at.kind !== 'name' || !RESPONSES.test(at.name)) return null
  return { call, status, body, method }
}

/** Statements one after the other, with those of blocks inside of them. */
export function* blocksOf(within: FunctionInfo): Iterable<readonly Statement[]> {
  yield within.body
  for (const node of nodesIn(...within.body)) {
    if (node.kind === 'block' || node.kind === 'loop') yield node.body
    else if (node.kind === 'if') {
      yield node.then
      yield node.otherwise
    } else if (node.kind === 'try') {
      yield node.body
      yield node.finally
      for (const each of node.catches) yield each.body
    } else if (node.kind === 'switch') for (const each of node.cases) yield each.body
  }
}

/** Whether any name is read anywhere but where it is written. */
export function isRead(variable: Variable, effects: Effects): boolean {
  return (effects.bindings.reads.get(variable) ?? 0) > 0
}

export function mentionsAny(
  roots: readonly (Statement | Expression)[],
  names: ReadonlySet<Variable>,
): boolean {
  for (const node of deepNodesIn(...roots))
    if (node.kind === 'name' && node.variable !== null && names.has(node.variable)) return true
  return false
}

/** A comment of four words or more says why; `// ignore` does not. */
export function saysWhy(within: FunctionInfo, at: number, end: number): boolean {
  return within.module.comments.some(
    (each) =>
      each.at >= at && each.end <= end && (each.text.slice(0, 500).match(/\p{L}{2,}/gu)?.length ?? 0) >= 4,
  )
}
