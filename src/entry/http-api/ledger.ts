import type { FastifyInstance } from 'fastify'
import { purgeOld } from '../../flow/audit/retention.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { id, object } from './schemas.ts'

type EraseBody = { readonly subject: string } | { readonly action: string }

const document = { type: 'object', additionalProperties: true }

const erasable = {
  type: 'object',
  description: 'either subject or action',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: { subject: { type: 'string', minLength: 1, maxLength: 200 }, action: id },
}

export function ledgerRoutes(app: FastifyInstance, { flow, store, policies }: ApiContext): void {
  app.post<{ Body: EraseBody }>(
    '/v1/ledger/erase/preview',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'What an erasure would take; changes nothing',
        tag: 'ledger',
        body: erasable,
        answers: {
          200: {
            description: 'How many payloads, of which kinds and actions',
            schema: object(
              {
                payloads: { type: 'integer' },
                kinds: { type: 'object', additionalProperties: { type: 'integer' } },
                actions: { type: 'array', items: id },
              },
              ['payloads', 'kinds', 'actions'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const found = await store.payloadsToErase(request.body)
      const kinds: Record<string, number> = {}
      for (const { kind } of found) {
        const [group = kind] = kind.split(':', 1)
        kinds[group] = (kinds[group] ?? 0) + 1
      }
      return { payloads: found.length, kinds, actions: [...new Set(found.map(({ action }) => action))] }
    },
  )

  app.post(
    '/v1/ledger/purge',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Purge now what is older than the policy keeps; it is done by the hour otherwise',
        tag: 'ledger',
        answers: { 200: { description: 'How much went', schema: document } },
      }),
    },
    async (request) => {
      // What goes is recorded as the policy's doing; that somebody asked for it now is theirs.
      const body = { by: principalOf(request).by, basis: 'retention', payloads: [] }
      await store.commit({
        records: [{ kind: 'erasure', at: store.now(), action: null, agent: null, body }],
      })
      return purgeOld(store, policies.current().ledger.retention)
    },
  )

  app.post<{ Body: EraseBody }>(
    '/v1/ledger/erase',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Erase the payloads of a person or of an action; the records stay provable',
        tag: 'ledger',
        body: erasable,
        answers: { 200: { description: 'What was erased', schema: document } },
      }),
    },
    async (request) => flow.erase(request.body, principalOf(request).by),
  )
}
