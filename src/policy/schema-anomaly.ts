// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import type { JsonObject } from '../action/json.ts'
import { ANOMALY_RESPONSES, DETECTORS, PACE_PATTERN } from './compile-anomaly.ts'
import { described, map, usd } from './schema-words.ts'

const pace = (description: string): JsonObject => ({
  description: `${description} For example: 50 per hour; also minute and day.`,
  type: 'string',
  pattern: PACE_PATTERN,
})

const response = (description: string): JsonObject => ({ description, enum: [...ANOMALY_RESPONSES] })

export const anomalySchema: JsonObject = described(
  'What happens when the agent behaves unlike itself.',
  map(
    {
      then: response(
        'What a finding leads to. new values hold the action at most, hints such as latency only alert, unless detectors says otherwise.',
      ),
      expect: pace('What is normal until the agent has shown it.'),
      detectors: described(
        'What findings of one kind lead to.',
        map(
          Object.fromEntries(
            DETECTORS.map((detector) => [
              detector,
              { description: `Findings anomaly:${detector}.`, enum: [...ANOMALY_RESPONSES, 'off'] },
            ]),
          ),
        ),
      ),
      limits: described(
        'What holds whatever has become normal: nobody can teach these.',
        map({
          rate: pace('The most actions.'),
          cost_usd: usd('The most dollars in an hour.'),
          growth: {
            description:
              'How many times what was expected, or was normal in the first week, the normal rate and cost may become.',
            type: 'number',
            minimum: 1,
            maximum: 1_000_000,
          },
          repeat: {
            description: 'How often the same call may follow itself.',
            type: 'integer',
            minimum: 2,
            maximum: 1_000_000,
          },
        }),
      ),
    },
    ['then'],
  ),
)

export const noveltySchema: JsonObject = described(
  'What happens when an action is unlike all that the agent did before.',
  map({
    below: {
      description: 'Similarity to past actions, 0 to 1, below which an action is novel. Default: 0.2.',
      type: 'number',
      minimum: 0,
      maximum: 1,
    },
    then: response('Default: require_approval.'),
    after: {
      description: 'How many actions are learned from before any is judged. Default: 100.',
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
    },
  }),
)
