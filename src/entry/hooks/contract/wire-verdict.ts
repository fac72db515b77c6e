import { parseDecision, type Decision } from '../../../action/decision.ts'
import { canonicalJson } from '../../../action/digest.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import { copyJson } from './agent-context.ts'

/** A warning goes to the record and holds nothing back. */
export interface Warning {
  readonly reason?: string
  readonly message?: string
}

/** A verdict as agent-hooks writes it: `require_approval` is a deny that carries `approval`. */
export interface WireVerdict {
  readonly decision: 'allow' | 'transform' | 'deny'
  readonly reason?: string
  readonly message?: string
  readonly warnings?: readonly Warning[]
  readonly approval?: JsonObject
  readonly transform?: { readonly path: string; readonly value: JsonValue }
  readonly evidence?: JsonObject
  readonly result_labels?: readonly string[]
}

/** The reasons that only a host may give (agent-hooks 0.1, section 11). */
export type HostError =
  | 'context_invalid'
  | 'interceptor_failed'
  | 'interceptor_timeout'
  | 'verdict_invalid'
  | 'transform_invalid'
  | 'transform_target_forbidden'
  | 'transform_conflict'
  | 'composition_disagreement'
  | 'approval_resolver_failed'
  | 'approval_unresolved'
  | 'approval_identity_mismatch'
  | 'no_interceptor'
  | 'streaming_unsupported'

const MOST_EVIDENCE_BYTES = 10_240
const MOST_MESSAGE_BYTES = 256

/** The deny that stands where a verdict could not be had. */
export function hostError(code: HostError): WireVerdict {
  return { decision: 'deny', reason: `host_error:${code}` }
}

/** The decision in Belay's own four words. */
export function decisionOf({ decision, approval }: WireVerdict): Decision {
  return decision === 'deny' && approval !== undefined ? 'require_approval' : decision
}

/**
 * Reads what an interceptor returned. Belay's words and their aliases (`require_approval`, `ask`, `escalate`, `hold`,
 * `block`, `refuse`) are taken for the denies that they are; `undefined` for whatever the contract does not allow.
 */
export function readVerdict(value: unknown): WireVerdict | undefined {
  const verdict = copyJson(value)
  if (!isJsonObject(verdict)) return undefined
  const decision = parseDecision(verdict['decision'])
  if (decision === undefined) return undefined
  const { reason, message, warnings, transform, evidence, result_labels } = verdict
  const approval = verdict['approval'] ?? (decision === 'require_approval' ? {} : undefined)
  if (!isOptionalText(reason) || !isOptionalText(message)) return undefined
  if (typeof reason === 'string' && reason.startsWith('host_error:')) return undefined
  if (warnings !== undefined && !isListOf(warnings, isWarning)) return undefined
  if (result_labels !== undefined && !isListOf(result_labels, (label) => typeof label === 'string'))
    return undefined
  if (evidence !== undefined && (!isJsonObject(evidence) || bytes(evidence) > MOST_EVIDENCE_BYTES))
    return undefined
  const denies = decision === 'deny' || decision === 'require_approval'
  if (approval !== undefined && (!denies || !isJsonObject(approval))) return undefined
  if ((transform !== undefined) !== (decision === 'transform')) return undefined
  if (transform !== undefined && (!isJsonObject(transform) || typeof transform['path'] !== 'string'))
    return undefined
  return {
    decision: denies ? 'deny' : decision,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(warnings === undefined ? {} : { warnings: warnings as readonly Warning[] }),
    ...(approval === undefined ? {} : { approval }),
    ...(transform === undefined
      ? {}
      : { transform: { path: transform['path'] as string, value: transform['value'] ?? null } }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(result_labels === undefined ? {} : { result_labels: result_labels as readonly string[] }),
  }
}

/** The combined verdict with the warnings of all and, where the action proceeds, the labels of those that permit it. */
export function withUnions(winner: WireVerdict, all: readonly WireVerdict[]): WireVerdict {
  const { warnings: _warnings, result_labels: _labels, ...rest } = winner
  const warnings = new Map<string, Warning>()
  for (const warning of all.flatMap((verdict) => verdict.warnings ?? [])) {
    const key = JSON.stringify([warning.reason, warning.message])
    if (!warnings.has(key)) warnings.set(key, warning)
  }
  const permits = winner.decision === 'deny' ? [] : all.filter(({ decision }) => decision !== 'deny')
  const labels = new Set(permits.flatMap((verdict) => verdict.result_labels ?? []))
  return {
    ...rest,
    ...(warnings.size === 0 ? {} : { warnings: [...warnings.values()] }),
    ...(labels.size === 0 ? {} : { result_labels: [...labels] }),
  }
}

/** The verdict without what may quote the target: this alone may be kept. */
export function forRecord(verdict: WireVerdict): JsonObject {
  const { message, warnings, approval, transform, ...rest } = verdict
  return {
    ...(rest as JsonObject),
    ...(message === undefined ? {} : { message: shortened(message) }),
    ...(warnings === undefined ? {} : { warnings: warnings.map(warningForRecord) }),
    ...(approval === undefined ? {} : { approval: {} }),
    ...(transform === undefined ? {} : { transform: { path: transform.path } }),
  }
}

function warningForRecord({ reason, message }: Warning): JsonObject {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message: shortened(message) }),
  }
}

function shortened(text: string): string {
  if (Buffer.byteLength(text) <= MOST_MESSAGE_BYTES) return text
  const room = MOST_MESSAGE_BYTES - Buffer.byteLength('…')
  let kept = ''
  let size = 0
  for (const character of text) {
    size += Buffer.byteLength(character)
    if (size > room) break
    kept += character
  }
  return `${kept}…`
}

function bytes(value: JsonValue): number {
  return Buffer.byteLength(canonicalJson(value))
}

function isOptionalText(value: JsonValue | undefined): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

function isListOf(value: JsonValue, test: (item: JsonValue) => boolean): boolean {
  return Array.isArray(value) && (value as readonly JsonValue[]).every(test)
}

function isWarning(value: JsonValue): boolean {
  return isJsonObject(value) && isOptionalText(value['reason']) && isOptionalText(value['message'])
}
