import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { routeSchema } from './route-schema.ts'
import { APPROVAL_SCHEMAS } from './approval-schemas.ts'
import { SHARED_SCHEMAS } from './schemas.ts'

/** Must be awaited before the routes are declared: the document is gathered as they are. */
export async function gatherOpenApi(app: FastifyInstance, version: string): Promise<void> {
  for (const schema of [...SHARED_SCHEMAS, ...APPROVAL_SCHEMAS]) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Belay',
        version,
        description: 'Every action of an agent verified, metered, approved, contained and recorded.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      security: [{ bearer: [] }, { login: [] }],
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: "An agent's key (blk_…) or the admin token",
          },
          login: {
            type: 'apiKey',
            in: 'cookie',
            name: '__Host-belay-login',
            description:
              'Of a person who is logged in; over plain http belay-login-PORT. Changes need the header Belay-CSRF too',
          },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json.$id === 'string' ? json.$id : `schema-${index}`,
    },
  })
}

export function openApiRoute(app: FastifyInstance): void {
  app.get(
    '/openapi.json',
    {
      config: { access: 'public' },
      schema: routeSchema({
        summary: 'This document',
        tag: 'server',
        open: true,
        answers: {
          200: { description: 'OpenAPI 3.1', schema: { type: 'object', additionalProperties: true } },
        },
      }),
    },
    async () => app.swagger(),
  )
}
