import type { PolicyFault } from '../../policy/policy.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { ErrorCode } from '../../errors/catalogue.ts'
import { HarnessUnreachable } from '../sdk/errors.ts'
import { escapeText } from './escape.ts'
import { note } from './print.ts'

/** Ends a command with a message, what to do next, and an exit code: 1 refused or not found out, 2 usage or configuration. */
export class CommandFailure extends Error {
  readonly exitCode: 1 | 2
  readonly advice: string | undefined

  constructor(message: string, options: { exitCode?: 1 | 2; advice?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'CommandFailure'
    this.exitCode = options.exitCode ?? 2
    this.advice = options.advice
  }
}

const ADVICE: Partial<Record<ErrorCode, string>> = {
  'auth:required': 'Check BELAY_TOKEN, or point --data at the folder of the running harness.',
  'auth:forbidden': 'Use the admin token of the data folder, or a key of the agent concerned.',
  'action:not_found': '`belay actions list` shows what there is.',
  'action:wrong_state': '`belay actions show ID` shows how it stands.',
  'action:conflict': 'Run the command again.',
  'action:idempotency_mismatch': 'Use another --idempotency-key for another action.',
  'action:held': '`belay approvals list` shows who is asked.',
  'approval:not_found': '`belay approvals list` shows what waits.',
  'approval:not_pending': '`belay approvals list` shows what waits.',
  'approval:not_a_member': 'Say who you are with --as PERSON, as the policy names its approvers.',
  'approval:four_eyes': 'Somebody else must decide.',
  'approval:reason_needed': 'Add --reason TEXT.',
  'approval:stale': '`belay approvals list` shows what waits now.',
  'approval:not_permitted': 'The policy says under approvers.GROUP.may_delegate_to who else may.',
  'standing:not_found': '`belay approvals standing list` shows what there is.',
  'agent:not_found': '`belay agents list` shows the agents.',
  'agent:stopped': '`belay agents resume NAME` lets it act again.',
  'key:not_found': '`belay keys list` shows the keys.',
  'policy:invalid': '`belay policy lint` shows every fault.',
  'ledger:not_found': '`belay actions list` shows what was recorded.',
  'store:unavailable': 'Check the disk, or the database at --database-url.',
  'server:busy': 'Run the command again in a moment.',
}

/** Says on stderr what went wrong and what to do next; answers the exit code. */
export function explainFailure(error: unknown): number {
  if (error instanceof CommandFailure) {
    say(error.message, error.advice)
    return error.exitCode
  }
  if (hasFaults(error)) {
    for (const text of faultLines(error.faults)) note(text)
    say('The policy is not valid; nothing was started.', undefined)
    return 2
  }
  if (error instanceof BelayError) {
    say(error.message, ADVICE[error.code])
    return error.status === 400 || error.status === 422 || error.status >= 500 || error.status === 401 ? 2 : 1
  }
  if (error instanceof HarnessUnreachable) {
    const cause = error.cause instanceof Error ? error.cause.message : ''
    say(cause === '' ? error.message : `${error.message} (${cause})`, 'Is `belay up` running there?')
    return 2
  }
  const node = error as NodeJS.ErrnoException
  say(
    error instanceof Error ? error.message : String(error),
    node.code === 'EACCES' ? 'Check who owns the folder.' : undefined,
  )
  if (process.env['BELAY_DEBUG'] === '1' && error instanceof Error) note(escapeStack(error.stack ?? ''))
  return 2
}

/** One line per fault: where it is, what was expected, what was found. */
export function faultLines(faults: readonly PolicyFault[]): string[] {
  return faults.map((fault) =>
    [
      `${escapeText(fault.file)}:${fault.line}:${fault.column}: ${fault.severity} ${escapeText(fault.code)}:`,
      `expected ${escapeText(fault.expected)}, found ${escapeText(fault.found)}`,
    ].join(' '),
  )
}

// By shape: importing the harness for its class would load every database driver with it.
function hasFaults(error: unknown): error is BelayError & { readonly faults: readonly PolicyFault[] } {
  return (
    error instanceof BelayError && 'faults' in error && Array.isArray(error.faults) && error.faults.length > 0
  )
}

function say(message: string, advice: string | undefined): void {
  note(`belay: ${escapeText(message)}`)
  if (advice !== undefined) note(`  ${advice}`)
}

function escapeStack(stack: string): string {
  return stack.split('\n').map(escapeText).join('\n')
}
