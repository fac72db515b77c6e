import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BelayError } from '../../../errors/catalogue.ts'
import type { OidcRule } from '../../../policy/compile-people.ts'
import type { ApiContext } from '../api-context.ts'
import { isLoopback } from '../loopback-host.ts'
import { routeSchema } from '../route-schema.ts'
import { object } from '../schemas.ts'
import { IdentityRefused } from './identity-provider.ts'
import type { IdentityProvider, LoginAttempt } from './identity-provider.ts'
import { dropCookie, readCookie, transportOf, writeCookie } from './login-cookies.ts'
import { LoginLimit } from './login-limit.ts'
import { sendLoginPage, sendOnwardPage, sendRefusedPage } from './login-page.ts'
import { meSchema, personAnswer } from './me.ts'
import { ownPath } from './own-path.ts'
import { isFromElsewhere } from './same-origin.ts'
import type { Opened } from './logins.ts'

const CALLBACK = '/v1/login/oidc/callback'
const ATTEMPT_SECONDS = 600
const page = { type: 'string' }

/** How people log in: with a link that the owner of the installation prints, or through an identity provider. */
export function loginRoutes(
  app: FastifyInstance,
  { logins, limits, openIdentityProvider }: ApiContext,
): void {
  const limit = new LoginLimit(limits.refusedLogins)
  let provider: Promise<IdentityProvider> | undefined
  // Loaded when somebody logs in so: most harnesses have no provider.
  const openProvider = (): Promise<IdentityProvider> => {
    if (openIdentityProvider === null)
      throw new BelayError('login:not_configured', { cause: 'this harness was built without OpenID Connect' })
    return (provider ??= openIdentityProvider())
  }
  const offersOidc = (): boolean => logins.rule.oidc !== null && openIdentityProvider !== null

  const transport = (request: FastifyRequest) => transportOf(request, logins.rule.publicUrl)

  /** Counts the attempt unless it succeeds. */
  async function limited<T>(request: FastifyRequest, work: () => Promise<T>): Promise<T> {
    limit.count(request.ip)
    try {
      const result = await work()
      limit.forgive(request.ip)
      return result
    } catch (error) {
      // That nothing can be recorded is nobody's wrong guess.
      if (error instanceof BelayError && error.status === 503) limit.forgive(request.ip)
      throw error
    }
  }

  function letIn(request: FastifyRequest, reply: FastifyReply, { row, secret }: Opened): void {
    const seconds = Math.floor((row.expiresAt - row.createdAt) / 1000)
    void reply.header('set-cookie', [
      writeCookie('login', secret, transport(request), { seconds, sameSite: 'Strict' }),
      dropCookie('attempt', transport(request)),
    ])
  }

  app.get<{ Querystring: { to?: string } }>(
    '/login',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'The page to which log-in links lead',
        tag: 'people',
        open: true,
        querystring: object({
          to: { type: 'string', maxLength: 2_000, description: 'the path to go on to' },
        }),
        answers: { 200: { description: 'A page', schema: page, media: 'text/html' } },
      }),
    },
    async (request, reply) => sendLoginPage(reply, { to: ownPath(request.query.to), oidc: offersOidc() }),
  )

  app.get(
    '/v1/login',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'How one can log in here',
        tag: 'people',
        open: true,
        answers: {
          200: {
            description: 'The ways that there are',
            schema: object({ link: { type: 'boolean' }, oidc: { type: 'boolean' } }, ['link', 'oidc']),
          },
        },
      }),
    },
    async () => ({ link: true, oidc: offersOidc() }),
  )

  app.post<{ Body: { token: string } }>(
    '/v1/login',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'Log in with the token of a link, which works once',
        tag: 'people',
        open: true,
        body: object({ token: { type: 'string', maxLength: 200, description: 'what stands after the #' } }, [
          'token',
        ]),
        answers: { 200: { description: 'Who is logged in; the cookie is set', schema: meSchema } },
      }),
    },
    async (request, reply) => {
      if (isFromElsewhere(request, logins.rule.publicUrl))
        throw new BelayError('auth:csrf', { cause: 'it comes from elsewhere' })
      const opened = await limited(request, () => logins.useLink(request.body.token))
      letIn(request, reply, opened)
      const login = await logins.find(opened.secret)
      if (login === undefined) throw new BelayError('auth:required')
      return personAnswer(login)
    },
  )

  app.get<{ Querystring: { to?: string } }>(
    '/v1/login/oidc',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'To the identity provider, to log in there',
        tag: 'people',
        open: true,
        querystring: object({
          to: { type: 'string', maxLength: 2_000, description: 'the path to go on to' },
        }),
        answers: { 303: { description: "The provider's page", schema: page, media: 'text/html' } },
      }),
    },
    async (request, reply) => {
      const rule = oidcRule()
      const secret = randomBytes(32).toString('base64url')
      const attempt = { secret, redirectUri: redirectUri(request) }
      const address = await limited(request, async () =>
        (await openProvider()).addressFor(rule, attempt).catch((error: unknown) => {
          request.log.error({ err: error, id: request.id }, 'the identity provider cannot be asked')
          throw new BelayError('login:provider', { issuer: rule.issuer, id: request.id })
        }),
      )
      const value = `${secret}.${Buffer.from(ownPath(request.query.to)).toString('base64url')}`
      // The provider's redirect is a navigation from elsewhere, on which a strict cookie would be missing.
      const cookie = writeCookie('attempt', value, transport(request), {
        seconds: ATTEMPT_SECONDS,
        sameSite: 'Lax',
      })
      return reply.header('set-cookie', cookie).redirect(address.href, 303)
    },
  )

  app.get(
    CALLBACK,
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'Where the identity provider sends people back to',
        tag: 'people',
        open: true,
        answers: {
          200: { description: 'Logged in; the page leads on', schema: page, media: 'text/html' },
          403: { description: 'Refused', schema: page, media: 'text/html' },
        },
      }),
    },
    async (request, reply) => {
      const rule = oidcRule()
      const cookie = readCookie(request.headers.cookie, 'attempt', transport(request))
      try {
        const opened = await limited(request, () => identified(request, rule, cookie))
        letIn(request, reply, opened)
        return sendOnwardPage(
          reply,
          ownPath(Buffer.from(cookie?.split('.')[1] ?? '', 'base64url').toString()),
        )
      } catch (error) {
        if (!(error instanceof BelayError) || error.status === 503) throw error
        void reply.header('set-cookie', dropCookie('attempt', transport(request)))
        return sendRefusedPage(reply, error.status, error.message)
      }
    },
  )

  async function identified(
    request: FastifyRequest,
    rule: OidcRule,
    cookie: string | undefined,
  ): Promise<Opened> {
    const [secret = ''] = (cookie ?? '').split('.')
    if (!/^[A-Za-z0-9_-]{43}$/.test(secret)) throw await logins.refuse('no log-in was begun in this browser')
    const attempt: LoginAttempt = { secret, redirectUri: redirectUri(request) }
    const query = request.url.split('?').slice(1).join('?')
    const identity = await (
      await openProvider()
    )
      .identify(rule, attempt, query)
      .catch(async (error: unknown) => {
        if (error instanceof IdentityRefused) throw await logins.refuse(error.message)
        request.log.error({ err: error, id: request.id }, 'the identity provider cannot be asked')
        throw new BelayError('login:provider', { issuer: rule.issuer, id: request.id })
      })
    return logins.openFor(identity.name, identity.claims)
  }

  function oidcRule(): OidcRule {
    const { oidc } = logins.rule
    if (oidc === null)
      throw new BelayError('login:not_configured', { cause: 'the policy has no people.oidc' })
    return oidc
  }

  /** Never made of a Host header that could be anybody's. */
  function redirectUri(request: FastifyRequest): string {
    const { host = '' } = request.headers
    const { publicUrl } = logins.rule
    if (publicUrl !== null) return publicUrl + CALLBACK
    if (isLoopback(host.replace(/:\d{1,5}$/, ''))) return `http://${host}${CALLBACK}`
    throw new BelayError('login:not_configured', { cause: 'the policy has no people.public_url' })
  }
}
