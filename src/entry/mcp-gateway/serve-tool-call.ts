import { canonicalJson } from '../../action/digest.ts'
import type { Proposal } from '../../action/action.ts'
import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { withTags } from '../tags.ts'
import { readTraceParent } from '../telemetry/trace-parent.ts'
import type { Standing } from './action-door.ts'
import { APPROVAL_STATE, awaitPerson, type Awaited } from './await-person.ts'
import { finishCall, finishTask } from './finish-call.ts'
import { carriedOf } from './held-calls.ts'
import {
  CODE,
  errorResponse,
  isStateless,
  metaOf,
  paramsOf,
  resultResponse,
  withParams,
  type Notification,
  type Response,
} from './message.ts'
import { mirroredHeaders } from './mirrored-headers.ts'
import type { ClientRequest } from './client-side.ts'
import type { Session } from './session.ts'
import type { KnownTool } from './tool-catalog.ts'
import { refusalResult, sentences } from './tool-result.ts'

/** What `POST /v1/actions` takes as a name. */
const ACTION_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:/@-]{0,199}$/
const MAX_ARGUMENTS = 1024 * 1024
const FORBIDDEN = new Set(['__proto__', 'constructor'])
const MAX_DEPTH = 64

/** One call of a tool, from the proposal to its answer. Whatever goes wrong before the server is called refuses it. */
export async function serveToolCall(session: Session, active: ClientRequest): Promise<void> {
  const { message } = active
  const { context, agent } = session
  const params = paramsOf(message)
  const { name, arguments: given = {} } = params
  const refuse = (text: string, about: Parameters<typeof refusalResult>[1] = {}): void => {
    // Who asked for a task expects one or an error.
    if (isJsonObject(params['task'])) active.answer(errorResponse(message.id, CODE.refused, text))
    else active.answer(resultResponse(message.id, plain(message, refusalResult(text, about))))
  }
  if (typeof name !== 'string' || !isJsonObject(given))
    return active.answer(
      errorResponse(message.id, CODE.invalidParams, 'name must be a string, arguments an object'),
    )
  const fault = faultOf(given)
  if (fault !== null) return refuse(`Belay refused the call of ${name.slice(0, 200)}: ${fault}`)

  const unlisted = await session.knowTools(active)
  if (unlisted !== null) return refuse(`Belay refused the call of ${name.slice(0, 200)}: ${unlisted}.`)
  const tool = session.catalog.get(name)
  if (tool === undefined)
    return active.answer(errorResponse(message.id, CODE.invalidParams, `Unknown tool: ${name.slice(0, 200)}`))
  const action = `mcp.${context.name}.${name}`
  if (!ACTION_NAME.test(action)) return refuse(`Belay refused the call: no policy can name the tool ${name}.`)
  const pin = session.catalog.status(name, tool)
  if (pin.status === 'held')
    return refuse(
      `Belay refused the call of ${name}: its definition is new and suspicious, or has changed, and waits for the ` +
        `approval of a person (${pin.approval}; \`belay approvals approve ${pin.approval}\`). Go on without this tool.`,
      { action: pin.action, approval: pin.approval },
    )
  if (pin.status === 'refused')
    return refuse(`Belay refused the call of ${name}: ${pin.why}. Go on without this tool.`)

  const key = context.held.key(agent, name, canonicalJson(given))
  let awaited: Awaited
  try {
    const standing = await proposed(session, active, action, given, tool, key)
    awaited = await awaitPerson(session, active, standing, key)
  } catch (error) {
    // No harness, no answer: the tool does not run.
    if (!(error instanceof BelayError)) throw error
    if (error.status >= 500) context.onFault(error)
    return refuse(`Belay refused the call of ${name}: ${error.message}`)
  }
  if (awaited.status === 'left') return active.answer(null)
  if (awaited.status === 'asked') return active.answer(resultResponse(message.id, awaited.result))
  if (awaited.status === 'refused') {
    const { reasons, approval, action: id } = awaited
    const text = `Belay refused the call of ${name}: ${sentences(reasons)}${awaited.advice}`
    return refuse(text, { action: id, reasons, ...(approval !== null && { approval }) })
  }
  await execute(session, active, awaited.standing, tool, awaited.carried, refuse)
}

