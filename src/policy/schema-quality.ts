// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import type { JsonObject } from '../action/json.ts'
import { described, duration, expression, listOf, map, mapOf, name } from './schema-words.ts'

/** What a low score leads to, from the mildest to the strictest. */
export const QUALITY_RESPONSES = ['alert', 'require_approval', 'deny'] as const

export const TIMINGS = ['before', 'after'] as const

const NAME_OF_RUBRIC = '^[a-z][a-z0-9-]{0,63}$'

const rubricName: JsonObject = {
  description: 'A name: lower-case letters, digits and hyphens.',
  type: 'string',
  pattern: NAME_OF_RUBRIC,
}
const threshold = (description: string): JsonObject => ({
  description: `${description} For example: 10%.`,
  type: 'string',
  pattern: '^(?:100|[1-9]?[0-9])%$',
})
const prose = (description: string, maxLength: number): JsonObject => ({
  description,
  type: 'string',
  minLength: 1,
  maxLength,
})

/** A rubric's file. */
export const rubricSchema: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A rubric',
  ...map(
    {
      name: rubricName,
      description: prose('What is scored, in a sentence or two.', 2_000),
      criteria: {
        ...listOf(
          'What to look at.',
          map({ name: prose('A word.', 100), text: prose('What it takes.', 2_000) }, ['name', 'text']),
          1,
        ),
        maxItems: 20,
      },
      scale: {
        description: 'What scores mean, by the score: 0, 100, and some between.',
        type: 'object',
        minProperties: 2,
        maxProperties: 20,
        propertyNames: { type: 'string', pattern: '^(?:100|[1-9]?[0-9])$' },
        additionalProperties: prose('What the score means.', 1_000),
      },
      labels: {
        ...listOf(
          'What it may be called.',
          { description: 'A word.', type: 'string', pattern: '^[a-z][a-z0-9_-]{0,39}$' },
          1,
        ),
        maxItems: 20,
        uniqueItems: true,
      },
      threshold: threshold('A score below it is rejected. Default: 10%.'),
      examples: {
        ...listOf(
          'Scored contents to learn from.',
          map(
            {
              about: prose('Of whom it is, where that matters.', 1_000),
              content: {},
              score: { description: '0 to 100.', type: 'integer', minimum: 0, maximum: 100 },
              label: { description: 'One of the labels.', type: 'string' },
              explanation: prose('Why.', 1_000),
            },
            ['content', 'score', 'label', 'explanation'],
          ),
        ),
        maxItems: 20,
      },
    },
    ['name', 'description', 'criteria', 'scale', 'labels'],
  ),
}

/** `quality:`. */
export const qualitySchema: JsonObject = described(
  'Actions scored by another model, by rubrics.',
  map(
    {
      about: prose(
        'What the judge should know of whom the agents work for: the brand, its voice, its readers, what it never says.',
        8_000,
      ),
      judge: described(
        'The model that scores. It is called through the model gateway, as the agent belay.judge.',
        map(
          {
            provider: { ...name, description: 'Under which the model gateway knows it.' },
            model: { ...name, description: 'Id of the model: a dated one stays the same.' },
            budget: { $ref: '#/$defs/budgets' },
            timeout: duration('How long it may take. Default: 30s.'),
            max_tokens: {
              description: 'Tokens of an answer, thinking included. Default: 1000.',
              type: 'integer',
              minimum: 50,
              maximum: 100_000,
            },
            cache: duration('How long a verdict holds for the same content. Default: 24h; 0s: not at all.'),
            params: {
              description: 'Members of the request beside model, messages and limit: temperature, seed …',
              type: 'object',
              maxProperties: 20,
              propertyNames: { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' },
              additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
            },
          },
          ['provider', 'model', 'budget'],
        ),
      ),
      rubrics: {
        ...mapOf('Files of rubrics, relative to this file, by their names.', {
          description: 'Path of a file.',
          type: 'string',
          minLength: 1,
          maxLength: 1_000,
        }),
        propertyNames: rubricName,
        maxProperties: 50,
      },
      rules: {
        ...listOf(
          'What is scored.',
          map(
            {
              action: { ...name, description: 'Actions, by name or glob.' },
              agent: { ...name, description: 'Agents, by name or glob. Default: all.' },
              rubric: { ...rubricName, description: 'One of rubrics, or one that ships with Belay.' },
              when: expression('Which of them. Default: all.'),
              timing: {
                description:
                  'before: the action waits for its score. after: it is scored when it has succeeded. Default: before for what is of high risk, after for the rest.',
                enum: [...TIMINGS],
              },
              sample: {
                description: 'The share that is scored. For example: 10%. Default: 100%.',
                type: 'string',
                pattern: '^(?:100|[0-9]{1,2}(?:\\.[0-9]{1,3})?)%$',
              },
              threshold: threshold('A score below it is rejected. Default: as the rubric says.'),
              then: {
                description:
                  'What a low score leads to, or none, before the action. Default: deny. After it people are alerted.',
                enum: [...QUALITY_RESPONSES],
              },
            },
            ['action', 'rubric'],
          ),
          1,
        ),
        maxItems: 200,
      },
    },
    ['judge', 'rules'],
  ),
)
