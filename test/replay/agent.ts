/*
 * An agent as people write them: the official client, streaming, a tool, a question that comes of the answers. It also calls
 * the HTTP API for an action of its own. What reached it, byte for byte, goes to the file that OUT names.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import OpenAI from 'openai'

const {
  OUT = '',
  SESSION = '',
  QUESTION = 'What is in the box?',
  BELAY_URL = '',
  BELAY_KEY = '',
  ESCAPE,
} = process.env

const arrived: { path: string; status: number; headers: Record<string, string>; bytes: string }[] = []

/** The client's own fetch, with the bytes written down as they come. */
const fetching: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  const { date: _, ...headers } = Object.fromEntries(response.headers)
  const entry = {
    path: new URL(input instanceof Request ? input.url : input).pathname,
    status: response.status,
    headers,
    bytes: '',
  }
  arrived.push(entry)
  const digest = createHash('sha256')
  let length = 0
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        digest.update(bytes)
        length += bytes.length
        controller.enqueue(bytes)
      },
      flush() {
        entry.bytes = `${length} ${digest.digest('hex')}`
      },
    }),
  )
  return new Response(body, { status: response.status, headers: response.headers })
}

const client = new OpenAI({ fetch: fetching, maxRetries: 0, defaultHeaders: { 'belay-session': SESSION } })

async function open(input: { readonly box: string }): Promise<string> {
  const answer = await fetching(`${BELAY_URL}/v1/actions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${BELAY_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action: 'box.open', input, session: SESSION, start: true }),
  })
  const action = (await answer.json()) as { readonly id: string; readonly state: string }
  if (action.state !== 'executing') return `refused: ${action.state}`
  const report = await fetching(`${BELAY_URL}/v1/actions/${action.id}/outcome`, {
    method: 'POST',
    headers: { authorization: `Bearer ${BELAY_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ outcome: 'succeeded', result: { inside: 'a hat' } }),
  })
  await report.text()
  return 'a hat'
}

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: QUESTION }]
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: { name: 'open', parameters: { type: 'object', properties: { box: { type: 'string' } } } },
  },
]

if (ESCAPE !== undefined) {
  const [host = '', port = ''] = ESCAPE.split(':')
  const said = await new Promise<string>((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: 3000 })
    socket.once('connect', () => resolve('connected'))
    socket.once('timeout', () => resolve('timeout'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
  })
  process.stdout.write(`escape: ${said}\n`)
}

for (;;) {
  const stream = client.chat.completions.stream({ model: 'gpt-4o', messages, tools })
  const { message } = (await stream.finalChatCompletion()).choices[0] ?? {}
  if (message === undefined) throw new Error('no answer')
  messages.push(message)
  const calls = message.tool_calls ?? []
  if (calls.length === 0) break
  for (const call of calls) {
    if (call.type !== 'function') continue
    const content = await open(JSON.parse(call.function.arguments) as { box: string })
    messages.push({ role: 'tool', tool_call_id: call.id, content })
  }
}
writeFileSync(OUT, JSON.stringify({ messages, arrived }, null, 1))