/** The action of this call: a new one, or the one that the same call has left waiting for a person. */
async function proposed(
  session: Session,
  { message, session: named, tags }: ClientRequest,
  action: string,
  input: JsonObject,
  { digest, hints }: KnownTool,
  key: string,
): Promise<Standing> {
  const { context, agent } = session
  const params = paramsOf(message)
  const earlier = context.held.take(key)
  if (earlier !== undefined) {
    const standing = await context.door.get(earlier.action).catch((error: unknown) => {
      if (error instanceof BelayError && error.status === 404) return undefined
      throw error
    })
    if (standing !== undefined && (standing.state === 'held' || standing.state === 'ready')) {
      carriedOf.set(standing, earlier.carried)
      return standing
    }
    if (standing?.state === 'denied') return standing
  }
  const trace = readTraceParent(metaOf(params)['traceparent'])
  const proposal: Proposal = {
    agent,
    action,
    input,
    session: named ?? session.id,
    target: context.name,
    toolSchemaVersion: digest,
    ...(trace !== undefined && { trace }),
    ...withTags(
      {
        mcp_server: context.name,
        ...(Object.keys(hints).length > 0 && { tool_hints_untrusted: hints }),
      },
      tags,
    ),
  }
  return context.door.propose(proposal, true)
}

async function execute(
  session: Session,
  active: ClientRequest,
  standing: Standing,
  tool: KnownTool,
  carried: JsonObject,
  refuse: (text: string, about?: Parameters<typeof refusalResult>[1]) => void,
): Promise<void> {
  const { context } = session
  const { message } = active
  const { door, settings } = context
  if (active.left.aborted) {
    await door.report(standing.id, {
      outcome: 'failed',
      error: 'the client left before the tool was called',
      cost: 0,
    })
    return active.answer(null)
  }
  const { requestState, inputResponses, ...params } = paramsOf(message)
  const own = typeof requestState === 'string' && requestState.startsWith(APPROVAL_STATE)
  const outgoing = withParams(message, {
    ...params,
    ...(own
      ? carried
      : {
          ...(requestState !== undefined && { requestState }),
          ...(inputResponses !== undefined && { inputResponses }),
        }),
    ...((params['arguments'] !== undefined || Object.keys(standing.input).length > 0) && {
      arguments: standing.input,
    }),
  })
  const headers = isStateless(message) ? mirroredHeaders(tool.mirrored, standing.input) : {}
  const ended = await session.ask(active, outgoing, {
    timeout: Math.min(settings.timeout, standing.limit ?? settings.timeout),
    headers,
  })
  await finishCall(session, active, standing, ended, refuse)
}

/** Results that older clients know nothing of are left out. */
function plain(message: JsonObject, result: JsonObject): JsonObject {
  if (isStateless(message)) return result
  const { resultType: _, ...rest } = result
  return rest
}

/** What the pipeline could not take; the bounds are those of `POST /v1/actions`. */
function faultOf(input: JsonObject): string | null {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: input, depth: 1 }]
  let size = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next
    size += typeof value === 'string' ? value.length : 8
    if (size > MAX_ARGUMENTS) return `its arguments have more than ${MAX_ARGUMENTS} characters.`
    if (typeof value === 'string' && !value.isWellFormed()) return 'its arguments are not valid Unicode.'
    if (typeof value !== 'object' || value === null) continue
    if (depth > MAX_DEPTH) return `its arguments are nested more than ${MAX_DEPTH} levels deep.`
    for (const [key, item] of Object.entries(value)) {
      size += key.length
      if (FORBIDDEN.has(key)) return 'its arguments have a property whose name is not allowed.'
      waiting.push({ value: item, depth: depth + 1 })
    }
  }
  return null
}

/** `tasks/…`: what a task has come to is the outcome of the call that began it. */
export async function judgeTask(
  session: Session,
  active: ClientRequest,
  response: Response,
  result: JsonObject,
): Promise<Response> {
  const { taskId } = paramsOf(active.message)
  const entry = typeof taskId === 'string' ? session.context.tasks.get(session.agent, taskId) : undefined
  if (entry === undefined)
    return errorResponse(
      response.id,
      CODE.invalidParams,
      'Belay does not know this task as one of this agent',
    )
  const inline = active.message.method === 'tasks/result' ? result : result['result']
  const judged = await finishTask(session, entry, isJsonObject(inline) ? inline : null, result['status'])
  if (judged === null) return response
  return {
    ...response,
    result: active.message.method === 'tasks/result' ? judged : { ...result, result: judged },
  }
}

/** Notifications of tasks may hold their results; `null`: not to be passed on. */
export async function judgeTaskNotification(
  session: Session,
  message: Notification,
  params: JsonObject,
): Promise<Notification | null> {
  const { taskId, result, status } = params
  const entry = typeof taskId === 'string' ? session.context.tasks.get(session.agent, taskId) : undefined
  if (entry === undefined) return null
  const judged = await finishTask(session, entry, isJsonObject(result) ? result : null, status)
  return judged === null ? message : withParams(message, { ...params, result: judged })
}
