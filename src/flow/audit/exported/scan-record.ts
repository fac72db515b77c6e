const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d

/** Where in the bytes the value of a field begins and ends; both 0 where there is none. */
export const FIELDS = { action: 0, chain: 2, kind: 4, payload: 6, seq: 8 } as const
const KEYS = Object.entries(FIELDS).map(([key, at]) => ({ bytes: Buffer.from(key), at }))

/** For `scanRecord` to write to. */
export function newFields(): Int32Array {
  return new Int32Array(10)
}

/**
 * Finds the fields of a record's text (canonical JSON) that verification needs, without making an object of it. Answers
 * whether the bytes can be a JSON object.
 */
export function scanRecord(bytes: Uint8Array, start: number, end: number, fields: Int32Array): boolean {
  fields.fill(0)
  if (bytes[start] !== OPEN) return false
  let at = start + 1
  for (;;) {
    if (bytes[at] !== QUOTE) return false
    const key = at + 1
    at = skipString(bytes, at, end)
    if (at === -1 || bytes[at] !== COLON) return false
    const keyEnd = at - 1
    const value = at + 1
    at = skipValue(bytes, value, end)
    if (at === -1) return false
    const slot = slotOf(bytes, key, keyEnd)
    if (slot !== -1) {
      fields[slot] = value
      fields[slot + 1] = at
    }
    const next = bytes[at++]
    if (next === COMMA) continue
    return next === CLOSE && at === end
  }
}

/** The position after the string that begins at `start`, -1 when it does not end. */
function skipString(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]
    if (byte === BACKSLASH) at++
    else if (byte === QUOTE) return at + 1
  }
  return -1
}

function skipValue(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) {
      at = skipString(bytes, at, end)
      if (at === -1) return -1
      if (depth === 0) return at
      at--
    } else if (byte === OPEN || byte === 0x5b) depth++
    else if (byte === CLOSE || byte === 0x5d) {
      if (depth === 0) return at > start ? at : -1
      if (--depth === 0) return at + 1
    } else if (byte === COMMA && depth === 0) return at > start ? at : -1
  }
  return -1
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  for (const key of KEYS) {
    if (key.bytes.length !== length) continue
    let i = 0
    while (i < length && bytes[start + i] === key.bytes[i]) i++
    if (i === length) return key.at
  }
  return -1
}
