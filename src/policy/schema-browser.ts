import type { JsonObject } from '../action/json.ts'
import { described, duration, listOf, map, mapOf, text } from './schema-words.ts'

/** `browsers:`. */
export const browsersSchema: JsonObject = {
  ...mapOf(
    'Accounts that agents use in a browser; each has a profile and a process of its own.',
    map(
      {
        agents: listOf('Who may use it, by name or glob; one at a time.', text('An agent.'), 1),
        allow: listOf(
          'Hosts that its pages may reach: example.com (ports 80 and 443), *.example.com, 127.0.0.1:8080, or * for all.',
          text('A host.'),
          1,
        ),
        private: {
          description:
            'Whether names may lead to private addresses or to this machine. Default: false; addresses and localhost in `allow` do.',
          type: 'boolean',
        },
        secrets: described('Values that are filled in by name, so that the agent never has them.', {
          type: 'object',
          propertyNames: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,99}$' },
          additionalProperties: text('The value, or $NAME of an environment variable.'),
        }),
        idle: duration('After so long without a call it is closed. Default: 10m.'),
        screenshots: {
          description: 'Whether the page is kept as a picture before and after each call. Default: true.',
          type: 'boolean',
        },
      },
      ['agents', 'allow'],
    ),
  ),
  propertyNames: { type: 'string', pattern: '^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}$' },
}
