/** Errors about requests, people, policies, models and the store. */
export const SERVICE_CATALOGUE = {
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
