import type { JsonObject } from '../action/json.ts'
import { described, duration, listOf, map, mapOf, name, text } from './schema-words.ts'

const size = (description: string): JsonObject => ({
  description: `${description} A whole number and B, KB or MB: 1MB.`,
  type: 'string',
  pattern: '^[1-9]\\d{0,8}(B|KB|MB)$',
})

const bounds = {
  timeout: duration('How long a call may take. Default: 60s.'),
  max_result: size('The largest result of a tool. Default: 1MB.'),
  elicit_approver: {
    ...name,
    description: 'Who sits at the client: answers to elicitations there are votes of this person.',
  },
}

/** `mcp:`. */
export const mcpSchema: JsonObject = described(
  'MCP servers that agents reach at /mcp/NAME.',
  map({
    servers: {
      ...mapOf('Servers, by the last segment of their path.', {
        ...map({
          command: listOf(
            'Program and arguments that start the server.',
            { type: 'string', minLength: 1 },
            1,
          ),
          env: mapOf('Variables for the program; $NAME stands for one of ours.', {
            type: 'string',
            maxLength: 10_000,
          }),
          cwd: text('The folder in which it runs, relative to where Belay was started.'),
          url: {
            description: 'Where the server answers streamable HTTP.',
            type: 'string',
            pattern: '^https?://',
            maxLength: 2000,
          },
          headers: mapOf(
            'Headers that are added to every request; $NAME stands for an environment variable.',
            {
              type: 'string',
              maxLength: 4000,
            },
          ),
          ...bounds,
        }),
      }),
      propertyNames: {
        description: 'Letters, digits, hyphens and underscores.',
        type: 'string',
        maxLength: 64,
        pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$',
      },
    },
    ...bounds,
  }),
)
