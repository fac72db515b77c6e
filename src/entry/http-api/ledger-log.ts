import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import { exportLedger } from '../../flow/audit/export-ledger.ts'
import { formatCheckpoints, parseCheckpoints } from '../../flow/audit/transparency/checkpoint.ts'
import { identityKey, originOf } from '../../flow/audit/transparency/log-identity.ts'
import { proveAction } from '../../flow/audit/transparency/prove-action.ts'
import { parseTilePath } from '../../flow/audit/transparency/tile-path.ts'
import { verifyLedger } from '../../flow/audit/verify-ledger.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { maySee, principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { id, object } from './schemas.ts'

const PLAIN = 'text/plain; charset=utf-8'
const BYTES = 'application/octet-stream'
/** A full tile never becomes another. */
const FOREVER = 'private, max-age=31536000, immutable'
const text = { type: 'string' }
const whole = { type: 'integer', minimum: 0 }
const chainName = { type: 'string', minLength: 1, maxLength: 200, pattern: '^[A-Za-z0-9_-]+$' }
const CHECKPOINTS = 'Signed notes (C2SP tlog-checkpoint), an empty line between them'

const witnessSchema = object(
  {
    name: text,
    size: { ...whole, description: 'the largest tree that it signed' },
    at: { type: ['string', 'null'], format: 'date-time', description: 'when it was asked last' },
    problem: {
      type: ['string', 'null'],
      enum: ['fork', 'rolled_back', 'refused', 'unreachable', null],
      description: 'null: it signed',
    },
    message: { type: ['string', 'null'] },
  },
  ['name', 'size', 'at', 'problem', 'message'],
)

const logSchema = object(
  {
    chain: text,
    origin: { ...text, description: 'what witnesses know the log by' },
    key: { ...text, description: 'a vkey (C2SP signed-note): who verifies must know it from elsewhere' },
    records: whole,
    size: { ...whole, description: 'leaves of the tree; it follows the records within moments' },
    witnessed_size: { type: ['integer', 'null'], description: 'up to where enough witnesses signed' },
    live: { type: 'boolean' },
    witnesses: { type: 'array', items: witnessSchema },
  },
  ['chain', 'origin', 'key', 'records', 'size', 'witnessed_size', 'live', 'witnesses'],
)

