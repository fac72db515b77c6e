import { isJsonObject, type JsonObject } from '../../action/json.ts'
import type { Reason } from '../../action/finding.ts'
import { visible } from '../../channels/approval-view.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { textOf } from '../sdk/text-of.ts'
import type { Standing } from './action-door.ts'
import { carriedOf } from './held-calls.ts'
import { isStateless, META, metaOf, paramsOf } from './message.ts'
import type { ClientRequest } from './client-side.ts'
import type { Session } from './session.ts'

export type Awaited =
  | { readonly status: 'started'; readonly standing: Standing; readonly carried: JsonObject }
  | {
      readonly status: 'refused'
      readonly action: string
      readonly reasons: readonly Reason[]
      readonly approval: string | null
      readonly advice: string
    }
  /** The client is asked for the approval and repeats its request with the answer (MCP 2026-07-28). */
  | { readonly status: 'asked'; readonly result: JsonObject }
  | { readonly status: 'left' }

/** Begins the `requestState` of our own question, which tells its answer from one that is meant for the server. */
export const APPROVAL_STATE = 'belay-approval:'
const QUESTION = 'belay_approval'
const TICK_MS = 5_000
const MAX_REASON = 2_000
/** Longer arguments are not read in a question, and nobody approves what they could not read: others are asked. */
const MAX_SHOWN = 8_000
const TICK = 1e-6

/**
 * A client of MCP cannot be told "held": its call waits for the person, for as long as the policy says, with progress
 * meanwhile. Where the configuration says who sits at the client, that person is asked there as well; the answer is a
 * vote like any other. After the time the agent is told how to go on, and the same call again goes on with the action.
 */
export async function awaitPerson(
  session: Session,
  active: ClientRequest,
  proposed: Standing,
  key: string,
): Promise<Awaited> {
  const { context } = session
  const { door, settings } = context
  const carried = carriedOf.get(proposed) ?? {}
  if (proposed.state === 'executing') return { status: 'started', standing: proposed, carried }
  if (proposed.state === 'ready') return started(session, proposed, carried)
  if (proposed.state !== 'held') return refused(proposed, null, '')
  const approval = proposed.approval!
  let standing = proposed
  const person = settings.elicitApprover
  const asked = question(active, context.name, proposed.input)
  if (person !== null && asked !== null && isJsonObject(capabilitiesOf(session, active)['elicitation'])) {
    if (isStateless(active.message)) {
      const answer = answeredQuestion(active, approval.id)
      if (answer === undefined) {
        context.held.put(key, { action: proposed.id, approval: approval.id, carried: carriedBy(active) })
        return { status: 'asked', result: questionResult(asked, approval.id) }
      }
      standing = await voted(session, standing, approval.id, person, answer)
    } else void askThere(session, active, asked, approval.id, person)
  }
  const until = performance.now() + standing.approvalWait
  const { progressToken } = metaOf(paramsOf(active.message))
  let ticks = 0
  while (standing.state === 'held' && performance.now() < until && !active.left.aborted) {
    if (typeof progressToken === 'string' || typeof progressToken === 'number')
      // Ever so little: the server's own progress comes after it and may only grow.
      session.tell(active, 'notifications/progress', {
        progressToken,
        progress: ++ticks * TICK,
        message: `Waiting for the approval of ${approval.groups.join(', then ')}: belay approvals approve ${approval.id}`,
      })
    standing = await door.wait(standing, Math.min(until - performance.now(), TICK_MS), active.left)
  }
  if (active.left.aborted) return left(session, active, standing, key, approval.id, carried)
  if (standing.state === 'ready') return started(session, standing, carried)
  if (standing.state === 'held') {
    context.held.put(key, { action: standing.id, approval: approval.id, carried })
    return refused(
      standing,
      approval.id,
      ` It waits for the approval of ${approval.groups.join(', then ')}: a person approves it with ` +
        `\`belay approvals approve ${approval.id}\`. Then make the same call again with the same arguments; until ` +
        'then go on with something else.',
    )
  }
  return refused(
    standing,
    null,
    standing.state === 'denied' ? ' Do not try it again unchanged.' : ` It is ${standing.state}.`,
  )
}

async function started(session: Session, standing: Standing, carried: JsonObject): Promise<Awaited> {
  try {
    return { status: 'started', standing: await session.context.door.start(standing.id), carried }
  } catch (error) {
    if (!(error instanceof BelayError) || error.status !== 409) throw error
    const reasons = [{ code: error.code, message: error.message }]
    return { status: 'refused', action: standing.id, reasons, approval: null, advice: '' }
  }
}

function refused(standing: Standing, approval: string | null, advice: string): Awaited {
  return { status: 'refused', action: standing.id, reasons: standing.reasons, approval, advice }
}

