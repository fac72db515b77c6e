import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { agreementOf, type Agreement } from '../../flow/quality/agreement.ts'
import type { ScoreRow, ScoreVerdict } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { routeSchema } from './route-schema.ts'
import { agentName, id, object } from './schemas.ts'

interface ScoresQuery {
  readonly action?: string
  readonly agent?: string
  readonly rubric?: string
  readonly verdict?: ScoreVerdict
  readonly before?: string
  readonly limit?: number
}

const DEFAULT_LIMIT = 50
const DEFAULT_DAYS = 90
const DAY = 86_400_000

const scoreId = { type: 'string', pattern: '^qs_[0-9a-f-]{36}$' }
const rubricName = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,63}$' }
const nullable = { type: ['string', 'null'] }
const share = { type: ['number', 'null'] }
const count = { type: 'integer' }

const SCORE = {
  id: scoreId,
  action: id,
  agent: agentName,
  name: { type: 'string', description: 'of the action' },
  at: { type: 'string', format: 'date-time' },
  timing: { type: 'string', enum: ['before', 'after'] },
  rubric: rubricName,
  rubric_digest: { type: 'string', description: 'the version of the rubric' },
  judge: { type: 'string', description: 'provider/model, as it was asked' },
  verdict: { type: 'string', enum: ['accepted', 'rejected', 'unscored'] },
  score: { type: ['integer', 'null'], description: '0 to 100; null: unscored' },
  threshold: { ...count, description: 'a score below it was rejected' },
  label: nullable,
  error: { ...nullable, description: 'why there is no score' },
  cached: { type: 'boolean', description: 'the same content had been scored before' },
  judge_action: { ...nullable, description: 'the action by which the judge was asked' },
  person: {
    type: ['string', 'null'],
    enum: ['approve', 'reject', 'edit', null],
    description: 'what a person decided of the same content',
  },
}

const AGREEMENT = {
  rubric: rubricName,
  rubric_digest: { type: 'string' },
  judge: { type: 'string' },
  count: { ...count, description: 'contents on which both said something' },
  both_accept: count,
  both_reject: count,
  judge_stricter: { ...count, description: 'the judge rejected what people approved' },
  judge_looser: { ...count, description: 'the judge accepted what people rejected' },
  same: { type: 'number', description: 'the share on which both said the same' },
  kappa: { ...share, description: 'Cohen’s kappa; null: both said the same of all' },
  kappa_low: { ...share, description: 'of its interval at 95%; null with fewer than 20' },
  kappa_high: share,
}

/** What judges made of actions, and how far people agree with them. */
export function qualityRoutes(app: FastifyInstance, { store }: ApiContext): void {
  app.get<{ Querystring: ScoresQuery }>(
    '/v1/quality/scores',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Scores of judges, newest first',
        tag: 'agents',
        querystring: object(
          {
            action: id,
            agent: agentName,
            rubric: rubricName,
            verdict: { type: 'string', enum: ['accepted', 'rejected', 'unscored'] },
            before: scoreId,
            limit: { type: 'integer', minimum: 1, maximum: 200, default: DEFAULT_LIMIT },
          },
          [],
        ),
        answers: {
          200: {
            description: 'A page of them',
            schema: object(
              {
                items: { type: 'array', items: object(SCORE, Object.keys(SCORE)) },
                next: { type: ['string', 'null'], description: 'the next page’s `before`' },
              },
              ['items', 'next'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, ...filter } = request.query
      const rows = await store.scores.list({ ...filter, limit })
      return { items: rows.map(scoreAnswer), next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null }
    },
  )

  app.get<{ Querystring: { days?: number } }>(
    '/v1/quality/agreement',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'How far people agree with judges, by rubric and judge',
        tag: 'agents',
        querystring: object(
          { days: { type: 'integer', minimum: 1, maximum: 3650, default: DEFAULT_DAYS } },
          [],
        ),
        answers: {
          200: {
            description: 'Each version of a rubric and each judge by itself',
            schema: object({ items: { type: 'array', items: object(AGREEMENT, Object.keys(AGREEMENT)) } }, [
              'items',
            ]),
          },
        },
      }),
    },
    async (request) => {
      const { days = DEFAULT_DAYS } = request.query
      const counts = await store.scores.agreement(store.now() - days * DAY)
      return { items: agreementOf(counts).map(agreementAnswer) }
    },
  )
}

function scoreAnswer(row: ScoreRow): JsonObject {
  const { action, agent, name, timing, rubric, judge, verdict, score, threshold, label, error, cached } = row
  return {
    id: row.id,
    action,
    agent,
    name,
    at: isoTime(row.at),
    timing,
    rubric,
    rubric_digest: row.rubricDigest,
    judge,
    verdict,
    score,
    threshold,
    label,
    error,
    cached,
    judge_action: row.judgeAction,
    person: row.person,
  }
}

function agreementAnswer(one: Agreement): JsonObject {
  return {
    rubric: one.rubric,
    rubric_digest: one.rubricDigest,
    judge: one.judge,
    count: one.count,
    both_accept: one.bothAccept,
    both_reject: one.bothReject,
    judge_stricter: one.judgeStricter,
    judge_looser: one.judgeLooser,
    same: one.same,
    kappa: one.kappa,
    kappa_low: one.interval?.[0] ?? null,
    kappa_high: one.interval?.[1] ?? null,
  }
}
