import type { OutcomeReport } from '../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { textOf } from '../sdk/text-of.ts'
import type { Standing } from './action-door.ts'
import { errorResponse, paramsOf, resultResponse, type Response } from './message.ts'
import type { ClientRequest } from './client-side.ts'
import type { Session } from './session.ts'
import type { TaskEntry } from './task-book.ts'
import {
  changedResult,
  judgedShape,
  labelled,
  refusalResult,
  sentences,
  textOfResult,
} from './tool-result.ts'
import { lostSentence, type Ended } from './upstream-calls.ts'

const MAX_ERROR = 2_000

/** Records what became of a call that has begun, and answers the client. */
export async function finishCall(
  session: Session,
  active: ClientRequest,
  standing: Standing,
  ended: Ended,
  refuse: (text: string, about?: Parameters<typeof refusalResult>[1]) => void,
): Promise<void> {
  const { context } = session
  const { door } = context
  const { id } = standing
  const tool = textOf(paramsOf(active.message)['name'])
  if (ended.kind === 'cancelled') {
    await door.report(id, { outcome: 'unknown', error: 'the client took the call back while it ran' })
    return active.answer(null)
  }
  if (ended.kind !== 'response') {
    const begun = ended.kind === 'timeout' || ended.reached
    const why = lostSentence(context.name, ended)
    await door.report(id, { outcome: begun ? 'unknown' : 'failed', error: why.slice(0, MAX_ERROR) })
    return refuse(
      begun
        ? `${why} Nobody knows whether ${tool} has done its work: look before you call it again.`
        : `${why} ${tool} was not called. Try again later.`,
      { action: id },
    )
  }
  const { result, error } = ended.message
  if (isJsonObject(error)) return answerError(session, active, id, error)
  if (!isJsonObject(result)) {
    await door.report(id, { outcome: 'unknown', error: 'the server answered no result' })
    return refuse(
      `The server ${context.name} answered nonsense. Nobody knows whether ${tool} has done its work.`,
      { action: id },
    )
  }
  const task = taskOf(result)
  if (task !== null) {
    context.tasks.add(session.agent, task, {
      action: id,
      tool,
      token: tokenOf(active),
      upstreamToken: session.upstreamId(active),
      session,
      reported: false,
    })
    return active.answer({
      ...ended.message,
      id: active.message.id,
      result: labelled(result, context.name, id),
    })
  }
  if (result['resultType'] === 'input_required') {
    // Nothing is done yet: the request comes again with what the server asks for, as an action of its own.
    await door.report(id, { outcome: 'succeeded', result: { input_required: true } })
    return active.answer({ ...ended.message, id: active.message.id })
  }
  const judged = await judge(session, id, tool, result)
  active.answer(resultResponse(active.message.id, judged))
}

/** Judges and reports a result, and answers what the client may have of it. */
async function judge(session: Session, id: string, tool: string, result: JsonObject): Promise<JsonObject> {
  const { name, settings, door } = session.context
  const failed = result['isError'] === true
  const outcome: OutcomeReport = failed
    ? { outcome: 'failed', error: textOfResult(result).slice(0, MAX_ERROR).toWellFormed() }
    : { outcome: 'succeeded' }
  const size = Buffer.byteLength(JSON.stringify(result))
  if (size > settings.maxResult) {
    await door.report(id, { ...outcome, result: { withheld: 'too large', bytes: size } })
    return withheld(
      result,
      `The result of ${tool} has ${size} bytes; at most ${settings.maxResult} are let through. Ask for less.`,
      id,
    )
  }
  const shape = judgedShape(result, name)
  const verdict = await door.finish(id, { ...outcome, result: shape })
  if (verdict?.effective === 'deny') {
    const text = `Belay withheld the result of ${tool}: ${sentences(verdict.reasons)} The call itself ${failed ? 'failed' : 'was carried out'}.`
    return withheld(result, text, id, verdict.reasons)
  }
  const changed = changedResult(result, shape, verdict)
  if (changed === undefined) {
    const text = `Belay withheld the result of ${tool}: what had to be taken out of its text may be in its other parts too. The call itself was carried out.`
    return withheld(result, text, id, verdict?.reasons)
  }
  return labelled(changed, name, id)
}

function withheld(
  { resultType }: JsonObject,
  text: string,
  action: string,
  reasons?: Parameters<typeof refusalResult>[1]['reasons'],
): JsonObject {
  const { resultType: _, ...refusal } = refusalResult(text, { action, ...(reasons && { reasons }) })
  return { ...(resultType !== undefined && { resultType }), ...refusal }
}

/** An error of the server: its words go to the model as well, so they are looked at like a result. */
async function answerError(
  session: Session,
  active: ClientRequest,
  id: string,
  error: JsonObject,
): Promise<void> {
  const { name, door } = session.context
  const text = typeof error['message'] === 'string' ? error['message'] : ''
  const shape: JsonObject = {
    text,
    content: [],
    structured: error['data'] ?? null,
    provenance: `untrusted:mcp:${name}`,
  }
  const verdict = await door.finish(id, {
    outcome: 'failed',
    error: text.slice(0, MAX_ERROR).toWellFormed(),
    result: shape,
  })
  const code = typeof error['code'] === 'number' ? error['code'] : -32603
  active.answer(
    verdict?.effective === 'deny' || verdict?.effective === 'transform'
      ? errorResponse(
          active.message.id,
          code,
          `Belay withheld the words of this error: ${sentences(verdict.reasons)}`,
        )
      : ({ jsonrpc: '2.0', id: active.message.id, error } satisfies Response),
  )
}

/** What a task has come to. Answers the result that may be passed on, or `null` where there is none. */
export async function finishTask(
  session: Session,
  entry: TaskEntry,
  result: JsonObject | null,
  status: JsonValue | undefined,
): Promise<JsonObject | null> {
  if (result !== null) {
    entry.reported = true
    return judge(session, entry.action, entry.tool, result)
  }
  if (!entry.reported && (status === 'failed' || status === 'cancelled')) {
    entry.reported = true
    const outcome = status === 'failed' ? 'failed' : 'unknown'
    await session.context.door.report(entry.action, { outcome, error: `the task is ${status}` })
  }
  return null
}

/** The id of the task that a call has become: nested in 2025-11-25, flat in the extension of 2026-07-28. */
function taskOf({ task, resultType, taskId }: JsonObject): string | null {
  const id = isJsonObject(task) ? task['taskId'] : resultType === 'task' ? taskId : undefined
  return typeof id === 'string' && id.length <= 1_000 ? id : null
}

function tokenOf({ message }: ClientRequest): string | number | null {
  const meta = (message['params'] as JsonObject)['_meta']
  const token = isJsonObject(meta) ? meta['progressToken'] : undefined
  return typeof token === 'string' || typeof token === 'number' ? token : null
}
