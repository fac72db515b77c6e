import type { FastifyInstance } from 'fastify'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import type { ApiContext } from './api-context.ts'
import { routeSchema } from './route-schema.ts'
import { object } from './schemas.ts'

export function policyRoutes(app: FastifyInstance, { policies }: ApiContext): void {
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
}

const SECRET = /(^|_)(api_?key|key|token|secret|password|authorization)$/i

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
