import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'

export const CLIENT = 'belay'
export const CLIENT_SECRET = 'the-secret-of-the-client'

/** What the provider says of somebody, beside who it is. */
export type Claims = Readonly<Record<string, unknown>>

export interface TestProvider {
  readonly issuer: string
  /** People by the name under which they log in there. */
  readonly people: Map<string, Claims>
  /** Goes where a browser is sent, and through the provider's own pages; answers where that leads back to. */
  visit(address: string, login: string, answer?: 'consent' | 'refuse'): Promise<URL>
  /** How often each endpoint was called. */
  readonly calls: Map<string, number>
  close(): Promise<void>
}

/** An OpenID provider of its own, as they are deployed, on a free port. */
export async function startProvider(redirectUris: readonly string[] = []): Promise<TestProvider> {
  const server: Server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const people = new Map<string, Claims>()
  const calls = new Map<string, number>()
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: CLIENT_SECRET,
        redirect_uris: [...redirectUris],
        response_types: ['code'],
      },
    ],
    claims: { email: ['email', 'email_verified'], profile: ['preferred_username', 'groups', 'realm_access'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['a key of the test'] },
    jwks: undefined,
    findAccount: (_context: unknown, id: string) =>
      people.has(id) ? { accountId: id, claims: async () => ({ sub: id, ...people.get(id) }) } : undefined,
  } as never)
  provider.on('server_error', (_context, error) => process.stderr.write(`${String(error.stack)}\n`))
  const handle = provider.callback()
  server.on('request', (request, response) => {
    const path = request.url!.split('?', 1)[0]!
    calls.set(path, (calls.get(path) ?? 0) + 1)
    void handle(request, response)
  })

  return {
    issuer,
    people,
    calls,
    async visit(address, login, answer = 'consent') {
      const jar = new Map<string, string>()
      let url = new URL(address)
      let form: URLSearchParams | undefined
      for (let step = 0; step < 20; step++) {
        if (url.origin !== issuer) return url
        const response = await fetch(url, {
          method: form === undefined ? 'GET' : 'POST',
          redirect: 'manual',
          headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
          ...(form === undefined ? {} : { body: form }),
        })
        for (const line of response.headers.getSetCookie()) {
          const [name, value] = line.split(';', 1)[0]!.split('=') as [string, string]
          jar.set(name, value)
        }
        form = undefined
        const location = response.headers.get('location')
        if (location !== null) {
          url = new URL(location, url)
          continue
        }
        const page = await response.text()
        if (answer === 'refuse') {
          const abort = /href="([^"]*\/abort)"/.exec(page)?.[1]
          if (abort === undefined) throw new Error(page)
          url = new URL(abort, url)
          continue
        }
        const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1]
        const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1]
        if (prompt === undefined || action === undefined) throw new Error(page)
        form = new URLSearchParams({ prompt, ...(prompt === 'login' ? { login, password: 'x' } : {}) })
        url = new URL(action, url)
      }
      throw new Error('the provider leads nowhere')
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
