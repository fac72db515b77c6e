import { createServer, type Socket } from 'node:net'
import { answerBody, answerEvents, usageEvent } from './calls.ts'

/**
 * The fake provider, in a process of its own: HTTP/1.1 on bare sockets, fixed answers, as little work as possible, so
 * that it is not what is measured. Answers as many bytes as it was sent (1 or 20 KB), or a stream whose tokens are
 * as many ms apart as the member `user` says (`pace-5`). `GET /calls` tells how many calls it has answered.
 */
const small = whole(answerBody(1_000))
const large = whole(answerBody(20_000))
const EVENTS = answerEvents().map(frame)
const USAGE = frame(usageEvent())
const END = Buffer.from(`${frame('data: [DONE]\n\n').toString()}0\r\n\r\n`)
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
)
const NOTHING: Buffer = Buffer.alloc(0)
let calls = 0

function whole(body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function frame(event: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`)
}

interface Stream {
  readonly socket: Socket
  readonly pace: number
  readonly usage: boolean
  next: number
  due: number
}

const streams = new Set<Stream>()
let ticking = false

function tick(): void {
  const now = performance.now()
  let soonest = Infinity
  for (const stream of streams) {
    if (stream.due <= now) advance(stream)
    if (streams.has(stream)) soonest = Math.min(soonest, stream.due)
  }
  ticking = streams.size > 0
  if (!ticking) return
  // A timer of node's is a millisecond late on average, which is much between two tokens: spin when it is close.
  if (soonest - performance.now() < 1) setImmediate(tick)
  else setTimeout(tick, 1)
}

function advance(stream: Stream): void {
  const { socket, pace, usage } = stream
  if (socket.destroyed) {
    streams.delete(stream)
  } else if (stream.next < EVENTS.length) {
    socket.write(EVENTS[stream.next++]!)
    stream.due += pace
  } else {
    streams.delete(stream)
    if (usage) socket.write(USAGE)
    socket.write(END)
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest = NOTHING
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes: Buffer) => {
    let buffer = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    for (;;) {
      const headEnd = buffer.indexOf('\r\n\r\n')
      if (headEnd === -1) break
      const head = buffer.toString('latin1', 0, headEnd).toLowerCase()
      const announced = /\r\ncontent-length: *(\d+)/.exec(head)
      let end = headEnd + 4
      let body = NOTHING
      if (announced !== null) {
        end += Number(announced[1])
        if (buffer.length < end) break
        body = buffer.subarray(headEnd + 4, end)
      } else if (/\r\ntransfer-encoding: *chunked/.test(head)) {
        const last = buffer.indexOf('0\r\n\r\n', headEnd + 4)
        if (last === -1) break
        body = buffer.subarray(headEnd + 4, last)
        end = last + 5
      }
      answer(socket, head, body)
      buffer = buffer.subarray(end)
    }
    rest = buffer
  })
})

function answer(socket: Socket, head: string, body: Buffer): void {
  if (head.startsWith('get /calls')) {
    socket.write(whole(String(calls)))
    return
  }
  calls++
  if (!body.includes('"stream":true')) {
    socket.write(body.length > 10_000 ? large : small)
    return
  }
  const pace = Number(/"user":"pace-(\d+)"/.exec(body.toString('latin1'))?.[1] ?? 0)
  socket.write(STREAM_HEAD)
  streams.add({
    socket,
    pace,
    usage: body.includes('"include_usage":true'),
    next: 0,
    due: performance.now(),
  })
  if (!ticking) {
    ticking = true
    tick()
  }
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }))
})
