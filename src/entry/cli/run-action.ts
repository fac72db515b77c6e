import type { ExitReport, Quotas } from '../../flow/contain/sandbox/provider.ts'
import type { ActionDoor } from '../mcp-gateway/action-door.ts'
import { escapeText } from './escape.ts'
import { note } from './print.ts'

export interface RunRequest {
  readonly agent: string
  readonly session: string
  readonly command: readonly string[]
  readonly contained: boolean
  readonly provider: string
  readonly quotas: Quotas
  readonly reason?: string
}

/** An admitted run: what became of it is to be said once. */
export interface RunPermission {
  ended(report: ExitReport): Promise<void>
  failed(error: string): Promise<void>
}

const WAIT_SLICE_MS = 25_000

/**
 * Puts the run before the pipeline as `agent.run`, waits for a person where the policy wants one, and takes the permission.
 * `null`: refused, and said why.
 */
export async function admitRun(
  door: Pick<ActionDoor, 'propose' | 'wait' | 'start' | 'report'>,
  { agent, session, command, contained, provider, quotas, reason }: RunRequest,
): Promise<RunPermission | null> {
  const sandbox = contained ? provider : 'none: --unsafe-no-sandbox'
  let standing = await door.propose(
    {
      agent,
      action: 'agent.run',
      input: { command: [...command], sandbox, quotas: { ...quotas } },
      session,
      facts: { sandbox },
      ...(reason !== undefined && { reason }),
    },
    true,
  )
  if (standing.state === 'held') note('belay: waiting for a person to approve this run')
  while (standing.state === 'held')
    standing = await door.wait(standing, WAIT_SLICE_MS, new AbortController().signal)
  if (standing.state === 'ready') standing = await door.start(standing.id)
  if (standing.state !== 'executing') {
    const why = standing.reasons.map(({ message }) => message).join('; ')
    note(`belay: the run was refused: ${escapeText(why === '' ? standing.state : why)}`)
    return null
  }
  const { id } = standing
  return {
    ended: ({ code, signal, cause, detail, usage }) =>
      door.report(id, {
        outcome: code === 0 && cause === 'exited' ? 'succeeded' : 'failed',
        result: { sandbox, code, signal, cause, detail, usage: { ...usage } },
        ...(cause !== 'exited' && { error: detail === '' ? cause : detail }),
      }),
    failed: (error) =>
      door.report(id, {
        outcome: 'failed',
        error: error.slice(0, 1000),
        result: { sandbox, cause: 'harness' },
      }),
  }
}
