/** The first message of a client that wants TLS, as far as it says for whom it is. */
export type ClientHello =
  | { readonly kind: 'hello'; readonly serverName: string | null }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'other' }

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const MAX_HELLO = 16 * 1024

/** Reads the server name (RFC 6066, 3) out of the first bytes. Whatever is not plainly a ClientHello is `other`. */
export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) return { kind: 'other' }
  const hello: Buffer[] = []
  let at = 0
  let size = 0
  // The message may be cut into several records.
  for (;;) {
    if (bytes.length < at + 5) return { kind: 'incomplete' }
    const length = bytes.readUInt16BE(at + 3)
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3 || length === 0 || length > MAX_HELLO)
      return { kind: 'other' }
    const available = Math.min(length, bytes.length - at - 5)
    hello.push(bytes.subarray(at + 5, at + 5 + available))
    size += available
    if (size >= 4) {
      const message = Buffer.concat(hello)
      const whole = 4 + message.readUIntBE(1, 3)
      if (message[0] !== CLIENT_HELLO || whole > MAX_HELLO) return { kind: 'other' }
      if (size >= whole) return namedIn(message.subarray(4, whole))
    }
    if (available < length) return { kind: 'incomplete' }
    at += 5 + length
  }
}

function namedIn(hello: Buffer): ClientHello {
  try {
    let at = 2 + 32
    at += 1 + hello.readUInt8(at)
    at += 2 + hello.readUInt16BE(at)
    at += 1 + hello.readUInt8(at)
    if (at === hello.length) return { kind: 'hello', serverName: null }
    const end = at + 2 + hello.readUInt16BE(at)
    if (end !== hello.length) return { kind: 'other' }
    at += 2
    let serverName: string | null = null
    while (at < end) {
      const type = hello.readUInt16BE(at)
      const length = hello.readUInt16BE(at + 2)
      at += 4
      if (at + length > end) return { kind: 'other' }
      if (type === SERVER_NAME) {
        const name = hello.subarray(at, at + length)
        // One name, a host's, or nobody can say which one counts.
        const nameLength = name.readUInt16BE(3)
        if (
          serverName !== null ||
          name[2] !== 0 ||
          name.readUInt16BE(0) !== name.length - 2 ||
          nameLength !== name.length - 5
        )
          return { kind: 'other' }
        serverName = name.toString('latin1', 5)
      }
      at += length
    }
    return { kind: 'hello', serverName }
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'other' }
    throw error
  }
}
