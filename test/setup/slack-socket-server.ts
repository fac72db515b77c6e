import { hash, randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'

export interface SocketSide {
  readonly open: Set<Duplex>
  /** Envelopes that were acknowledged, with how long that took, ms. */
  readonly acknowledged: Map<string, { readonly payload: unknown; readonly ms: number }>
  /** Sends an envelope over the newest connection; answers its acknowledgement as HTTP would. */
  deliver(payload: unknown, id?: string): Promise<Response>
  /** Tells that the connection will end, as Slack does before it refreshes one. */
  disconnect(): void
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const ACK_WITHIN = 3_000

/** Slack's end of socket mode: RFC 6455 with one text frame a message, as far as small envelopes need it. */
export function acceptSockets(server: Server): SocketSide {
  const open = new Set<Duplex>()
  const acknowledged: SocketSide['acknowledged'] = new Map()
  const waiting = new Map<string, { readonly at: number; done: (payload: unknown) => void }>()
  server.on('upgrade', (request, socket) => {
    const key = request.headers['sec-websocket-key'] ?? ''
    const accept = hash('sha1', key + GUID, 'base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    )
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => open.delete(socket))
    let buffered = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      for (let frame = readFrame(buffered); frame !== undefined; frame = readFrame(buffered)) {
        buffered = buffered.subarray(frame.size)
        if (frame.opcode === 8) {
          socket.end(Buffer.from([0x88, 0]))
          return
        }
        if (frame.opcode !== 1) continue
        const { envelope_id: id, payload } = JSON.parse(frame.text) as {
          envelope_id: string
          payload: unknown
        }
        const asked = waiting.get(id)
        acknowledged.set(id, { payload, ms: performance.now() - (asked?.at ?? 0) })
        waiting.delete(id)
        asked?.done(payload)
      }
    })
    socket.write(textFrame(JSON.stringify({ type: 'hello', num_connections: open.size })))
  })
  const newest = (): Duplex => {
    const socket = [...open].at(-1)
    if (socket === undefined) throw new Error('no socket is open')
    return socket
  }
  return {
    open,
    acknowledged,
    disconnect: () =>
      void newest().write(textFrame(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }))),
    deliver: (payload, id = randomUUID()) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('not acknowledged within 3 s')), ACK_WITHIN)
        waiting.set(id, {
          at: performance.now(),
          done: (answer) => {
            clearTimeout(late)
            resolve(new Response(answer === undefined ? '' : JSON.stringify(answer)))
          },
        })
        const envelope = { envelope_id: id, type: 'interactive', accepts_response_payload: true, payload }
        newest().write(textFrame(JSON.stringify(envelope)))
      }),
  }
}

function textFrame(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(body.length < 126 ? 2 : 4)
  head[0] = 0x81
  if (body.length < 126) head[1] = body.length
  else {
    head[1] = 126
    head.writeUInt16BE(body.length, 2)
  }
  return Buffer.concat([head, body])
}

/** The first frame of what a client sent: masked, and shorter than 64 KiB. */
function readFrame(data: Buffer): { opcode: number; text: string; size: number } | undefined {
  if (data.length < 6) return undefined
  const short = (data[1] as number) & 0x7f
  const at = short === 126 ? 4 : 2
  if (data.length < at + 4) return undefined
  const length = short === 126 ? data.readUInt16BE(2) : short
  const size = at + 4 + length
  if (data.length < size) return undefined
  const mask = data.subarray(at, at + 4)
  const body = Buffer.from(data.subarray(at + 4, size))
  for (let i = 0; i < body.length; i++) body[i] = (body[i] as number) ^ (mask[i % 4] as number)
  return { opcode: (data[0] as number) & 0x0f, text: body.toString('utf8'), size }
}
