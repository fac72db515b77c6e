import type { JsonValue } from '../../src/action/json.ts'
import type { Role } from '../../src/policy/compile-people.ts'
import { ADMIN } from './http-server.ts'
import type { Answer, TestServer } from './http-server.ts'

/** Somebody's browser, with one page of ours open. */
export interface Browser {
  readonly by: string
  readonly id: string
  /** As it is sent: `name=value`. */
  readonly cookie: string
  readonly csrf: string
  call(method: string, path: string, body?: JsonValue, headers?: Record<string, string>): Promise<Answer>
}

export async function linkFor(
  server: TestServer,
  by: string,
  roles?: readonly Role[],
): Promise<{ readonly id: string; readonly token: string; readonly url: string }> {
  const answer = await server.call(
    'POST',
    '/v1/login-links',
    roles === undefined ? {} : { roles: [...roles] },
    {
      token: ADMIN,
      headers: { 'belay-acting-as': by },
    },
  )
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  return answer.body
}

/** Logs in with a link of the admin's. */
export async function logIn(server: TestServer, by: string, roles?: readonly Role[]): Promise<Browser> {
  const { token } = await linkFor(server, by, roles)
  return browserOf(server, await server.call('POST', '/v1/login', { token }, { token: null }))
}

/** The browser that got this answer to its log-in. */
export function browserOf(server: TestServer, answer: Answer): Browser {
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  const { by, csrf, login } = answer.body
  const cookie = cookiesOf(answer.headers).find((each) => each.startsWith('belay-login-'))!
  return {
    by,
    id: login.id,
    cookie,
    csrf,
    call: (method, path, body, headers = {}) =>
      server.call(method, path, body, {
        token: null,
        headers: { cookie, 'sec-fetch-site': 'same-origin', 'belay-csrf': csrf, ...headers },
      }),
  }
}

/** What a browser would send back, of what it was told to keep. */
export function cookiesOf(headers: Headers): string[] {
  return headers
    .getSetCookie()
    .filter((line) => !line.includes('Max-Age=0'))
    .map((line) => line.split(';', 1)[0]!)
}
