import type { FastifyInstance } from 'fastify'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import type { SlackInteractions } from './interactions.ts'
import type { SlackSignatures } from './signature.ts'

const MAX_BODY = 2_000_000
/** Decisions that are being carried out at the same time; Slack shows a failure for the others, and people press again. */
const MAX_WORK = 1_000
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i

export interface SlackSide {
  readonly signatures: SlackSignatures
  readonly interactions: SlackInteractions
}

/** The work that goes on after the acknowledgement. */
export class SlackWork {
  readonly #running = new Set<Promise<void>>()

  get full(): boolean {
    return this.#running.size >= MAX_WORK
  }

  begin(work: () => Promise<void>): void {
    const running = work().finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Resolves when everything that was acknowledged is done. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }
}

/**
 * `POST /slack/interactions`: authenticated by Slack's signature over the raw body, and acknowledged before anything is
 * looked up or recorded: Slack waits three seconds.
 */
export function slackDoor(
  app: FastifyInstance,
  { side, work }: { readonly side: () => SlackSide | undefined; readonly work: SlackWork },
): void {
  app.addContentTypeParser(FORM, { parseAs: 'buffer', bodyLimit: MAX_BODY }, (_request, body, done) => {
    done(null, body)
  })
  app.post(
    '/slack/interactions',
    { config: { access: 'public', selfAuthenticating: true }, schema: { hide: true } },
    async (request, reply) => {
      const now = side()
      const { headers } = request
      const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      if (now === undefined) return reply.code(404).send()
      const verdict = now.signatures.check(
        headers['x-slack-request-timestamp'],
        headers['x-slack-signature'],
        raw,
      )
      if (verdict === 'forged') return reply.code(401).send()
      // What Slack sends again was acknowledged, or was shown to the person as failed: it counts at most once.
      if (verdict === 'repeated' || headers['x-slack-retry-num'] !== undefined)
        return reply.code(200).header('x-slack-no-retry', '1').send()
      const payload = payloadOf(raw)
      if (payload === undefined) return reply.code(400).send()
      if (work.full) return reply.code(503).send()
      const { acknowledgement, work: later } = now.interactions.take(payload)
      await (acknowledgement === null ? reply.code(200).send() : reply.code(200).send(acknowledgement))
      work.begin(later)
      return reply
    },
  )
}

function payloadOf(raw: Buffer): JsonObject | undefined {
  const text = new URLSearchParams(raw.toString('utf8')).get('payload')
  if (text === null) return undefined
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
