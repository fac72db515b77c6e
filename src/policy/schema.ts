// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import { BUDGET_WINDOWS } from '../action/budget-window.ts'
import type { JsonObject } from '../action/json.ts'
import type { Check } from './check.ts'
import { exportSchema } from './compile-export.ts'
import { notifySchema } from './schema-notify.ts'
import { anomalySchema, noveltySchema } from './schema-anomaly.ts'
import { browsersSchema } from './schema-browser.ts'
import { sandboxProperties } from './schema-sandbox.ts'
import { egressSchema, secretsSchema } from './schema-egress.ts'
import { mcpSchema } from './schema-mcp.ts'
import {
  approversSchema,
  approveSchema,
  breakGlassSchema,
  riskSchema,
  standingSchema,
} from './schema-approve.ts'
import {
  healSchema,
  providerNames,
  providerSchema,
  concurrencySchema,
  downgradeSchema,
} from './schema-models.ts'
import { recordSchema, replaySchema } from './compile-record.ts'
import { ledgerSchema } from './schema-ledger.ts'
import { peopleSchema } from './schema-people.ts'
import { qualitySchema } from './schema-quality.ts'
import {
  DECISION_ALIASES,
  decision,
  described,
  duration,
  expression,
  listOf,
  map,
  mapOf,
  text,
  usd,
} from './schema-words.ts'

/** Options that every line of `verify:` takes beside those of its check. */
const COMMON_OPTIONS = {
  then: {
    description:
      'What a finding demands. warn only remarks; redact applies the changes that the check proposes.',
    enum: ['deny', 'require_approval', 'redact', 'warn', ...DECISION_ALIASES],
  },
  code: {
    description: 'Code of the reason, as namespace:code.',
    type: 'string',
    pattern: '^[a-z][a-z0-9_-]*:[a-z0-9_.-]+$',
    maxLength: 100,
  },
  message: { description: 'The sentence that people read.', type: 'string', minLength: 1, maxLength: 500 },
  tags: {
    description: 'Standards that the rule supports, for example ASI02.',
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 60 },
    maxItems: 20,
  },
} as const satisfies JsonObject

const budgetWords = {
  limit_usd: usd('Dollars.'),
  per: { description: 'Over what it counts. Calendar windows are UTC.', enum: ['action', ...BUDGET_WINDOWS] },
}

/**
 * JSON Schema (2020-12) of `belay.yaml` with the options of the given checks. The published
 * `belay.schema.json` is this with the built-in checks.
 */
