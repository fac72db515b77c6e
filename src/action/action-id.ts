import { randomFillSync } from 'node:crypto'

const RANDOM_BYTES = 8
const pool = Buffer.alloc(RANDOM_BYTES * 1024)
let offset = pool.length
let lastTime = 0
let prefix = ''
let counter = 0

/**
 * A new id for an action: `act_` and a UUIDv7 (RFC 9562) of the time in epoch milliseconds. Within a process each id
 * sorts after the ones before it. Random bytes are drawn in bulk, because one call an id is slow.
 */
export function newActionId(at: number): string {
  if (at > lastTime || counter === 0xfff) {
    lastTime = Math.max(at, lastTime + 1)
    const time = lastTime.toString(16).padStart(12, '0')
    prefix = `act_${time.slice(0, 8)}-${time.slice(8)}-`
    counter = 0
  } else counter++
  if (offset === pool.length) {
    randomFillSync(pool)
    offset = 0
  }
  // The variant of RFC 9562 is in the two highest bits.
  pool[offset] = ((pool[offset] as number) & 0x3f) | 0x80
  const random = pool.toString('hex', offset, offset + RANDOM_BYTES)
  offset += RANDOM_BYTES
  return `${prefix}${(0x7000 + counter).toString(16)}-${random.slice(0, 4)}-${random.slice(4)}`
}
