/** Errors about actions: who decides them, where they run, how they are undone. */
export const ACTION_CATALOGUE = {
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
  'undo:not_kept': {
    status: 409,
    title: 'What was there before was not kept',
    message: 'The file that {id} changed cannot be put back: {cause}.',
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
  'egress:secret_missing': {
    status: 424,
    title: 'A secret of the agent is missing',
    message:
      'The secret {name} cannot be put in: set the environment variable {variable} for Belay to at least 8 characters that can stand in a header.',
  },
} as const satisfies Record<string, { status: number; title: string; message: string }>
