import { BUDGET_WINDOWS } from '../action/budget-window.ts'
import type { JsonObject } from '../action/json.ts'
import { described, listOf, map, mapOf } from './schema-words.ts'

const host = {
  description:
    'A host, or a glob on whole labels: api.example.com, *.example.com (any depth below it), * (any host).',
  type: 'string',
  minLength: 1,
  maxLength: 253,
} as const

/** `agents.NAME.egress`. */
export const egressSchema: JsonObject = {
  ...listOf(
    'What may leave the agent’s sandbox. What no entry admits is refused and recorded.',
    map(
      {
        host,
        methods: listOf('HTTP methods. Default: all.', { type: 'string', pattern: '^[A-Z]{1,20}$' }, 1),
        paths: listOf(
          'Paths without the query. * stands for a run of characters in one segment, ** for any. Default: all.',
          { type: 'string', pattern: '^/', maxLength: 1000 },
          1,
        ),
        rate: described(
          'How many requests this entry admits.',
          map(
            {
              limit: { description: 'How many.', type: 'integer', minimum: 0, maximum: 1_000_000_000 },
              per: { description: 'Over what it counts.', enum: [...BUDGET_WINDOWS] },
            },
            ['limit', 'per'],
          ),
        ),
        websocket: {
          description: 'Whether a connection may be upgraded to a WebSocket. Default: false.',
          type: 'boolean',
        },
        private: {
          description:
            'Whether the host may lie in a private network, on this machine or be link-local. Default: false.',
          type: 'boolean',
        },
        upstream: {
          description:
            'Where requests for this host really go, as http(s)://host:port; counts as private: true.',
          type: 'string',
          pattern: '^https?://',
        },
        tls: {
          description:
            'passthrough: the encrypted bytes go on unread, so that only the host is known; methods, paths and secrets cannot be had then. Default: intercept.',
          enum: ['intercept', 'passthrough'],
        },
        unread_body: {
          description:
            'What becomes of a request whose body the checks of its action cannot read: too large, compressed or binary. Default: deny.',
          enum: ['allow', 'deny'],
        },
      },
      ['host'],
    ),
  ),
  maxItems: 1000,
}

/** `secrets:`. */
export const secretsSchema: JsonObject = {
  ...mapOf(
    'Secrets that sandboxed agents use and never see: the environment holds a placeholder, and the value goes into headers of requests to the hosts.',
    map(
      {
        value: {
          description: 'The secret itself, or $NAME of an environment variable of Belay.',
          type: 'string',
          minLength: 1,
          maxLength: 8192,
        },
        hosts: listOf('Hosts that may be sent it.', host, 1),
        agents: listOf('Agents that may use it, by name or glob. Default: all.', {
          type: 'string',
          minLength: 1,
          maxLength: 200,
        }),
      },
      ['value', 'hosts'],
    ),
  ),
  propertyNames: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,99}$' },
}
