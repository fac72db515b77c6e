import { Problem, problemFrom } from './problem.ts'
import type { Me } from './answers.ts'

type Query = Readonly<Record<string, string | number | boolean | undefined | null>>

/** `/v1/actions` with `{agent: 'a', limit: 10, before: undefined}` becomes `/v1/actions?agent=a&limit=10`. */
export function withQuery(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === null || value === '' ? [] : [[name, String(value)]],
  )
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`
}

/** Throws `Problem`. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await answerTo(withQuery(path, query), { ...(signal && { signal }) })) as T
}

/** Sends a change with the token that proves that this page asks for it. Throws `Problem`. */
export async function send<T>(
  method: 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const asked = await fetchMe()
  const sendAs = async ({ csrf }: Me): Promise<T> =>
    (await answerTo(path, {
      method,
      headers: {
        ...(csrf === undefined ? {} : { 'belay-csrf': csrf }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })) as T
  try {
    return await sendAs(asked)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'auth:csrf') throw error
    // Somebody logged in anew in another tab. Nobody may act under a name that is not on the screen.
    const now = await renewMe()
    if (now.by !== asked.by) location.reload()
    if (now.by !== asked.by || now.csrf === asked.csrf) throw error
    return sendAs(now)
  }
}

let me: Promise<Me> | undefined

/** Who is logged in, and what he may do by the policy that now is. */
export async function renewMe(): Promise<Me> {
  me = undefined
  return fetchMe()
}

/** Who is logged in, as it was asked last. */
async function fetchMe(): Promise<Me> {
  me ??= get<Me>('/v1/me').catch((error: unknown) => {
    me = undefined
    throw error
  })
  return me
}

export async function logOut(): Promise<void> {
  await send('POST', '/v1/logout')
  goToLogin()
}

/** The log-in page leads back to where one was. */
export function goToLogin(): void {
  const { pathname, search } = location
  location.replace(withQuery('/login', pathname === '/' && search === '' ? {} : { to: pathname + search }))
}

async function answerTo(path: string, init: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(path, { credentials: 'same-origin', redirect: 'error', ...init })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem({
      status: 0,
      code: 'network:unreachable',
      title: 'Belay does not answer',
      detail: 'Belay does not answer. Is it running?',
    })
  }
  if (!response.ok) {
    const problem = await problemFrom(response)
    if (problem.code === 'auth:required') goToLogin()
    throw problem
  }
  if (response.status === 204) return undefined
  return response.json()
}
