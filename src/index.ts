export { Belay } from './entry/sdk/belay.ts'
export type { EmbeddedOptions, RemoteOptions } from './entry/sdk/belay.ts'
export type { GuardCall, Guarded, GuardOptions, Reconciled } from './entry/sdk/guard.ts'
export type {
  FilledPrompt,
  PromptAccess,
  PromptMessage,
  PromptTemplate,
  WhichPrompt,
} from './entry/sdk/prompt-access.ts'
export type { RunContext } from './entry/sdk/perform.ts'
export type { SnippetRequest, SnippetResult } from './entry/sdk/snippet.ts'
export type {
  BrowserCallOptions,
  BrowserOptions,
  BrowserSession,
  BrowserTarget,
  PageState,
} from './entry/sdk/browser.ts'
export type { ProposalOptions, Standing, UndoContext } from './entry/sdk/harness-door.ts'
export {
  ActionCancelled,
  ActionDenied,
  ActionExpired,
  ActionFailed,
  ActionHeld,
  ActionNotRepeated,
  ActionNotRun,
  ActionTimedOut,
  HarnessUnreachable,
  OutcomeUnknown,
  OutcomeUnrecorded,
  ResultWithheld,
} from './entry/sdk/errors.ts'
export { BelayError } from './errors/catalogue.ts'
export type { ErrorCode } from './errors/catalogue.ts'
export type { Decision } from './action/decision.ts'
export type { Edit, Reason } from './action/finding.ts'
export type { JsonObject, JsonValue } from './action/json.ts'
export type { StateName } from './action/action.ts'
export type { Check, CheckFinding, CheckSetup, CheckSubject, PreparedCheck } from './policy/check.ts'
