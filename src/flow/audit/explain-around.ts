import type { Action } from '../../action/action.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { usdFromNano } from '../../action/money.ts'
import type { StoredPayload, StoredRecord } from '../../storage/store.ts'

/** Under what the action came about: who, with which prompt, model and release, at whose cost. */
export interface Around {
  readonly session: string | null
  readonly release: string | null
  readonly target: string | null
  /** The person who asked through the agent. */
  readonly proposedBy: string | null
  readonly trace: { readonly traceId: string; readonly spanId: string } | null
  readonly prompt: JsonObject | null
  /** Provider, the model that was asked for, the one that answered, its fingerprint and parameters. */
  readonly model: JsonObject | null
  readonly people: readonly Person[]
  readonly cost: {
    readonly usd: number
    /** What was set aside, by account. */
    readonly reserved: readonly { readonly account: string; readonly unit: string; readonly amount: number }[]
  }
  readonly usage: JsonObject | null
}

/** What one person did about it. */
export interface Person {
  readonly by: string
  readonly what: string
  readonly at: number
  /** For whom, where the vote was another's. */
  readonly for?: string
  readonly reason?: string
}

const OF_PEOPLE = new Set(['vote', 'cancellation', 'undo', 'delegation', 'break_glass', 'edit'])

export function aroundOf(
  action: Action,
  records: readonly StoredRecord[],
  payloads: readonly StoredPayload[],
): Around {
  const said = records.map((record) => ({ record, body: JSON.parse(record.text) as JsonObject }))
  const facts = said.map(({ body }) => objectOf(body['facts']))
  const models = facts.map((one) => objectOf(one['model'])).filter((one) => Object.keys(one).length > 0)
  const prompt = facts.map((one) => one['prompt']).find(isJsonObject) ?? null
  const usage = facts.map((one) => one['usage']).findLast(isJsonObject) ?? null
  return {
    session: action.session,
    release: action.release,
    target: action.target,
    proposedBy: action.proposedBy,
    trace: action.trace,
    prompt,
    model: models.length === 0 ? null : Object.assign({}, ...models),
    people: said
      .filter(({ record }) => OF_PEOPLE.has(record.kind))
      .flatMap(({ record, body }) => personOf(record, body, payloads)),
    cost: {
      usd: usdFromNano(action.cost),
      reserved: action.reservations.map(({ account, unit, amount }) => ({
        account,
        unit: unit === 'nano_usd' ? 'usd' : 'actions',
        amount: unit === 'nano_usd' ? usdFromNano(amount) : amount,
      })),
    },
    usage,
  }
}

function personOf(
  { kind, at }: StoredRecord,
  body: JsonObject,
  payloads: readonly StoredPayload[],
): readonly Person[] {
  const by = textOf(body['by'])
  if (by === undefined) return []
  const text = payloads.find((one) => one.kind === `${kind}:${String(body['version'] as number)}`)?.text
  const reason = text == null ? undefined : textOf(objectOf(JSON.parse(text) as JsonValue)['reason'])
  const instead = textOf(body['for'])
  return [
    {
      by,
      what: textOf(body['outcome']) ?? kind.replace('_', ' '),
      at,
      ...(instead !== undefined && { for: instead }),
      ...(reason !== undefined && { reason }),
    },
  ]
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value ?? null) ? (value as JsonObject) : {}
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
