import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { InState } from '../../action/action.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { fateOf, timeWords, visible } from '../approval-view.ts'
import { blotted, stillWaiting } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { voterFor } from '../voter.ts'
import type { ApprovalLinks, LinkClaims } from './approval-links.ts'
import { fatePage, PAGE_HEADERS, questionPage } from './approval-page.ts'

/** Characters of a reason; the API takes as many. */
const MAX_REASON = 4_000
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** `links` answers `undefined` while no mail is configured: then no link leads anywhere. */
export interface ApprovalDoorOptions {
  readonly reach: Reach
  readonly links: () => ApprovalLinks | undefined
}

type ByToken = { Params: { token: string } }

/**
 * `GET /approve/{token}` shows and changes nothing, whoever follows the link: a scanner, a preview, a person. `POST`
 * decides, with the form of the shown page.
 */
export function approvalDoor(app: FastifyInstance, { reach, links }: ApprovalDoorOptions): void {
  app.addContentTypeParser(FORM, { parseAs: 'string', bodyLimit: 32_768 }, (_request, body, done) => {
    done(null, new URLSearchParams(body as string))
  })
  app.setErrorHandler(async (error, _request, reply) => {
    const status =
      (error as { statusCode?: number }).statusCode ?? (error instanceof BelayError ? error.status : 500)
    if (status >= 500) reach.onFault(new Error(`approval page: ${blotted(error, [])}`))
    return answer(reply, status, 'That did not work', [
      status >= 500
        ? 'Nothing was decided: the decision could not be recorded. Open the link again in a moment.'
        : 'What arrived was not the form of this page. Open the link again.',
    ])
  })
  const config = { access: 'public', selfAuthenticating: true } as const

  app.get<ByToken>('/approve/:token', { config, schema: { hide: true } }, async (request, reply) => {
    const claims = links()?.read(request.params.token)
    if (claims === undefined) return invalid(reply)
    const held = await mayDecide(claims)
    if (held === undefined) return tellFate(reply, claims)
    return show(request.params.token, claims, held, reply, 200)
  })

  app.post<ByToken>('/approve/:token', { config, schema: { hide: true } }, async (request, reply) => {
    const { token } = request.params
    const signer = links()
    const claims = signer?.read(token)
    if (signer === undefined || claims === undefined) return invalid(reply)
    const body = request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
    if (!isOurOwnPage(request, reach.publicUrl()) || !signer.isFormField(token, body.get('form') ?? ''))
      return answer(reply, 403, 'That did not come from the page', [
        'Nothing was decided. Open the link from the message again and decide there.',
      ])
    const outcome = body.get('outcome')
    const reason = (body.get('reason') ?? '').toWellFormed().trim()
    const held = await mayDecide(claims)
    if (held === undefined) return tellFate(reply, claims)
    if (outcome !== 'approve' && outcome !== 'reject')
      return show(token, claims, held, reply, 422, { wrong: 'Choose Approve or Reject.', reason })
    if (reason.length > MAX_REASON)
      return show(token, claims, held, reply, 422, {
        wrong: `The reason is longer than ${MAX_REASON} characters.`,
        reason,
      })
    if (reason.length < 3 && (outcome === 'reject' || held.state.approval.risk === 'high'))
      return show(token, claims, held, reply, 422, {
        wrong:
          outcome === 'reject'
            ? 'Write why you reject it; the agent is told.'
            : 'Its risk is high: write why you approve it.',
        reason,
      })
    try {
      await reach.vote(claims.approvalId, {
        by: voterFor(held, claims.person, reach.names()),
        via: 'email',
        outcome,
        ...(reason !== '' && { reason }),
      })
    } catch (error) {
      if (!(error instanceof BelayError) || error.status >= 500) throw error
      if (error.status === 409) return tellFate(reply, claims)
      return answer(reply, error.status, 'You may not decide this', [error.message])
    }
    // The page that follows can be loaded again without deciding again.
    return reply.code(303).headers(PAGE_HEADERS).header('location', request.url.split('?', 1)[0]!).send('')
  })

  /** The action when the link's person can still decide it. */
  async function mayDecide({
    approvalId,
    step,
    actionDigest,
    person,
    expiresAt,
  }: LinkClaims): Promise<InState<'held'> | undefined> {
    if (reach.now() >= expiresAt) return undefined
    const held = await stillWaiting(reach, { approvalId, step, digest: actionDigest })
    if (held === undefined || reach.now() >= held.state.approval.expiresAt) return undefined
    const name = voterFor(held, person, reach.names())
    return held.state.approval.steps[step]!.votes.some(({ by }) => by === name) ? undefined : held
  }

  async function show(
    token: string,
    { person }: LinkClaims,
    held: InState<'held'>,
    reply: FastifyReply,
    status: number,
    more: { readonly wrong?: string; readonly reason?: string } = {},
  ): Promise<FastifyReply> {
    const formField = links()?.formField(token) ?? ''
    const page = questionPage(await reach.view(held), { person, formField, ...more })
    return reply.code(status).headers(PAGE_HEADERS).send(page)
  }

  async function tellFate(reply: FastifyReply, claims: LinkClaims): Promise<FastifyReply> {
    const action = await reach.byApproval(claims.approvalId)
    if (action === undefined)
      return answer(reply, 410, 'There is nothing here any more', [
        'The action of this link is no longer kept.',
      ])
    const about = `${visible(action.agent)} asked to run ${visible(action.name)}.`
    if (action.state.name !== 'held') return answer(reply, 200, 'This is decided', [about, fateOf(action)])
    const { approval } = action.state
    const vote = approval.steps[claims.step]?.votes.find(
      ({ by }) => by === voterFor(action as InState<'held'>, claims.person, reach.names()),
    )
    if (approval.id !== claims.approvalId || approval.actionDigest !== claims.actionDigest)
      return answer(reply, 200, 'This has changed', [
        about,
        'It is no longer what this link was about. A new message asks anew.',
      ])
    if (reach.now() >= approval.expiresAt)
      return answer(reply, 200, 'Too late', [
        about,
        `It could be decided until ${timeWords(approval.expiresAt)} and will not run.`,
      ])
    return answer(reply, 200, vote === undefined ? 'This step is decided' : 'Your approval is recorded', [
      about,
      fateOf(action),
    ])
  }
}

function invalid(reply: FastifyReply): FastifyReply {
  return answer(reply, 404, 'This link is not valid', [
    'It is not one that this Belay has signed. Take it whole from the message: mail programs sometimes cut long links.',
  ])
}

function answer(
  reply: FastifyReply,
  status: number,
  title: string,
  sentences: readonly string[],
): FastifyReply {
  return reply.code(status).headers(PAGE_HEADERS).send(fatePage(title, sentences))
}

/**
 * Whether the request comes from a page of ours, as browsers say with Fetch Metadata and Origin (RFC 6454). Clients
 * that send neither are no browsers; the form's own field decides for them.
 */
function isOurOwnPage({ headers }: FastifyRequest, publicUrl: string): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const { origin, host } = headers
  if (origin === undefined) return true
  if (!URL.canParse(origin)) return false
  return new URL(origin).host === host || origin === new URL(publicUrl).origin
}
