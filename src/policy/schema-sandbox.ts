import type { JsonObject } from '../action/json.ts'
import { BYTES_PATTERN } from './byte-size.ts'
import { described, duration, listOf, map, text } from './schema-words.ts'

/**
 * What can be demanded of a sandbox: no path to files that were not given (`filesystem`), no sight of processes outside
 * (`pid_namespace`), no way out but the handed-over sockets (`network`), no environment, descriptor or file of the
 * harness inside (`secrets`), limits that hold (`memory`, `cpu`, `pids`, `disk`), and nothing of it alive after its
 * command (`surviving_daemons`). Each is proven by trying to escape.
 */
export const CAPABILITIES = [
  'filesystem',
  'pid_namespace',
  'network',
  'secrets',
  'memory',
  'cpu',
  'pids',
  'disk',
  'surviving_daemons',
] as const

export type Capability = (typeof CAPABILITIES)[number]

export const SANDBOX_PROVIDERS = ['bubblewrap', 'docker', 'podman', 'kubernetes'] as const

export const RESTARTS = ['always', 'on-failure', 'never'] as const

const bytes = (description: string): JsonObject => ({
  description: `${description} A whole number and KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB.`,
  type: 'string',
  pattern: BYTES_PATTERN,
})
const orNone = (schema: JsonObject, description: string): JsonObject => ({
  description: `${description} none: no limit.`,
  anyOf: [{ const: 'none' }, schema],
})
const count = (description: string, minimum: number): JsonObject => ({
  description,
  type: 'integer',
  minimum,
  maximum: 1_000_000_000,
})

/** `command`, `workspace`, `restart` and `sandbox` of `agents.NAME`. */
export const sandboxProperties: JsonObject = {
  command: listOf(
    'Program and arguments that `belay up` runs in the agent’s sandbox and keeps running.',
    { type: 'string', minLength: 1, maxLength: 100_000 },
    1,
  ),
  workspace: text(
    'The folder that is /workspace inside, relative to this file. Default: a folder of its own among the data.',
  ),
  restart: {
    description: 'When the command is started again after it ended. Default: on-failure.',
    enum: [...RESTARTS],
  },
  sandbox: described(
    'The agent’s sandbox: what it may use, and what it must be proven to hold back.',
    map({
      provider: {
        description: 'What makes the sandbox. Default: bubblewrap.',
        enum: [...SANDBOX_PROVIDERS],
      },
      image: text('The image of a container provider, which must be on this machine already.'),
      memory: orNone(bytes('Of all its processes, files in /tmp and file cache included.'), 'Default: 2GiB.'),
      cpu: { description: 'Cores; 0.5 is half of one.', type: 'number', exclusiveMinimum: 0, maximum: 4096 },
      processes: orNone(count('Processes and threads.', 2), 'Default: 512.'),
      wall_time: duration('From its start to its end.'),
      disk: bytes('Of the workspace. Only root can hold it.'),
      open_files: count('Descriptors of one process.', 16),
      requests: count('Requests that leave, in one run.', 0),
      require: listOf('Refuse to start unless these are proven on this machine.', {
        enum: [...CAPABILITIES],
      }),
      env: {
        description:
          'Variables of its environment, which holds nothing else of Belay’s. Secrets go under secrets.',
        type: 'object',
        propertyNames: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,199}$' },
        additionalProperties: { type: 'string', maxLength: 100_000 },
      },
      read_only: listOf('Absolute paths of this machine that it sees under the same names.', {
        type: 'string',
        pattern: '^/',
        maxLength: 4000,
      }),
    }),
  ),
}
