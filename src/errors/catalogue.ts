/**
 * Every error that Belay answers with: code, HTTP status, message template, and what to do next.
 * Templates name their values in braces. Refusals of actions are decisions, not errors, and not here.
 */
export const CATALOGUE = {
  'input:invalid': {
    status: 400,
    title: 'The request is not valid',
    message: '{where}: expected {expected}, got {got}.',
  },
  'input:invalid_json': {
    status: 400,
    title: 'The body is not JSON',
    message: 'The body is not valid JSON: {cause}.',
  },
  'input:too_large': {
    status: 413,
    title: 'The request is too large',
    message: '{where}: at most {max}, got {got}.',
  },
  'input:too_deep': {
    status: 400,
    title: 'The input is nested too deeply',
    message: '{where}: at most {max} levels of nesting.',
  },
  'input:forbidden_key': {
    status: 400,
    title: 'A key is not allowed',
    message: '{where}: the key {got} is not allowed.',
  },
  'input:invalid_amount': {
    status: 400,
    title: 'An amount is not valid',
    message: '{where}: expected dollars from 0 to {max}, got {got}.',
  },
  'input:not_canonical': {
    status: 400,
    title: 'The value has no canonical form',
    message: 'The value cannot be written as canonical JSON (RFC 8785): {cause}.',
  },
  'input:unsupported_media_type': {
    status: 415,
    title: 'The media type is not supported',
    message: 'Expected application/json, got {got}.',
  },
  'auth:required': {
    status: 401,
    title: 'Credentials are missing or wrong',
    message: 'Send Authorization: Bearer with an agent key (blk_…) or the admin token.',
  },
  'auth:agent_key_required': {
    status: 401,
    title: 'The key of an agent is missing or wrong',
    message:
      'Put a key of Belay (blk_…) where the key of the provider would be; `belay keys create --agent NAME` makes one.',
  },
  'auth:forbidden': { status: 403, title: 'Not allowed', message: '{who} may not {what}.' },
  'auth:csrf': {
    status: 403,
    title: 'Not asked for by a page of Belay',
    message: 'The change was refused: {cause}. GET /v1/me tells the token that the header Belay-CSRF needs.',
  },
  'auth:too_many': {
    status: 429,
    title: 'Too many log-ins were refused',
    message: 'Too many log-ins were refused; try again in {seconds} seconds.',
  },
  'login:refused': {
    status: 403,
    title: 'The log-in was refused',
    message: 'The log-in was refused: {cause}. `belay login` prints a new link.',
  },
  'login:not_configured': {
    status: 404,
    title: 'There is no identity provider',
    message: 'Nobody can log in so: {cause}.',
  },
  'login:provider': {
    status: 502,
    title: 'The identity provider does not answer as it should',
    message: 'The identity provider {issuer} cannot be asked; the log has the details under {id}.',
  },
  'channel:not_open': {
    status: 409,
    title: 'Nobody is reached that way',
    message: 'The channel {name} is not open: {cause}.',
  },
  'session:not_found': { status: 404, title: 'No such session', message: 'There is no session {id}.' },
  'login:not_found': { status: 404, title: 'No such login', message: 'There is no login {id}.' },
  'action:not_found': { status: 404, title: 'No such action', message: 'There is no action {id}.' },
  'action:wrong_state': {
    status: 409,
    title: 'The action is in another state',
    message: 'The action {id} is {state}; {what} needs {expected}.',
  },
  'action:conflict': {
    status: 409,
    title: 'Somebody else was first',
    message: 'The action {id} changed in the meantime; read it again.',
  },
  'action:idempotency_mismatch': {
    status: 409,
    title: 'The idempotency key was used for something else',
    message: 'The key was used before with other content, for action {id}.',
  },
  'action:refused_at_start': {
    status: 409,
    title: 'The action was refused when it was checked again',
    message: 'The action {id} may not run any more: {cause}.',
  },
  'action:held': {
    status: 409,
    title: 'The action is held for a person',
    message: 'The action {id} waits for approval {approval}.',
  },
  'alarm:not_found': { status: 404, title: 'No such alarm', message: 'There is no alarm {id}.' },
  'approval:not_found': { status: 404, title: 'No such approval', message: 'There is no approval {id}.' },
  'approval:not_pending': {
    status: 409,
    title: 'The approval is decided',
    message: 'The approval {id} is no longer pending: the action is {state}.',
  },
  'approval:not_a_member': {
    status: 403,
    title: 'Not an approver',
    message: '{who} is not a member of {group}; members: {members}.',
  },
  'approval:four_eyes': {
    status: 403,
    title: 'Whoever asked for it or edited it may not approve',
    message: '{who} {did} this action and may not decide it.',
  },
  'approval:voted': { status: 409, title: 'Already voted', message: '{who} has already voted in this step.' },
  'approval:stale': {
    status: 409,
    title: 'The approval is about something else by now',
    message: 'The approval {id} is about {digest}; look at it again.',
  },
  'approval:reason_needed': {
    status: 422,
    title: 'A reason is needed',
    message: 'To {what} here, write why: at least {min} characters.',
  },
  'approval:passed_on': {
    status: 409,
    title: 'The vote was passed on',
    message: '{who} has passed the vote on to {to}; passing it to oneself takes it back.',
  },
  'approval:not_permitted': {
    status: 403,
    title: 'May not vote there for somebody else',
    message: '{who} is no member of {group}, and approvers.{group}.may_delegate_to does not name them.',
  },
  'approval:too_few': {
    status: 409,
    title: 'Too few people would be left to decide',
    message: 'Too few different people would be left to decide for {group}.',
  },
  'approval:no_break_glass': {
    status: 409,
    title: 'It cannot be released out of turn',
    message: 'The policy says break_glass for no entry of {action}.',
  },
  'approval:edit_refused': {
    status: 422,
    title: 'The edited action would be refused',
    message: 'Nothing was changed: with this input the action {id} would be refused. {cause}',
  },
  'standing:not_found': {
    status: 404,
    title: 'No such standing approval',
    message: 'There is no standing approval {id}.',
  },
  'standing:not_allowed': {
    status: 422,
    title: 'No standing approval for this',
    message: '{action} takes no standing approval: {cause}.',
  },
  'standing:ended': {
    status: 409,
    title: 'The standing approval has ended',
    message: 'The standing approval {id} is {state}.',
  },
  'absence:not_found': {
    status: 404,
    title: 'No such absence',
    message: 'There is no absence {id} that has not ended.',
  },
  'undo:not_declared': {
    status: 409,
    title: 'The action cannot be undone',
    message: 'The policy declares no undo for {action}. Add undo: {{ within: … }} to its entry.',
  },
  'undo:too_late': {
    status: 409,
    title: 'The undo window has closed',
    message: 'The action {id} could be undone until {until}.',
  },
  'undo:condition': {
    status: 409,
    title: 'The undo condition does not hold',
    message: 'The action {id} may be undone only when {when}.',
  },
  'undo:in_progress': {
    status: 409,
    title: 'The undo is under way',
    message: 'The undo of {id} is {state}.',
  },
  'undo:conflict': {
    status: 409,
    title: 'It has changed since',
    message:
      'What {id} left behind has changed since: {changed}. Undoing it would overwrite that; a person may say so with overwrite.',
  },
  'undo:unchecked': {
    status: 409,
    title: 'What is there now could not be read',
    message: 'Whether what {id} left behind has changed since could not be found out: {cause}.',
  },
  'browser:unknown_account': {
    status: 404,
    title: 'No such account',
    message: 'The policy has no browsers.{account} that {agent} may use.',
  },
  'browser:in_use': {
    status: 409,
    title: 'The account is in use',
    message: 'The browser of {account} is in use by {holder}; one uses it at a time.',
  },
  'browser:busy': {
    status: 409,
    title: 'The browser is busy',
    message: '{what} is still under way in the browser of {account}; one call at a time.',
  },
  'browser:too_many': {
    status: 503,
    title: 'Too many browsers are open',
    message: 'At most {max} browsers may be open at once; close one, or try again later.',
  },
  'browser:not_found': {
    status: 404,
    title: 'No such browser session',
    message: 'There is no open browser session {id}; it may have been closed for being idle.',
  },
  'browser:restarted': {
    status: 409,
    title: 'The browser was started again',
    message:
      'The browser of {account} had ended and was started again, still logged in; nothing was done. Go to the page again.',
  },
  'browser:unavailable': {
    status: 503,
    title: 'The browser cannot run',
    message: 'The browser of {account} cannot run: {cause}.',
  },
  'browser:element': {
    status: 422,
    title: 'The element is not there',
    message: '{where}: expected exactly one visible element, got {got}.',
  },
  'browser:host': {
    status: 403,
    title: 'The host is not allowed',
    message: 'browsers.{account}.allow does not name {host}.',
  },
  'sandbox:unavailable': {
    status: 503,
    title: 'A sandbox cannot be had here',
    message: '{what} is not to be had on this machine: {cause}. To have it: {fix}.',
  },
  'sandbox:refused': {
    status: 422,
    title: 'The sandbox would not be one',
    message: 'The sandbox of {agent} was refused: {cause}. Instead: {fix}.',
  },
  'sandbox:not_proven': {
    status: 503,
    title: 'A demanded property is not proven',
    message:
      '{provider} has not proven on this machine: {capability} ({detail}). To have it: {fix}. `belay doctor` shows the rest.',
  },
  'sandbox:failed': {
    status: 500,
    title: 'The sandbox could not be started',
    message: 'The sandbox of {agent} could not be started: {cause}.',
  },
  'agent:not_found': { status: 404, title: 'No such agent', message: 'There is no agent {name}.' },
  'agent:stopped': {
    status: 409,
    title: 'The agent is stopped',
    message: 'The agent {name} is stopped: {cause}.',
  },
  'key:not_found': { status: 404, title: 'No such key', message: 'There is no key {id}.' },
  'policy:invalid': {
    status: 422,
    title: 'The policy is not valid',
    message: '{count} fault(s) in {file}. First: {first}',
  },
  'prompt:not_found': {
    status: 404,
    title: 'No such prompt',
    message: 'There is no {name} in the registry of prompts.',
  },
  'prompt:invalid': {
    status: 400,
    title: 'The prompt is not valid',
    message: '{where}: expected {expected}, got {got}.',
  },
  'prompt:variables': {
    status: 400,
    title: 'The variables are not those of the prompt',
    message: 'The prompt {name} takes {expected}; {cause}.',
  },
  'prompt:label_reserved': {
    status: 400,
    title: 'The label moves by itself',
    message: 'The label {label} is always the newest version.',
  },
  'prompt:conflict': {
    status: 409,
    title: 'Somebody else was first',
    message: 'The prompt {name} changed in the meantime; read it again.',
  },
  'egress:secret_missing': {
    status: 424,
    title: 'A secret of the agent is missing',
    message:
      'The secret {name} cannot be put in: set the environment variable {variable} for Belay to at least 8 characters that can stand in a header.',
  },
  'provider:unknown': {
    status: 404,
    title: 'No such provider',
    message:
      'There is no provider {name}. Declare it under providers: in belay.yaml, or set the environment variable of its key.',
  },
  'provider:no_key': {
    status: 424,
    title: 'The key of the provider is missing',
    message: 'The provider {name} cannot be called: set the environment variable {variable} for Belay.',
  },
  'model:unknown_price': {
    status: 400,
    title: 'The price of the model is not known',
    message:
      'Nobody knows what {model} of {provider} costs, so no budget could hold. Say it in belay.yaml, in dollars per million tokens: providers.{provider}.models."{model}": {{ input_usd_per_mtok: …, output_usd_per_mtok: … }}',
  },
  'model:unbounded_prompt': {
    status: 400,
    title: 'The prompt has no bound',
    message:
      'The request to {model} of {provider} names what it does not hold (a file, an earlier answer, a hosted tool), and the length of the model’s context is not known, so no budget could hold. Say it in belay.yaml: providers.{provider}.models."{model}": {{ context_window: … }}',
  },
  'model:unpriced_option': {
    status: 400,
    title: 'The price of an option is not known',
    message:
      'The request uses {option}, which is billed beside the tokens or above their listed price. Say the most that it can cost in belay.yaml: actions."{action}".cost_usd',
  },
  'model:unpriced_request': {
    status: 400,
    title: 'The price of the request is not known',
    message:
      '{method} {path} is passed through unread and nobody knows what it costs. Say the most that it can cost in belay.yaml: actions."model.request".cost_usd',
  },
  'ledger:behind': {
    status: 503,
    title: 'Not in the tree yet',
    message: 'The tree of another replica does not hold all records of {id} yet; try again in a moment.',
  },
  'ledger:not_found': { status: 404, title: 'Not in the ledger', message: 'There is no record of {id}.' },
  'store:unavailable': {
    status: 503,
    title: 'The store cannot record',
    message: 'Nothing runs while nothing can be recorded: {cause}.',
  },
  'store:locked': {
    status: 503,
    title: 'The data folder is in use',
    message:
      'Another Belay process (pid {pid}) holds {folder}. Stop it, or use it: commands find it by --data.',
  },
  'store:fenced': {
    status: 503,
    title: 'This replica was declared dead',
    message: 'The lease of replica {replica} ran out and was taken over; restart it.',
  },
  'server:busy': {
    status: 503,
    title: 'Too many requests are waiting',
    message: 'At most {max} requests may wait; try again.',
  },
  'server:closing': {
    status: 503,
    title: 'Belay is closing',
    message: 'Belay is closing and takes no more requests; try again.',
  },
  'server:timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    message: 'The request did not arrive in time; send it again.',
  },
  'server:not_found': {
    status: 404,
    title: 'No such resource',
    message: 'There is nothing at {method} {path}; /openapi.json lists what there is.',
  },
  'server:fault': {
    status: 500,
    title: 'A fault in Belay',
    message: 'The request failed inside Belay; the log has the details under {id}.',
  },
} as const satisfies Record<string, { status: number; title: string; message: string }>

export type ErrorCode = keyof typeof CATALOGUE

/** An error from the catalogue. `details` are the values of the message template; they hold no secrets. */
export class BelayError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly details: Readonly<Record<string, string>>

  constructor(code: ErrorCode, details: Readonly<Record<string, string>> = {}, options?: ErrorOptions) {
    super(fill(CATALOGUE[code].message, details), options)
    this.name = 'BelayError'
    this.code = code
    this.status = CATALOGUE[code].status
    this.details = details
  }
}

/** In one pass, so that braces in a value stay as they are. */
function fill(template: string, details: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{|\}\}|\{(\w+)\}/g, (whole, name: string | undefined) => {
    if (name === undefined) return whole.slice(1)
    return Object.hasOwn(details, name) ? String(details[name]) : whole
  })
}
