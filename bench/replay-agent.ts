import { Agent, request } from 'node:http'

/* An agent that asks its model the same questions in every run. As a program: `node bench/replay-agent.ts ask STEPS`. */

export const WORDS = 'the agent looks at the next page and writes down what it finds there, '
const question = (step: number): string =>
  JSON.stringify({
    model: 'gpt-4o',
    stream: true,
    messages: [
      { role: 'system', content: WORDS.repeat(20) },
      ...Array.from({ length: 8 }, (_, index) => ({
        role: index % 2 === 0 ? 'user' : 'assistant',
        content: `${step - 8 + index}: ${WORDS.repeat(3)}`,
      })),
    ],
  })

/** Asks so many questions, one after the other; answers how long each took, ms. */
export async function askAll(url: string, key: string, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const took: number[] = []
  for (let step = 1; step <= count; step++) {
    const started = performance.now()
    await ask(agent, `${url}/openai/v1/chat/completions`, key, question(step))
    took.push(performance.now() - started)
  }
  agent.destroy()
  return took
}

function ask(agent: Agent, url: string, key: string, body: string): Promise<void> {
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'belay-session': 'bench',
  }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
      response.resume().on('end', resolve).on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

if (process.argv[2] === 'ask')
  await askAll(process.env['BELAY_URL'] ?? '', 'blk_replay', Number(process.argv[3]))
