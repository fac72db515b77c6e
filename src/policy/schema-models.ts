import type { JsonObject } from '../action/json.ts'
import { described, duration, listOf, map, mapOf, name, text } from './schema-words.ts'

/** Names of providers: a path segment that needs no escaping. */
export const providerNames: JsonObject = {
  description: 'Lower-case letters, digits and hyphens.',
  type: 'string',
  maxLength: 64,
  pattern: '^[a-z0-9][a-z0-9-]*$',
}

const mtok = (description: string): JsonObject => ({
  description: `${description} Dollars per million tokens.`,
  type: 'number',
  minimum: 0,
  maximum: 1_000_000,
})
const tokens = (description: string): JsonObject => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000_000,
})

/** `providers.X`. */
export const providerSchema: JsonObject = {
  ...map({
    protocol: {
      description: 'What it speaks. Default: as the vendor of that name does, else openai.',
      enum: ['openai', 'anthropic', 'gemini'],
    },
    base_url: {
      description: 'Where the provider answers, with the version segment: https://api.openai.com/v1.',
      type: 'string',
      pattern: '^https?://',
      maxLength: 2000,
    },
    api_key: text('The key, or $NAME of an environment variable. It is never written into a record.'),
    headers: mapOf('Headers that are added to every call; $NAME stands for an environment variable.', {
      type: 'string',
      maxLength: 4000,
    }),
    models: mapOf('What models cost and can do, by their id; wins over the price table.', {
      ...map({
        input_usd_per_mtok: mtok('Price of input.'),
        output_usd_per_mtok: mtok('Price of output.'),
        cache_read_usd_per_mtok: mtok('Price of input read from a cache. Default: the input price.'),
        cache_write_usd_per_mtok: mtok('Price of input written into a cache. Default: the input price.'),
        context_window: tokens('Tokens that prompt and answer may have together.'),
        max_output_tokens: tokens('Tokens that one answer may have.'),
      }),
      dependentRequired: {
        input_usd_per_mtok: ['output_usd_per_mtok'],
        output_usd_per_mtok: ['input_usd_per_mtok'],
        cache_read_usd_per_mtok: ['input_usd_per_mtok'],
        cache_write_usd_per_mtok: ['input_usd_per_mtok'],
      },
    }),
    timeouts: described(
      'How long the gateway waits for the provider.',
      map({
        connect: duration('For the connection. Default: 5s.'),
        first_byte: duration('From the request to the headers of the answer. Default: 120s.'),
        idle: duration('Between two parts of the answer. Default: 60s.'),
      }),
    ),
    drain: duration('How long the rest of an abandoned answer is read, because the vendor bills it.'),
  }),
  type: ['object', 'null'],
}

const model = { ...name, description: 'Id of the model, as the provider calls it.' } as const

/** `actions.X.heal`. */
export const healSchema: JsonObject = described(
  'What the model gateway does when a provider fails or an answer is rejected.',
  map({
    retries: {
      description: 'Further attempts with the same model. Default: 2.',
      type: 'integer',
      minimum: 0,
      maximum: 10,
    },
    max_wait: duration('Longest wait before an attempt. Default: 20s.'),
    fallback: {
      ...listOf('What to call next, in order.', {
        description: 'a model of the same provider, or { provider, model }',
        anyOf: [model, map({ provider: name, model }, ['provider', 'model'])],
      }),
      maxItems: 10,
    },
    rejected: {
      description: 'How often an answer that a check rejected is asked for again. Default: 0.',
      type: 'integer',
      minimum: 0,
      maximum: 5,
    },
    low_budget: described(
      'Calls marked as low priority go to this model when little of a budget is left.',
      map(
        {
          below: {
            description: 'The share of the scarcest budget that must be left, 0 to 1.',
            type: 'number',
            minimum: 0,
            maximum: 1,
          },
          model,
          provider: { ...name, description: 'Default: the one that was called.' },
        },
        ['below', 'model'],
      ),
    ),
  }),
)

/** `agents.X.downgrade`. */
export const downgradeSchema: JsonObject = described(
  'All model calls of the agent go to this model once so much of one of its budgets is spent or reserved.',
  map(
    {
      at: {
        description: 'The share of the scarcest budget, 0 to 1.',
        type: 'number',
        exclusiveMinimum: 0,
        maximum: 1,
      },
      model,
      provider: { ...name, description: 'Default: the one that was called.' },
    },
    ['at', 'model'],
  ),
)

/** `agents.X.concurrency`. */
export const concurrencySchema: JsonObject = described(
  'How many model calls of the agent run at the same time.',
  map({
    limit: {
      description: 'How many run at once. Default: 16.',
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
    },
    queue: { description: 'How many wait. Default: 64.', type: 'integer', minimum: 0, maximum: 100_000 },
    wait: duration('How long one waits. Default: 30s.'),
  }),
)
