import type { JsonValue } from '../../action/json.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { textOf } from '../sdk/text-of.ts'

/** An agent of the harness for as long as something is sent in its name: with a key of its own, taken back at the end. */
export interface LiveAgent {
  ask(
    request: {
      readonly method: string
      readonly path: string
      readonly headers?: Readonly<Record<string, string>>
      readonly body: JsonValue
    },
    session: string,
  ): Promise<Response>
}

/** Runs `work` with a key of the agent, and revokes it. */
export async function withLiveAgent<T>(
  client: ApiClient,
  agent: string,
  work: (live: LiveAgent) => Promise<T>,
): Promise<T> {
  const made = await client.object('POST', '/v1/keys', { body: { agent } })
  const key = textOf(made['key'])
  const live: LiveAgent = {
    ask: ({ method, path, headers = {}, body }, session) =>
      fetch(client.url + path, {
        method,
        redirect: 'error',
        headers: {
          ...headers,
          authorization: `Bearer ${key}`,
          'belay-session': session,
          ...(body !== null && { 'content-type': 'application/json' }),
        },
        ...(body !== null && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
  }
  try {
    return await work(live)
  } finally {
    await client.object('DELETE', `/v1/keys/${textOf(made['id'])}`)
  }
}
