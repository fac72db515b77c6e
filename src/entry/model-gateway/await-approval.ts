import type { Reason } from '../../action/finding.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Admitted } from '../../flow/flow.ts'
import type { GatewayContext } from './gateway-context.ts'

export type Awaited =
  | { readonly status: 'admitted'; readonly admitted: Admitted }
  | { readonly status: 'refused'; readonly reasons: readonly Reason[] }

/**
 * A client of a model cannot be told "held": its call waits for the person, for as long as the policy says. Whoever
 * has not decided by then, or whose caller has left, finds the action withdrawn: it never runs unseen.
 */
export async function awaitApproval(
  { flow, policies, now }: GatewayContext,
  admitted: Admitted,
  signal: AbortSignal,
): Promise<Awaited> {
  let { action } = admitted
  if (action.state.name === 'denied') return { status: 'refused', reasons: action.reasons }
  if (action.state.name !== 'held') return { status: 'admitted', admitted }
  const until = now() + (policies.current().action(action.name)?.approvalWait ?? 0)
  while (action.state.name === 'held' && now() < until && !signal.aborted) {
    action = await flow.waitForChange(action.id, action.version, Math.min(until - now(), 30_000), signal)
  }
  if (action.state.name === 'ready') return started(flow, action.id)
  if (action.state.name === 'held') {
    await flow.cancel(action.id, 'model-gateway').catch((error: unknown) => {
      if (!(error instanceof BelayError) || error.status !== 409) throw error
    })
    return refused('approval:not_in_time', 'It needs the approval of a person, who has not decided in time.')
  }
  if (action.state.name === 'denied') return refused('approval:rejected', 'A person rejected it.')
  return refused('approval:not_granted', `It was not approved: it is ${action.state.name}.`)
}

async function started(flow: GatewayContext['flow'], id: string): Promise<Awaited> {
  try {
    return { status: 'admitted', admitted: await flow.start(id) }
  } catch (error) {
    if (error instanceof BelayError && error.status === 409)
      return { status: 'refused', reasons: [{ code: error.code, message: error.message }] }
    throw error
  }
}

function refused(code: string, message: string): Awaited {
  return { status: 'refused', reasons: [{ code, message }] }
}
