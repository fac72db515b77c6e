import { DECISIONS } from '../action/decision.ts'
import type { JsonObject } from '../action/json.ts'
import { DURATION_PATTERN } from './duration.ts'

/** Other words for decisions, accepted wherever the file names one. */
export const DECISION_ALIASES = ['ask', 'escalate', 'requires-approval', 'hold', 'block', 'refuse'] as const

export const duration = (description: string): JsonObject => ({
  description: `${description} A whole number and ms, s, m, h, d or w: 500ms, 10m, 24h, 7d.`,
  type: 'string',
  pattern: DURATION_PATTERN,
})
export const expression = (description: string): JsonObject => ({
  description: `${description} A CEL expression.`,
  type: 'string',
  minLength: 1,
  maxLength: 8000,
})
export const usd = (description: string): JsonObject => ({
  description,
  type: 'number',
  minimum: 0,
  maximum: 9_007_199,
})
export const decision = (description: string): JsonObject => ({
  description,
  enum: [...DECISIONS, ...DECISION_ALIASES],
})
export const text = (description: string): JsonObject => ({ description, type: 'string', minLength: 1 })
export const name = { type: 'string', minLength: 1, maxLength: 200 } as const
export const map = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
})
export const mapOf = (description: string, value: JsonObject): JsonObject => ({
  description,
  type: 'object',
  propertyNames: name,
  additionalProperties: value,
})
export const listOf = (description: string, items: JsonObject, minItems = 0): JsonObject => ({
  description,
  type: 'array',
  items,
  minItems,
})
export const described = (description: string, schema: JsonObject): JsonObject => ({ description, ...schema })
