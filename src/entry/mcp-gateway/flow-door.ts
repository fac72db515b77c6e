import type { Action, OutcomeReport } from '../../action/action.ts'
import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Flow } from '../../flow/flow.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import { reportJudged } from '../judged-report.ts'
import { recordingOfExchange } from '../recording/recording-of-exchange.ts'
import { PIN_ACTION, pinSession, type ActionDoor, type PinAction, type Standing } from './action-door.ts'

export interface FlowDoorOptions {
  readonly flow: Flow
  readonly store: Pick<Store, 'action' | 'actions'>
  readonly policies: { current(): Policy }
}

const PAGE = 200
const MAX_PINS = 20_000
const MAX_OPEN = 10_000

/** The pipeline in this process. */
export function flowDoor({ flow, store, policies }: FlowDoorOptions): ActionDoor {
  const standing = (action: Action, input: JsonObject): Standing =>
    standingOf(action, input, policies.current())

  /** Actions that are under way, so that judging a result reads nothing from the store. */
  const open = new Map<string, Action>()
  const keep = (action: Action): Action => {
    if (action.state.name !== 'executing') return action
    if (open.size >= MAX_OPEN) open.clear()
    open.set(action.id, action)
    return action
  }

  async function actionOf(id: string): Promise<Action> {
    const action = open.get(id) ?? (await store.action(id))
    if (action === undefined) throw new BelayError('action:not_found', { id })
    return action
  }

  return {
    async propose(proposal, start) {
      const { action, input } = await flow.propose(proposal, { venue: 'belay', start })
      return standing(keep(action), input)
    },
    async wait(known, ms, signal) {
      const action = await flow.waitForChange(known.id, known.version, ms, signal)
      return standing(action, known.input)
    },
    async start(id) {
      const { action, input } = await flow.start(id)
      return standing(keep(action), input)
    },
    async get(id) {
      const action = await store.action(id)
      if (action === undefined) throw new BelayError('action:not_found', { id })
      return standing(action, (await flow.input(action)) ?? {})
    },
    async cancel(id) {
      await flow.cancel(id, 'mcp-gateway')
    },
    async finish(id, report) {
      const action = await actionOf(id)
      open.delete(id)
      const { judged } = await reportJudged({ flow, policies }, action, report).catch(
        async (error: unknown) => {
          // Its time is over and it is recorded as unknown; what came back is judged all the same.
          if (!(error instanceof BelayError) || error.code !== 'action:wrong_state') throw error
          return { judged: await flow.judgeResult(action, report.result) }
        },
      )
      if (judged === null) return null
      return { ...judged, result: isJsonObject(judged.result) ? judged.result : {} }
    },
    report(id, report, how) {
      open.delete(id)
      return reported(flow, id, report, how)
    },
    keeps: () => policies.current().record.mcp,
    async keep(id, exchange) {
      const { record } = policies.current()
      const recording = record.mcp ? recordingOfExchange(exchange, record.maxBytes) : null
      if (recording !== null) await flow.keepRecording(id, recording)
    },
    async vote(approvalId, by, outcome, reason) {
      await flow.vote(approvalId, { by, outcome, ...(reason !== undefined && { reason }), via: 'mcp' })
    },
    async pins(agent, server) {
      const found: PinAction[] = []
      let before: string | undefined
      while (found.length < MAX_PINS) {
        const page = await store.actions({
          agent,
          action: PIN_ACTION,
          session: pinSession(server),
          limit: PAGE,
          ...(before !== undefined && { before }),
        })
        for (const { id, target, toolSchemaVersion, state } of page)
          if (target !== null && toolSchemaVersion !== null)
            found.push({ id, tool: target, digest: toolSchemaVersion, state: state.name })
        if (page.length < PAGE) break
        before = page.at(-1)!.id
      }
      return found
    },
  }
}

/** An outcome that comes too late is known as `unknown` already; a late one that says more is taken. */
async function reported(
  flow: Flow,
  id: string,
  report: OutcomeReport,
  how?: { readonly unhurried?: boolean },
): Promise<void> {
  try {
    await flow.report(id, report, how)
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'action:wrong_state') throw error
  }
}

function standingOf(action: Action, input: JsonObject, policy: Policy): Standing {
  const { state } = action
  const approval = state.name === 'held' ? state.approval : null
  return {
    id: action.id,
    version: action.version,
    state: state.name,
    effective: action.effective,
    reasons: action.reasons,
    input,
    approval:
      approval === null ? null : { id: approval.id, groups: approval.steps.map(({ group }) => group) },
    approvalWait: policy.action(action.name)?.approvalWait ?? 0,
    limit: state.name === 'executing' ? state.deadline - state.startedAt : null,
  }
}
