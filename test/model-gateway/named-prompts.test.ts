import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { MODELS, policyFor, recordsOf, settled } from './drive.ts'
import { startProvider, type Provider } from './provider/provider.ts'

let provider: Provider
let gateway: TestGateway
let number = 0

beforeAll(async () => {
  provider = await startProvider()
  const rule = `{ rule: { when: 'has(input.prompt) && input.prompt == "prompt:mismatch" && action.agent.startsWith("strict")', then: deny, code: 'prompt:mismatch' } }`
  gateway = await startGateway(
    policyFor(provider, { agent: '{ budget: [{ limit_usd: 5, per: day }] }', generate: `verify: [${rule}]` }),
    provider,
  )
  const { prompts } = gateway.harness
  const push = (text: string) =>
    prompts.push(
      { name: 'sell', content: { kind: 'text', text }, config: {}, note: null },
      { by: 'ann', labels: ['production'] },
    )
  await push('You sell {{what}}.')
  await push('You sell {{what}} dearly.')
})
afterAll(async () => {
  await gateway.close()
  await provider.close()
})

async function call(system: string, ref: string, agent = `agent-${number++}`): Promise<[number, JsonObject]> {
  const { status } = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await gateway.key(agent)}`,
      'content-type': 'application/json',
      'belay-prompt': ref,
    },
    body: JSON.stringify({
      model: MODELS.chat,
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: 'How much?' },
      ],
    }),
  })
  const [action] = await settled(gateway, agent)
  const [decision] = await recordsOf(gateway, action!, 'decision')
  return [status, (decision!['facts'] as { prompt: JsonObject }).prompt]
}

test('the record names the version whose text the request really has', async () => {
  const { digest } = await gateway.harness.prompts.get('sell', { version: 1 })
  expect(await call('You sell tea.', 'sell@1')).toEqual([200, { name: 'sell', version: 1, digest }])
  expect(await call('You sell tea dearly.', 'sell@production')).toEqual([
    200,
    expect.objectContaining({ name: 'sell', version: 2 }),
  ])
})

test('a lie is recorded as one, and the policy may refuse it', async () => {
  const [status, prompt] = await call('You steal tea.', 'sell@1')
  expect(status).toBe(200)
  expect(prompt).toEqual({
    digest: expect.stringMatching(/^sha256:/),
    claimed: 'sell@1',
    fault: 'prompt:mismatch',
  })
  expect((await call('You sell tea.', 'sell@2'))[1]).toMatchObject({
    claimed: 'sell@2',
    fault: 'prompt:mismatch',
  })
  expect((await call('You sell tea.', 'sell@7'))[1]).toMatchObject({
    claimed: 'sell@7',
    fault: 'prompt:unknown',
  })
  const asked = provider.requests.length
  expect((await call('You steal tea.', 'sell@1', 'strict-1'))[0]).toBe(403)
  expect(provider.requests).toHaveLength(asked)
  expect((await call('You sell tea.', 'sell@1', 'strict-2'))[0]).toBe(200)
})