export function policySchema(checks: readonly Check[]): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'belay.yaml',
    description: 'The policy of a Belay harness.',
    type: 'object',
    required: ['version'],
    additionalProperties: false,
    properties: {
      version: { description: 'Version of this format.', const: 1 },
      mode: {
        description: 'enforce does what is decided; observe decides and records, and holds nothing back.',
        enum: ['enforce', 'observe'],
        default: 'enforce',
      },
      defaults: described(
        'What holds where nothing else is said.',
        map({ decision: decision('What becomes of an action that no entry matches. Default: deny.') }),
      ),
      budget: { $ref: '#/$defs/budgets' },
      rate: { $ref: '#/$defs/rates' },
      agents: mapOf('Agents, by name or glob (* stands for any run of characters).', {
        $ref: '#/$defs/agent',
      }),
      actions: mapOf('Actions, by name or glob: payments.*', { $ref: '#/$defs/action' }),
      lists: mapOf(
        'Lists of words or phrases that conditions and checks name.',
        listOf('Words or phrases.', { type: 'string', minLength: 1, maxLength: 1000 }),
      ),
      approvers: mapOf('Groups of people who approve.', { $ref: '#/$defs/approvers' }),
      notify: { $ref: '#/$defs/notify' },
      providers: {
        ...mapOf('Model providers, by the first segment of their path.', { $ref: '#/$defs/provider' }),
        propertyNames: providerNames,
      },
      mcp: mcpSchema,
      secrets: secretsSchema,
      browsers: browsersSchema,
      people: peopleSchema,
      quality: qualitySchema,
      ledger: ledgerSchema,
      export: exportSchema,
      prompts: text('Folder with the prompts of the registry, relative to this file.'),
      record: recordSchema,
      replay: replaySchema,
      plugins: listOf('Files with checks of your own, relative to this file.', text('Path of a module.')),
    },
    $defs: {
      budgets: listOf('Limits of cost.', map(budgetWords, ['limit_usd', 'per'])),
      agent_budgets: listOf(
        'Limits of cost.',
        map(
          {
            ...budgetWords,
            then: {
              description: 'Beside refusing what exceeds it: pause the agent. A person resumes it.',
              enum: ['pause'],
            },
          },
          ['limit_usd', 'per'],
        ),
      ),
      rates: listOf(
        'Limits of number.',
        map(
          {
            limit: { description: 'How many actions.', type: 'integer', minimum: 0, maximum: 1_000_000_000 },
            per: { description: 'Over what it counts. Calendar windows are UTC.', enum: [...BUDGET_WINDOWS] },
          },
          ['limit', 'per'],
        ),
      ),
      agent: {
        type: ['object', 'null'],
        additionalProperties: false,
        properties: {
          budget: { $ref: '#/$defs/agent_budgets' },
          rate: { $ref: '#/$defs/rates' },
          breaker: described(
            'Pauses the agent when too many of its actions fail or it spends too fast.',
            map({
              error_rate: {
                description: 'Share of failed actions, above which the breaker opens.',
                type: 'number',
                minimum: 0,
                maximum: 1,
              },
              over: {
                description: 'Over how many of the last finished actions. Default: 100.',
                type: 'integer',
                minimum: 1,
                maximum: 10_000,
              },
              spend: described(
                'Opens when the agent spends more than this within this time.',
                map({ limit_usd: usd('Dollars.'), within: duration('The time.') }, ['limit_usd', 'within']),
              ),
              then: { description: 'Default: pause.', enum: ['pause', 'stop'] },
              cooldown: duration(
                'After this time it lets probes through. Without it a person resumes the agent.',
              ),
              probes: {
                description: 'How many actions must succeed before it closes. Default: 1.',
                type: 'integer',
                minimum: 1,
                maximum: 1000,
              },
            }),
          ),
          anomaly: anomalySchema,
          novelty: noveltySchema,
          command: listOf('Program and arguments that start the agent.', { type: 'string' }, 1),
          concurrency: concurrencySchema,
          downgrade: downgradeSchema,
          egress: egressSchema,
          ...sandboxProperties,
        },
      },
      action: {
        type: ['object', 'null'],
        additionalProperties: false,
        properties: {
          effect: {
            description: 'What the action does to the world, worst case. Default: write.',
            enum: ['read', 'write', 'irreversible'],
          },
          input: {
            description:
              'JSON Schema (2020-12) of the input. Patterns are RE2; references stay inside the schema.',
            type: ['object', 'boolean'],
          },
          verify: listOf('Checks of the content and rules, in order.', { $ref: '#/$defs/verify' }),
          approve: approveSchema(COMMON_OPTIONS),
          risk: riskSchema,
          standing: standingSchema,
          break_glass: breakGlassSchema,
          undo: described(
            'How long and when the action can be undone.',
            map(
              {
                within: duration('How long after success.'),
                when: expression(
                  'When it may be undone; result is what the action gave, renewed by what is there now.',
                ),
                current: {
                  description:
                    'URL that Belay asks what is there now, before the condition is looked at: POST {id, input, result}, answered with what has become of the result.',
                  type: 'string',
                  pattern: '^https?://',
                },
                unchanged: listOf(
                  'Fields of the result, as dotted paths, that must still be the same; else a person decides. Default: version, revision, etag and digest, where the result has them.',
                  text('A path.'),
                ),
                about: expression(
                  'What the action changed, such as input.document: a later undo of the same thing counts as no change.',
                ),
                webhook: {
                  description: 'URL that Belay calls to undo.',
                  type: 'string',
                  pattern: '^https?://',
                },
              },
              ['within'],
            ),
          ),
          cost_usd: usd('Worst-case cost when the agent declares none or less. Default: 0.'),
          timeout: duration('How long the effect may take. Default: 60s; for model.* 10m, for tool.* 1h.'),
          start_within: duration('How long a permission to execute stays valid. Default: 5m.'),
          approval_wait: duration('How long a model call waits for its approval. Default: 120s.'),
          result: described(
            'Checks of what comes back, before the agent gets it.',
            map({
              verify: listOf('Checks and rules over the result, in order.', { $ref: '#/$defs/verify' }),
              hold: {
                description:
                  'How many characters of a stream wait for the checks: a whole number, or all. Default: 256.',
                anyOf: [{ type: 'integer', minimum: 0, maximum: 1_000_000 }, { const: 'all' }],
              },
            }),
          ),
          heal: healSchema,
          subject: expression('Whose personal data the input holds: a string or a list of strings.'),
        },
      },
      verify: {
        description: 'One check with its options, or a rule.',
        type: 'object',
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        properties: {
          rule: described(
            'A condition of your own.',
            map(
              {
                when: expression('When the rule holds.'),
                ...COMMON_OPTIONS,
                then: {
                  description: 'Default: deny.',
                  enum: ['deny', 'require_approval', 'warn', ...DECISION_ALIASES],
                },
              },
              ['when'],
            ),
          ),
          ...Object.fromEntries(checks.map((check) => [check.name, checkSchema(check)])),
        },
      },
      approvers: approversSchema,
      notify: notifySchema,
      provider: providerSchema,
    },
  }
}

function checkSchema({ name: check, options }: Check): JsonObject {
  const properties = (options['properties'] ?? {}) as JsonObject
  return {
    description: `Options of the check ${check}.`,
    additionalProperties: false,
    ...options,
    type: ['object', 'null'],
    properties: { ...properties, ...COMMON_OPTIONS },
  }
}