/** The ledger for whoever does not take our word: logs, proofs, export, verification. */
export function ledgerLogRoutes(app: FastifyInstance, { store, ledgerLog }: ApiContext): void {
  let verifying = false

  app.get(
    '/v1/ledger/logs',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'The transparency logs, one a chain, and what witnesses say of them',
        tag: 'ledger',
        answers: {
          200: {
            description: 'The key of all logs, and each log',
            schema: object({ key: text, quorum: whole, items: { type: 'array', items: logSchema } }, [
              'key',
              'quorum',
              'items',
            ]),
          },
        },
      }),
    },
    async () => {
      const log = await ledgerLog.open()
      const { identity } = log
      const sizes = new Map((await store.tiles.sizes()).map(({ chain, size }) => [chain, size]))
      const states = await ledgerLog.states()
      const items = []
      for (const { chain, seq, live } of await store.chains()) {
        const origin = originOf(identity, chain)
        items.push({
          chain,
          origin,
          key: identityKey(identity, chain),
          records: seq,
          size: sizes.get(chain) ?? 0,
          witnessed_size: (await log.witnessed(chain))?.size ?? null,
          live,
          witnesses: states
            .filter((state) => state.origin === origin)
            .map(({ witness, size, at, problem }) => ({
              name: witness,
              size,
              at: isoTime(at),
              problem: problem?.code ?? null,
              message: problem?.message ?? null,
            })),
        })
      }
      return { key: identityKey(identity), quorum: ledgerLog.quorum, items }
    },
  )

  app.get(
    '/v1/ledger/checkpoint',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Where every log stands now, signed',
        tag: 'ledger',
        answers: { 200: { description: CHECKPOINTS, schema: text, media: PLAIN } },
      }),
    },
    async (_request, reply) => {
      const checkpoints = await (await ledgerLog.open()).checkpoints()
      return reply.type(PLAIN).header('cache-control', 'no-store').send(formatCheckpoints(checkpoints))
    },
  )

  app.get<{ Params: { chain: string } }>(
    '/v1/ledger/log/:chain/checkpoint',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'Where the log of a chain stands now, signed (C2SP tlog-tiles)',
        tag: 'ledger',
        params: object({ chain: chainName }, ['chain']),
        answers: { 200: { description: 'A signed note (C2SP tlog-checkpoint)', schema: text, media: PLAIN } },
      }),
    },
    async (request, reply) => {
      const { chain } = request.params
      const checkpoint = await (await ledgerLog.open()).checkpoint(chain)
      if (checkpoint === undefined) throw new BelayError('ledger:not_found', { id: `the chain ${chain}` })
      return reply
        .type(PLAIN)
        .header('cache-control', 'no-store')
        .send(formatCheckpoints([checkpoint]))
    },
  )

  app.get<{ Params: { chain: string; '*': string } }>(
    '/v1/ledger/log/:chain/tile/*',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'A tile of hashes, or a bundle of entries, of the log of a chain (C2SP tlog-tiles)',
        tag: 'ledger',
        params: object(
          {
            chain: chainName,
            '*': {
              type: 'string',
              maxLength: 64,
              description: 'LEVEL/INDEX[.p/WIDTH] or entries/INDEX[.p/WIDTH]',
            },
          },
          ['chain', '*'],
        ),
        answers: {
          200: {
            description: 'Hashes side by side, or entries with their lengths',
            schema: text,
            media: BYTES,
          },
        },
      }),
    },
    async (request, reply) => {
      const { chain, '*': rest } = request.params
      const path = parseTilePath(rest)
      const tile = path === undefined ? undefined : await (await ledgerLog.open()).tile(chain, path)
      if (tile === undefined) throw new BelayError('ledger:not_found', { id: `the tile ${rest} of ${chain}` })
      return reply.type(BYTES).header('cache-control', FOREVER).send(tile)
    },
  )

  app.get<{ Params: { action: string } }>(
    '/v1/ledger/proof/:action',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: "That an action's records are in the ledger",
        tag: 'ledger',
        params: object({ action: id }, ['action']),
        answers: {
          200: {
            description:
              'A proof a record (C2SP tlog-proof), one after the other; they can be checked offline',
            schema: text,
            media: PLAIN,
          },
        },
      }),
    },
    async (request, reply) => {
      const actionId = request.params.action
      const found = await store.action(actionId)
      if (found === undefined || !maySee(principalOf(request), found.agent))
        throw new BelayError('ledger:not_found', { id: actionId })
      return reply.type(PLAIN).send(await proveAction(await ledgerLog.open(), actionId))
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
          200: { description: 'One JSON document a line', schema: text, media: 'application/x-ndjson' },
        },
      }),
    },
    async (request, reply) => {
      const lines = exportLedger(await ledgerLog.open(), { payloads: request.query.payloads === true })
      return reply.type('application/x-ndjson').send(Readable.from(lines))
    },
  )

  app.post<{ Body: { checkpoint?: string; witnesses?: boolean } | undefined }>(
    '/v1/ledger/verify',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Check every hash of the ledger, and the tree',
        tag: 'ledger',
        body: object({
          checkpoint: {
            type: 'string',
            maxLength: 1_000_000,
            description: 'one that was kept elsewhere: finds a rewrite of the whole ledger too',
          },
          witnesses: {
            type: 'boolean',
            description:
              "ask the policy's witnesses what they signed: finds a rewrite of the whole ledger too",
          },
        }),
        answers: {
          200: {
            description: 'What was checked and what is wrong',
            schema: { type: 'object', additionalProperties: true },
          },
        },
      }),
    },
    async (request) => {
      const { checkpoint, witnesses = false } = request.body ?? {}
      const kept = checkpoint === undefined ? [] : parseCheckpoints(checkpoint)
      if (kept === undefined || kept.length === 0) {
        if (checkpoint !== undefined)
          throw new BelayError('input:invalid', {
            where: 'body.checkpoint',
            expected: 'what /v1/ledger/checkpoint answered',
            got: 'something else',
          })
      }
      if (witnesses && ledgerLog.addresses.length === 0)
        throw new BelayError('input:invalid', {
          where: 'body.witnesses',
          expected: 'a policy that names witnesses',
          got: 'one without ledger.witnesses',
        })
      // It reads everything there is: one at a time.
      if (verifying) throw new BelayError('server:busy', { max: '1 verification' })
      verifying = true
      try {
        const { identity, trust, addresses } = ledgerLog
        return await verifyLedger(store, {
          trust: { ...trust, kept: kept ?? [] },
          ...(witnesses && { witnesses: { name: identity.name, ask: addresses } }),
        })
      } finally {
        verifying = false
      }
    },
  )
}
