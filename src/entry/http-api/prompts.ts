import type { FastifyInstance } from 'fastify'
import { isJsonObject } from '../../action/json.ts'
import type { JsonObject } from '../../action/json.ts'
import type { PromptContent, PromptLabel, PromptVersion } from '../../storage/store.ts'
import { stats } from '../../flow/audit/sessions/stats.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { LABEL_NAME, LATEST, MAX_MESSAGES, PROMPT_NAME, variablesOf } from '../prompts/prompt.ts'
import type { RenderedPrompt } from '../prompts/prompt.ts'
import { MAX_TEMPLATE } from '../prompts/template.ts'
import type { Variables } from '../prompts/template.ts'
import { isoTime } from './action-answer.ts'
import type { ApiContext } from './api-context.ts'
import { principalOf } from './authentication.ts'
import { routeSchema } from './route-schema.ts'
import { caughtUp } from './sessions.ts'
import { object, time, words } from './schemas.ts'

interface PushBody {
  readonly name: string
  readonly text?: string
  readonly messages?: Extract<PromptContent, { kind: 'chat' }>['messages']
  readonly config?: JsonObject
  readonly note?: string
  readonly labels?: readonly string[]
}

const name = {
  type: 'string',
  pattern: PROMPT_NAME,
  description: 'letters, digits and _ . -',
} as const
const label = {
  type: 'string',
  pattern: LABEL_NAME,
  description: 'small letters, digits and _ . -',
} as const
const version = { type: 'integer', minimum: 1, maximum: 999_999_999 } as const
const text = { type: 'string', minLength: 1, maxLength: MAX_TEMPLATE, description: 'the template' } as const
const messages = {
  type: 'array',
  minItems: 1,
  maxItems: MAX_MESSAGES,
  items: object(
    {
      role: { type: 'string', enum: ['system', 'user', 'assistant'] },
      content: { type: 'string', maxLength: MAX_TEMPLATE },
    },
    ['role', 'content'],
  ),
} as const
const anyObject = { type: 'object', additionalProperties: true } as const
const labelAnswer = object(
  { label: { type: 'string' }, version, moved_at: time, moved_by: { type: 'string' } },
  ['label', 'version', 'moved_at', 'moved_by'],
)
const versionMembers = {
  version,
  digest: { type: 'string' },
  kind: { type: 'string', enum: ['text', 'chat'] },
  variables: { type: 'array', items: { type: 'string' } },
  labels: {
    type: 'array',
    items: { type: 'string' },
    description: `those that name it, ${LATEST} among them`,
  },
  note: { type: ['string', 'null'] },
  created_at: time,
  created_by: { type: 'string' },
} as const
const versionNames = Object.keys(versionMembers)
const versionAnswer = object({ name, ...versionMembers, text, messages, config: anyObject }, [
  'name',
  ...versionNames,
  'config',
])
const DAY_MS = 86_400_000
const statsAnswer = {
  ...anyObject,
  type: ['object', 'null'],
  description:
    'what became of actions with it, as a row of /v1/stats?by=prompt; null for none: actions, decisions, outcomes, cost_usd, tokens, latency_ms',
} as const

