import { isJsonObject, type JsonValue } from '../../action/json.ts'

/** A value with everything that may differ from run to run replaced by the same marks. */
export type Settle = (value: JsonValue) => JsonValue

const TEXTS: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  dates: [
    [/\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?/g, '<date>'],
    [/\b\d{1,2}:\d{2}:\d{2}\b/g, '<time>'],
    [/\b1[0-9]{12}\b|\b1[0-9]{9}\b/g, '<epoch>'],
  ],
  ids: [
    [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>'],
    [/\b[a-z]{2,12}[_-][A-Za-z0-9]{16,64}\b/g, '<id>'],
    [/\b[0-9a-f]{32,64}\b/gi, '<id>'],
  ],
}

/** Compiles `replay.volatile`: pointers (`/messages/0/id`, `*` for any step) and the names of what is settled in every text. */
export function settleBy(volatile: readonly string[]): Settle {
  const pointers = volatile.filter((entry) => entry.startsWith('/')).map(stepsOf)
  const patterns = volatile.flatMap((entry) => TEXTS[entry] ?? [])
  if (pointers.length === 0 && patterns.length === 0) return (value) => value
  const text = (value: string): string =>
    patterns.reduce((settled, [pattern, mark]) => settled.replace(pattern, mark), value)
  const settle = (value: JsonValue, live: readonly (readonly string[])[]): JsonValue => {
    if (live.some((steps) => steps.length === 0)) return '<volatile>'
    if (typeof value === 'string') return text(value)
    const below = (key: string): readonly (readonly string[])[] =>
      live.filter(([step]) => step === '*' || step === key).map((steps) => steps.slice(1))
    if (Array.isArray(value))
      return (value as readonly JsonValue[]).map((each, index) => settle(each, below(String(index))))
    if (!isJsonObject(value)) return value
    const out: Record<string, JsonValue> = {}
    for (const [key, each] of Object.entries(value)) out[key] = settle(each, below(key))
    return out
  }
  return (value) => settle(value, pointers)
}

function stepsOf(pointer: string): readonly string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
