import { readFile, stat } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { loadPolicy } from '../../policy/load-policy.ts'
import { isoTime } from './action-answer.ts'
import { SECRET, textWithoutSecrets } from './policy-text.ts'
import { faultsSchema } from './policy-trials.ts'
import type { ApiContext } from './api-context.ts'
import { routeSchema } from './route-schema.ts'
import { object } from './schemas.ts'

const MAX_FILE = 1_000_000

export function policyRoutes(app: FastifyInstance, { policies, checks }: ApiContext): void {
  app.get(
    '/v1/policy',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'The policy in force',
        tag: 'policy',
        answers: {
          200: {
            description: 'The file as parsed, its digest and where it lies',
            schema: object(
              {
                digest: { type: 'string' },
                path: { type: ['string', 'null'] },
                mode: { type: 'string', enum: ['observe', 'enforce'] },
                document: { type: 'object', additionalProperties: true },
              },
              ['digest', 'path', 'mode', 'document'],
            ),
          },
        },
      }),
    },
    async () => {
      const { digest, path, mode, document } = policies.current()
      return { digest, path, mode, document: withoutSecrets(document) }
    },
  )

  app.get(
    '/v1/policy/file',
    {
      config: { access: 'admin' },
      schema: routeSchema({
        summary: 'The file of the policy as it lies there now, with what is wrong with it',
        tag: 'policy',
        answers: {
          200: {
            description: 'Its text without secrets; when it is no policy, the one before stays in force',
            schema: object(
              {
                path: { type: ['string', 'null'] },
                text: { type: ['string', 'null'], description: 'null when it cannot be read' },
                in_force: { type: 'boolean', description: 'it is this file that decides' },
                digest: { type: 'string', description: 'of the policy in force' },
                loaded_at: { type: ['string', 'null'], format: 'date-time' },
                changed_at: { type: ['string', 'null'], format: 'date-time' },
                faults: faultsSchema,
              },
              ['path', 'text', 'in_force', 'digest', 'loaded_at', 'changed_at', 'faults'],
            ),
          },
        },
      }),
    },
    async () => {
      const { digest, path } = policies.current()
      const loadedAt = policies.loadedAt?.()
      const file = path === null ? null : await readPolicyFile(path)
      const read = path === null || file === null ? null : loadPolicy(path, { checks })
      return {
        path,
        text: file === null ? null : textWithoutSecrets(file.text),
        in_force: read?.policy?.digest === digest,
        digest,
        loaded_at: loadedAt === undefined ? null : isoTime(loadedAt),
        changed_at: file === null ? null : isoTime(file.changedAt),
        faults: read?.faults ?? [],
      }
    },
  )
}

/** `null` for a file that is gone, cannot be read, or is too large to be a policy. */
async function readPolicyFile(path: string): Promise<{ text: string; changedAt: number } | null> {
  try {
    const { size, mtimeMs } = await stat(path)
    return size > MAX_FILE ? null : { text: await readFile(path, 'utf8'), changedAt: Math.floor(mtimeMs) }
  } catch {
    return null
  }
}

/** Values of keys that name secrets are hidden; references to the environment (`$NAME`) are none. */
function withoutSecrets(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      SECRET.test(key) && isLiteral(each) ? '(hidden)' : hide(each),
    ]),
  )
}

function hide(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(hide)
  return isJsonObject(value) ? withoutSecrets(value) : value
}

function isLiteral(value: JsonValue): boolean {
  return typeof value === 'string' && !value.startsWith('$')
}