export function promptRoutes(app: FastifyInstance, { store, prompts, rollups }: ApiContext): void {
  app.get(
    '/v1/prompts',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'All prompts of the registry',
        tag: 'prompts',
        answers: {
          200: {
            description: 'One row for each, by name',
            schema: object(
              {
                items: {
                  type: 'array',
                  items: object(
                    {
                      name,
                      version: { ...version, description: 'the newest; versions count from 1' },
                      labels: { type: 'array', items: labelAnswer },
                      created_at: time,
                      updated_at: time,
                    },
                    ['name', 'version', 'labels', 'created_at', 'updated_at'],
                  ),
                },
              },
              ['items'],
            ),
          },
        },
      }),
    },
    async () => {
      const [all, labels] = await Promise.all([store.prompts.list(), store.prompts.labels()])
      const byName = Map.groupBy(labels, (each) => each.name)
      return {
        items: all.map((each) => ({
          name: each.name,
          version: each.version,
          labels: (byName.get(each.name) ?? []).map(labelJson),
          created_at: isoTime(each.createdAt),
          updated_at: isoTime(each.updatedAt),
        })),
      }
    },
  )

  app.get<{ Params: { name: string }; Querystring: { days?: number } }>(
    '/v1/prompts/:name',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'A prompt: its labels, its versions, and what became of the calls with each',
        tag: 'prompts',
        params: object({ name }, ['name']),
        querystring: object({
          days: {
            type: 'integer',
            minimum: 1,
            maximum: 31,
            description: 'how far stats look back; 30 unless told',
          },
        }),
        answers: {
          200: {
            description: 'Versions, newest first, without their texts',
            schema: object(
              {
                name,
                labels: { type: 'array', items: labelAnswer },
                versions: {
                  type: 'array',
                  items: object({ ...versionMembers, stats: statsAnswer }, [...versionNames, 'stats']),
                },
              },
              ['name', 'labels', 'versions'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { name: asked } = request.params
      const [versions, labels] = await Promise.all([
        store.prompts.versions(asked),
        store.prompts.labels(asked),
      ])
      const newest = versions[0]
      if (newest === undefined) throw new BelayError('prompt:not_found', { name: asked })
      const principal = principalOf(request)
      await caughtUp(rollups)
      const now = store.now()
      const { rows } = await stats(store, {
        from: now - (request.query.days ?? 30) * DAY_MS,
        to: now,
        by: ['prompt'],
        prompt: asked,
        // What others do with it is theirs to see.
        ...(principal.kind === 'agent' && { agent: principal.agent }),
      })
      const byVersion = new Map(
        (Array.isArray(rows) ? rows : []).filter(isJsonObject).map(({ key, ...row }) => [key, row]),
      )
      return {
        name: asked,
        labels: labels.map(labelJson),
        versions: versions.map((each) => ({
          ...summaryJson(each, labels, newest),
          stats: byVersion.get(`${asked}@${each.version}`) ?? null,
        })),
      }
    },
  )

  app.get<{ Params: { name: string; version: number } }>(
    '/v1/prompts/:name/versions/:version',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'One version of a prompt, with its text',
        tag: 'prompts',
        params: object({ name, version }, ['name', 'version']),
        answers: { 200: { description: 'The version', schema: versionAnswer } },
      }),
    },
    async (request) => {
      const { name: asked, version: number } = request.params
      return versionJson(await prompts.get(asked, { version: number }))
    },
  )

  app.post<{ Body: PushBody }>(
    '/v1/prompts',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'A new prompt, or a new version of one. What is unchanged makes none.',
        tag: 'prompts',
        body: {
          ...object(
            {
              name,
              text,
              messages,
              config: { ...anyObject, description: 'model, parameters and what else belongs to the prompt' },
              note: words(1_000, 'why it was changed'),
              labels: { type: 'array', maxItems: 20, items: label, description: 'move to the new version' },
            },
            ['name'],
          ),
          description: 'either text or messages',
        },
        answers: {
          201: { description: 'A new version', schema: versionAnswer },
          200: { description: 'The newest version says the same', schema: versionAnswer },
        },
      }),
    },
    async (request, reply) => {
      const { name: given, config = {}, note = null, labels = [], ...content } = request.body
      if (labels.includes(LATEST)) throw new BelayError('prompt:label_reserved', { label: LATEST })
      const made = await prompts.push(
        { name: given, content: contentOf(content), config, note },
        { by: principalOf(request).by, labels },
      )
      return reply.code(made.created ? 201 : 200).send(await versionJson(made.version))
    },
  )

  app.put<{ Params: { name: string; label: string }; Body: { version: number } }>(
    '/v1/prompts/:name/labels/:label',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'Let a label name a version',
        tag: 'prompts',
        params: object({ name, label }, ['name', 'label']),
        body: object({ version }, ['version']),
        answers: { 200: { description: 'The version that it names now', schema: versionAnswer } },
      }),
    },
    async (request) => {
      const { name: given, label: moved } = request.params
      return versionJson(await prompts.move(given, moved, request.body.version, principalOf(request).by))
    },
  )

  app.post<{
    Params: { name: string }
    Body: { version?: number; label?: string; variables?: Variables } | undefined
  }>(
    '/v1/prompts/:name/render',
    {
      config: { access: 'agent' },
      schema: routeSchema({
        summary: 'A prompt with its variables filled in',
        tag: 'prompts',
        params: object({ name }, ['name']),
        body: {
          ...object({
            version,
            label: { ...label, description: `${LATEST} unless told` },
            variables: {
              type: 'object',
              maxProperties: 200,
              additionalProperties: { type: ['string', 'number', 'boolean'], maxLength: 1_000_000 },
            },
          }),
          description: 'either version or label; exactly the variables of the prompt',
        },
        answers: {
          200: {
            description:
              'ref goes into the header belay-prompt of the model gateway, or into prompt of a proposal',
            schema: object(
              {
                name,
                version,
                digest: { type: 'string' },
                ref: { type: 'string' },
                text,
                messages,
                config: anyObject,
              },
              ['name', 'version', 'digest', 'ref', 'config'],
            ),
          },
        },
      }),
    },
    async (request) => {
      const { variables = {}, ...which } = request.body ?? {}
      if (which.version !== undefined && which.label !== undefined)
        throw new BelayError('input:invalid', { where: 'body', expected: 'version or label', got: 'both' })
      return renderedJson(await prompts.render(request.params.name, which, variables))
    },
  )

  async function versionJson(each: PromptVersion): Promise<JsonObject> {
    const [labels, newest] = await Promise.all([
      store.prompts.labels(each.name),
      store.prompts.latest(each.name),
    ])
    const { content } = each
    return {
      name: each.name,
      ...summaryJson(each, labels, newest ?? each),
      ...(content.kind === 'text'
        ? { text: content.text }
        : { messages: content.messages as unknown as JsonObject[] }),
      config: each.config,
    }
  }
}

function contentOf({ text: given, messages: list }: Pick<PushBody, 'text' | 'messages'>): PromptContent {
  if (given !== undefined && list === undefined) return { kind: 'text', text: given }
  if (list !== undefined && given === undefined) return { kind: 'chat', messages: list }
  throw new BelayError('input:invalid', {
    where: 'body',
    expected: 'either text or messages',
    got: given === undefined ? 'neither' : 'both',
  })
}

function summaryJson(each: PromptVersion, labels: readonly PromptLabel[], newest: PromptVersion): JsonObject {
  return {
    version: each.version,
    digest: each.digest,
    kind: each.content.kind,
    variables: variablesOf(each),
    labels: [
      ...labels.filter(({ version: named }) => named === each.version).map((found) => found.label),
      ...(newest.version === each.version ? [LATEST] : []),
    ],
    note: each.note,
    created_at: isoTime(each.createdAt),
    created_by: each.createdBy,
  }
}

function labelJson({ label: named, version: to, movedAt, movedBy }: PromptLabel): JsonObject {
  return { label: named, version: to, moved_at: isoTime(movedAt), moved_by: movedBy }
}

function renderedJson(rendered: RenderedPrompt): JsonObject {
  const { text: made, messages: list, ...rest } = rendered
  return {
    ...rest,
    ...(made !== null && { text: made }),
    ...(list !== null && { messages: list }),
  }
}
