import { ACTION_CATALOGUE } from './action-catalogue.ts'
import { SERVICE_CATALOGUE } from './service-catalogue.ts'

/**
 * Every error that Belay answers with: code, HTTP status, message template, and what to do next.
 * Templates name their values in braces. Refusals of actions are decisions, not errors, and not here.
 */
export const CATALOGUE = { ...SERVICE_CATALOGUE, ...ACTION_CATALOGUE } as const

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
