/**
 * Arrays in PostgreSQL's binary format, for `unnest`: nothing to escape here and nothing to parse there. The
 * driver sends a Buffer as a binary parameter.
 */
const TEXT_OID = 25
const INT8_OID = 20
const HEADER_BYTES = 20

/** `text[]`. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = HEADER_BYTES
  for (const value of values) bytes += 4 + (value === null ? 0 : Buffer.byteLength(value))
  const buffer = header(bytes, TEXT_OID, values.length)
  let offset = HEADER_BYTES
  for (const value of values) {
    const length = value === null ? -1 : buffer.write(value, offset + 4)
    buffer.writeInt32BE(length, offset)
    offset += 4 + Math.max(0, length)
  }
  return buffer
}

/** `int8[]` of safe integers. */
export function bigintArray(values: readonly (number | null)[]): Buffer {
  let bytes = HEADER_BYTES
  for (const value of values) bytes += value === null ? 4 : 12
  const buffer = header(bytes, INT8_OID, values.length)
  let offset = HEADER_BYTES
  for (const value of values) {
    if (value === null) {
      buffer.writeInt32BE(-1, offset)
      offset += 4
      continue
    }
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
    const high = Math.floor(value / 2 ** 32)
    buffer.writeInt32BE(8, offset)
    buffer.writeInt32BE(high, offset + 4)
    buffer.writeUInt32BE(value - high * 2 ** 32, offset + 8)
    offset += 12
  }
  return buffer
}

function header(bytes: number, oid: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes)
  // An empty array has no dimension.
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(length, 12)
  buffer.writeInt32BE(1, 16)
  return length === 0 ? buffer.subarray(0, 12) : buffer
}
