import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import { checkpoint } from '../../flow/audit/checkpoint.ts'
import { exportLedger, isCheckpoint } from '../../flow/audit/export-ledger.ts'
import { prove } from '../../flow/audit/prove.ts'
import { verifyLedger } from '../../flow/audit/verify-ledger.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
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

export function ledgerRoutes(app: FastifyInstance, { flow, store, ledgerKey }: ApiContext): void {
  let verifying = false

  app.get(
    '/v1/ledger/checkpoint',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'A signed checkpoint of the ledger',
        tag: 'ledger',
        answers: { 200: { description: 'Where every chain stands, signed with Ed25519', schema: document } },
      }),
    },
    async () => checkpoint(store, ledgerKey),
  )

  app.get<{ Params: { action: string } }>(
    '/v1/ledger/proof/:action',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: "That an action's records are in the ledger",
        tag: 'ledger',
        params: object({ action: id }, ['action']),
        answers: { 200: { description: 'The proof, which can be checked offline', schema: document } },
      }),
    },
    async (request) => {
      const actionId = request.params.action
      const found = await store.action(actionId)
      if (found === undefined || !maySee(principalOf(request), found.agent))
        throw new BelayError('ledger:not_found', { id: actionId })
      return prove(store, ledgerKey, actionId)
    },
  )

  app.get<{ Querystring: { payloads?: boolean } }>(
    '/v1/ledger/export',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'The whole ledger, which can be verified offline',
        tag: 'ledger',
        querystring: object({
          payloads: { type: 'boolean', description: 'with inputs and results, which may be personal' },
        }),
        answers: {
          200: {
            description: 'One JSON document a line',
            schema: { type: 'string' },
            media: 'application/x-ndjson',
          },
        },
      }),
    },
    async (request, reply) => {
      const lines = exportLedger(store, ledgerKey, { payloads: request.query.payloads === true })
      return reply.type('application/x-ndjson').send(Readable.from(lines))
    },
  )

  app.post<{ Body: { checkpoint?: unknown } | undefined }>(
    '/v1/ledger/verify',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Check every hash of the ledger',
        tag: 'ledger',
        body: object({
          checkpoint: {
            ...document,
            description: 'one that was kept elsewhere: finds a rewrite of the whole ledger too',
          },
        }),
        answers: { 200: { description: 'What was checked and what is wrong', schema: document } },
      }),
    },
    async (request) => {
      const kept = request.body?.checkpoint
      if (kept !== undefined && !isCheckpoint(kept)) {
        throw new BelayError('input:invalid', {
          where: 'body.checkpoint',
          expected: 'what /v1/ledger/checkpoint answered',
          got: 'something else',
        })
      }
      // It reads everything there is: one at a time.
      if (verifying) throw new BelayError('server:busy', { max: '1 verification' })
      verifying = true
      try {
        return await verifyLedger(store, kept === undefined ? {} : { checkpoint: kept })
      } finally {
        verifying = false
      }
    },
  )

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
