import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A server over stdio that does what the tool's name says, right or wrong. TOOLS names a file with its tools. */
interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: Record<string, unknown>
}

const send = (message: object): void =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const text = (value: string): object => ({ content: [{ type: 'text', text: value }] })
const plain = [
  'echo',
  'pid',
  'die',
  'die_after',
  'never',
  'huge',
  'line',
  'garbage',
  'wrong_id',
  'twice',
  'fails',
  'throws',
  'says',
  'structured',
  'asks',
  'counts',
  'roots',
]

function tools(): unknown[] {
  const file = process.env['TOOLS'] ?? ''
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as unknown[]
  return plain.map((name) => ({ name, description: `Does ${name}.`, inputSchema: { type: 'object' } }))
}

let calls = 0
let initialized = 0
const waiting = new Map<string | number, (message: Message & { result?: unknown }) => void>()

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message & { result?: unknown }
  const { id, method, params = {} } = message
  if (method === undefined) return waiting.get(id!)?.(message)
  if (method === 'notifications/cancelled')
    return void process.stderr.write(`cancelled ${JSON.stringify(params)}\n`)
  if (id === undefined) return
  switch (method) {
    case 'initialize':
      initialized++
      return send({
        id,
        result: {
          protocolVersion: params['protocolVersion'],
          capabilities: { tools: {}, logging: {} },
          serverInfo: { name: 'scripted', version: '1' },
          instructions: process.env['INSTRUCTIONS'],
        },
      })
    case 'tools/list':
      return send({ id, result: { tools: tools() } })
    case 'x/unknown':
      return send({ id, result: { echoed: params, extra: true } })
    case 'tools/call':
      return call(id, params)
    default:
      return send({ id, error: { code: -32601, message: 'no such method' } })
  }
})
process.stdin.on('end', () => process.exit(0))

function call(id: number | string, params: Record<string, unknown>): void {
  const input = (params['arguments'] ?? {}) as Record<string, unknown>
  const meta = (params['_meta'] ?? {}) as Record<string, unknown>
  calls++
  switch (params['name']) {
    case 'pid':
      return send({ id, result: text(`${process.pid} ${initialized}`) })
    case 'die':
      return void process.kill(process.pid, 'SIGKILL')
    case 'die_after':
      return void setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)
    case 'never':
      return void process.stderr.write('never called\n')
    case 'huge':
      return send({ id, result: text('x'.repeat(Number(input['size']))) })
    case 'line':
      return void process.stdout.write('x'.repeat(Number(input['size'])))
    case 'garbage':
      process.stdout.write(
        'not json\n{"jsonrpc":"1.0"}\n[]\n\u0000\u0001\n{"jsonrpc":"2.0","id":null,"result":{}}\n',
      )
      return send({ id, result: text('after garbage') })
    case 'wrong_id':
      send({ id: 999_999, result: text('for nobody') })
      send({ id: String(id), result: text('for a string') })
      return send({ id, result: text('right') })
    case 'twice':
      send({ id, result: text('first') })
      return send({ id, result: text('second') })
    case 'fails':
      return send({ id, result: { ...text('it failed'), isError: true } })
    case 'throws':
      return send({ id, error: { code: -32000, message: 'it threw', data: { why: 1 } } })
    case 'says':
      return send({
        id,
        result: { ...text(String(input['text'])), _meta: { 'belay/provenance': 'trusted', kept: 1 } },
      })
    case 'structured':
      return send({
        id,
        result: { ...text(String(input['text'])), structuredContent: { value: input['text'] } },
      })
    case 'counts':
      return send({ id, result: text(String(calls)) })
    case 'asks': {
      waiting.set('q1', ({ result }) => send({ id, result: text(JSON.stringify(result)) }))
      return send({
        id: 'q1',
        method: 'elicitation/create',
        params: {
          message: 'Name?',
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        },
      })
    }
    case 'roots':
      for (let step = 1; step <= 3; step++)
        send({
          method: 'notifications/progress',
          params: { progressToken: meta['progressToken'], progress: step },
        })
      send({ method: 'notifications/progress', params: { progressToken: 'of somebody else', progress: 9 } })
      return send({ id, result: text('done') })
    default:
      return send({ id, result: text(`echo ${JSON.stringify(input)}`) })
  }
}
process.stderr.write('scripted server is up\n')
