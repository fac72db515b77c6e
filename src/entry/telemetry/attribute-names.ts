/**
 * Names of attributes and metrics: OpenTelemetry's semantic conventions for generative AI, version 1.41 (`gen_ai.*`), and
 * our own (`belay.*`). They stand here because the constants of OpenTelemetry's package are deprecated.
 */
export const OPERATION_NAME = 'gen_ai.operation.name'
export const PROVIDER_NAME = 'gen_ai.provider.name'
export const REQUEST_MODEL = 'gen_ai.request.model'
export const RESPONSE_ID = 'gen_ai.response.id'
export const RESPONSE_MODEL = 'gen_ai.response.model'
export const FINISH_REASONS = 'gen_ai.response.finish_reasons'
export const INPUT_TOKENS = 'gen_ai.usage.input_tokens'
export const OUTPUT_TOKENS = 'gen_ai.usage.output_tokens'
export const CACHE_READ_TOKENS = 'gen_ai.usage.cache_read.input_tokens'
export const CACHE_CREATION_TOKENS = 'gen_ai.usage.cache_creation.input_tokens'
export const REASONING_TOKENS = 'gen_ai.usage.reasoning.output_tokens'
export const AGENT_ID = 'gen_ai.agent.id'
export const AGENT_NAME = 'gen_ai.agent.name'
export const AGENT_VERSION = 'gen_ai.agent.version'
export const CONVERSATION_ID = 'gen_ai.conversation.id'
export const TOOL_NAME = 'gen_ai.tool.name'
export const TOOL_TYPE = 'gen_ai.tool.type'
export const TOKEN_TYPE = 'gen_ai.token.type'
export const ERROR_TYPE = 'error.type'
export const STATUS_CODE = 'http.response.status_code'

/** What people wrote and models answered: only when opted in. */
export const SYSTEM_INSTRUCTIONS = 'gen_ai.system_instructions'
export const INPUT_MESSAGES = 'gen_ai.input.messages'
export const OUTPUT_MESSAGES = 'gen_ai.output.messages'

export const TOKEN_USAGE_METRIC = 'gen_ai.client.token.usage'
export const OPERATION_DURATION_METRIC = 'gen_ai.client.operation.duration'

export const ACTION_ID = 'belay.action.id'
export const ACTION_NAME = 'belay.action.name'
export const DECISION = 'belay.decision'
export const EFFECTIVE = 'belay.effective'
export const OUTCOME = 'belay.outcome'
/** Codes of the reasons, `namespace:code`. */
export const REASONS = 'belay.reasons'
export const POLICY_VERSION = 'belay.policy_version'
export const COST_USD = 'belay.cost_usd'
/** Seconds. */
export const TIME_TO_FIRST_TOKEN = 'belay.time_to_first_token'
/** How many calls to providers one call of the agent took. */
export const ATTEMPTS = 'belay.attempts'
/** Event of a span: one call to a provider. */
export const ATTEMPT_EVENT = 'belay.attempt'
/** Place of the attempt, from 1. */
export const ATTEMPT = 'belay.attempt.number'
/** A provider by its name in the policy. */
export const PROVIDER = 'belay.provider'
/** Seconds. */
export const ATTEMPT_DURATION = 'belay.attempt.duration'