/** A client that gave up waiting may come back; one that has withdrawn its call withdraws the action. */
async function left(
  session: Session,
  active: ClientRequest,
  standing: Standing,
  key: string,
  approval: string,
  carried: JsonObject,
): Promise<Awaited> {
  const { held, door } = session.context
  if (/time[d -]*out/i.test(String(active.left.reason)) && standing.state === 'held')
    held.put(key, { action: standing.id, approval, carried })
  else
    await door.cancel(standing.id).catch((error: unknown) => {
      if (!(error instanceof BelayError) || error.status !== 409) throw error
    })
  return { status: 'left' }
}

async function askThere(
  session: Session,
  active: ClientRequest,
  asked: JsonObject,
  approval: string,
  person: string,
): Promise<void> {
  const { context } = session
  try {
    const answer = await session.askClient(active, 'elicitation/create', asked, active.left)
    const decision = decisionOf(answer)
    if (decision !== undefined) await context.door.vote(approval, person, decision, reasonOf(answer))
  } catch (error) {
    context.onNote(
      `the answer at the client is no vote: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

async function voted(
  session: Session,
  standing: Standing,
  approval: string,
  person: string,
  answer: JsonObject | 'later',
): Promise<Standing> {
  const decision = answer === 'later' ? answer : (decisionOf(answer) ?? 'later')
  if (answer === 'later' || decision === 'later') return { ...standing, approvalWait: 0 }
  try {
    await session.context.door.vote(approval, person, decision, reasonOf(answer))
  } catch (error) {
    if (!(error instanceof BelayError)) throw error
    session.context.onNote(`the answer at the client is no vote: ${error.message}`)
  }
  return session.context.door.get(standing.id)
}

/** `input`: what would run, which a check or a person may have changed since the client asked. */
function question({ message }: ClientRequest, server: string, input: JsonObject): JsonObject | null {
  const shown = visible(JSON.stringify(input))
  if (shown.length > MAX_SHOWN) return null
  return {
    mode: 'form',
    message: `May the tool ${visible(textOf(paramsOf(message)['name']))} of ${server} be called with ${shown}?`,
    requestedSchema: {
      type: 'object',
      properties: {
        decision: {
          type: 'string',
          title: 'Decision',
          description: 'approve or reject',
          enum: ['approve', 'reject'],
        },
        reason: {
          type: 'string',
          title: 'Reason',
          description: 'why; needed to approve what is of high risk',
          maxLength: MAX_REASON,
        },
      },
      required: ['decision'],
    },
  }
}

function questionResult(asked: JsonObject, approval: string): JsonObject {
  return {
    resultType: 'input_required',
    inputRequests: { [QUESTION]: { method: 'elicitation/create', params: asked } },
    // Says nothing that the agent may not know. An answer counts for the approval that it was asked for and no other:
    // after an edit it is about arguments that are gone.
    requestState: `${APPROVAL_STATE}${approval}`,
  }
}

/** The answer to our question, if this is the request that brings it. */
function answeredQuestion({ message }: ClientRequest, approval: string): JsonObject | 'later' | undefined {
  const { requestState, inputResponses } = paramsOf(message)
  if (requestState !== `${APPROVAL_STATE}${approval}`) return undefined
  const answer = isJsonObject(inputResponses) ? inputResponses[QUESTION] : undefined
  return isJsonObject(answer) ? answer : 'later'
}

/** What the server had given to be brought back, which our own question replaces for one round. */
function carriedBy({ message }: ClientRequest): JsonObject {
  const { requestState, inputResponses } = paramsOf(message)
  if (typeof requestState === 'string' && requestState.startsWith(APPROVAL_STATE)) return {}
  return {
    ...(requestState !== undefined && { requestState }),
    ...(inputResponses !== undefined && { inputResponses }),
  }
}

/** Closing the question decides nothing: others may still. */
function decisionOf(answer: JsonObject | undefined): 'approve' | 'reject' | undefined {
  if (answer?.['action'] === 'decline') return 'reject'
  if (answer?.['action'] !== 'accept') return undefined
  const { content } = answer
  const decision = isJsonObject(content) ? content['decision'] : undefined
  return decision === 'approve' || decision === 'reject' ? decision : undefined
}

/** What the person typed, and nothing else: what is of high risk is not approved by a click. */
function reasonOf(answer: JsonObject | undefined): string | undefined {
  const content = answer?.['content']
  const reason = content !== undefined && isJsonObject(content) ? content['reason'] : undefined
  const typed = typeof reason === 'string' ? reason.toWellFormed().trim().slice(0, MAX_REASON) : ''
  return typed === '' ? undefined : typed
}

/** Capabilities of the client, from its request or its handshake. */
function capabilitiesOf(session: Session, { message }: ClientRequest): JsonObject {
  const declared = metaOf(paramsOf(message))[META.capabilities]
  return isJsonObject(declared) ? declared : session.clientCapabilities
}
