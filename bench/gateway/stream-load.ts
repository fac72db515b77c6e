import { connect } from 'node:net'

/**
 * Streams, in a process of its own: `node stream-load.ts '{"port":…,"path":…,"headers":{…},"body":…,"clients":…,"seconds":…}'`.
 * Prints a line of JSON. Bare sockets, so that the client costs little.
 */
interface Job {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly clients: number
  readonly seconds: number
}

const job = JSON.parse(process.argv[2] ?? '{}') as Job
const head = [
  `POST ${job.path} HTTP/1.1`,
  'host: 127.0.0.1',
  'content-type: application/json',
  `content-length: ${Buffer.byteLength(job.body)}`,
  ...Object.entries(job.headers).map(([name, value]) => `${name}: ${value}`),
].join('\r\n')
const request = Buffer.from(`${head}\r\n\r\n${job.body}`)
const firsts: number[] = []
let tokens = 0
let streams = 0
let failed = 0
const until = performance.now() + job.seconds * 1000

function run(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port: job.port, host: '127.0.0.1', noDelay: true })
    let started = 0
    let first = true
    let tail = ''
    const send = (): void => {
      if (performance.now() > until) {
        socket.destroy()
        resolve()
        return
      }
      started = performance.now()
      first = true
      tail = ''
      socket.write(request)
    }
    socket.on('connect', send)
    socket.on('error', () => {
      failed++
      resolve()
    })
    socket.on('close', () => resolve())
    socket.on('data', (bytes: Buffer) => {
      const text = tail.slice(-24) + bytes.toString('latin1')
      const before = count(tail.slice(-24))
      tokens += count(text) - before
      if (first && text.includes('data: ')) {
        first = false
        firsts.push(performance.now() - started)
      }
      if (text.endsWith('0\r\n\r\n')) {
        if (first || !`${tail}${text}`.includes('[DONE]')) failed++
        else streams++
        send()
      } else tail = (tail + bytes.toString('latin1')).slice(-100)
    })
  })
}

function count(text: string): number {
  let found = 0
  for (let at = text.indexOf('data: '); at !== -1; at = text.indexOf('data: ', at + 6)) found++
  return found
}

await Promise.all(Array.from({ length: job.clients }, run))
firsts.sort((a, b) => a - b)
console.log(
  JSON.stringify({ tokens, streams, failed, firstP50: firsts[Math.floor(firsts.length / 2)] ?? null }),
)
process.exit(0)
