import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { ActionEntry } from './compile-action.ts'
import type { Report } from './compilation.ts'
import { parseDuration } from './duration.ts'
import type { McpRule, McpServerRule } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** What `mcp:` may hold, after the schema was held against it. */
export interface McpEntry {
  readonly servers?: Readonly<Record<string, McpServerEntry>>
  readonly timeout?: string
  readonly max_result?: string
  readonly elicit_approver?: string
}

interface McpServerEntry {
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeout?: string
  readonly max_result?: string
  readonly elicit_approver?: string
}

const DEFAULT_TIMEOUT = 60_000
const DEFAULT_MAX_RESULT = 1024 * 1024
const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 * 1024 }
const VARIABLE = /^\$[A-Za-z_][A-Za-z0-9_]*$/
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Compiles `mcp:`. Faults never quote a value of `env` or `headers`. */
export function compileMcp(entry: McpEntry, report: Report): McpRule {
  const path: DocumentPath = ['mcp']
  const shared = {
    timeout: positive(entry.timeout, DEFAULT_TIMEOUT, [...path, 'timeout'], report),
    maxResult: bytes(entry.max_result) ?? DEFAULT_MAX_RESULT,
    elicitApprover: entry.elicit_approver ?? null,
  }
  const servers = Object.entries(entry.servers ?? {}).map(([name, server]) => {
    const at: DocumentPath = [...path, 'servers', name]
    return [name, Object.freeze(compileServer(server, shared, at, report))] as const
  })
  return Object.freeze({ servers: Object.freeze(Object.fromEntries(servers)) })
}

function compileServer(
  server: McpServerEntry,
  shared: Pick<McpServerRule, 'timeout' | 'maxResult' | 'elicitApprover'>,
  path: DocumentPath,
  report: Report,
): McpServerRule {
  const { command, url, env = {}, headers = {}, cwd } = server
  if ((command === undefined) === (url === undefined))
    report(path, 'policy:mcp', 'command or url', command === undefined ? 'neither' : 'both')
  if (url !== undefined) checkUrl(url, [...path, 'url'], report)
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name))
      report([...path, 'headers', name], 'policy:mcp', 'the name of a header', 'another text')
    if (!HEADER_VALUE.test(value))
      report(
        [...path, 'headers', name],
        'policy:mcp',
        'a value that can be sent in a header',
        'a control character',
      )
  }
  for (const [name, value] of Object.entries({ ...env, ...headers }))
    if (value.startsWith('$') && !VARIABLE.test(value))
      report(
        [...path, name in env ? 'env' : 'headers', name],
        'policy:mcp',
        'a text, or $NAME of a variable',
        'another $',
      )
  if (url !== undefined && (server.env !== undefined || cwd !== undefined))
    report(path, 'policy:mcp', 'env and cwd beside command alone', 'them beside url')
  if (command !== undefined && server.headers !== undefined)
    report(path, 'policy:mcp', 'headers beside url alone', 'them beside command')
  return {
    command: command ?? null,
    env: Object.freeze({ ...env }),
    cwd: cwd ?? null,
    url: url ?? null,
    headers: Object.freeze({ ...headers }),
    timeout: positive(server.timeout, shared.timeout, [...path, 'timeout'], report),
    maxResult: bytes(server.max_result) ?? shared.maxResult,
    elicitApprover: server.elicit_approver ?? shared.elicitApprover,
  }
}

function positive(
  duration: string | undefined,
  otherwise: number,
  path: DocumentPath,
  report: Report,
): number {
  const ms = parseDuration(duration) ?? otherwise
  if (ms === 0) report(path, 'policy:mcp', 'more than 0', duration ?? '0')
  return ms
}

/** `1MB`, `64KB`, `500B`. */
export function bytes(size: string | undefined): number | undefined {
  const match = /^(\d{1,9})(B|KB|MB)$/.exec(size ?? '')
  return match === null ? undefined : Number(match[1]) * UNITS[match[2]!]!
}

function checkUrl(text: string, path: DocumentPath, report: Report): void {
  if (!URL.canParse(text)) return report(path, 'policy:mcp', 'a URL', 'none')
  const { username, password, hash } = new URL(text)
  if (username !== '' || password !== '')
    report(path, 'policy:mcp', 'a URL without a user; use headers', 'a user or password')
  if (hash !== '') report(path, 'policy:mcp', 'a URL without #', 'one with it')
}

/**
 * What holds for `mcp.pin` where the policy has no entry of that very name: a tool that has changed, or whose
 * definition is suspicious, waits for a person; one that is new and plain is pinned as it is.
 */
export const PIN_ENTRY: { readonly pattern: string; readonly entry: ActionEntry } = {
  pattern: 'mcp.pin',
  entry: {
    effect: 'write',
    verify: [
      {
        rule: {
          when: 'input.previous_digest != null',
          then: 'require_approval',
          code: 'mcp:tool_changed',
          message: 'The tool has another definition than the one that was pinned.',
          tags: ['ASI04'],
        },
      },
      {
        rule: {
          when: 'size(input.findings) > 0',
          then: 'require_approval',
          code: 'mcp:tool_suspicious',
          message: 'The definition of the tool holds marks of hidden or foreign instructions.',
          tags: ['ASI01', 'ASI04'],
        },
      },
    ],
    start_within: '24h',
  },
}

/** The file as it may be shown: values of `env` and `headers` are hidden, `$NAME` stays. */
export function withoutMcpSecrets(content: JsonObject): JsonObject {
  const { mcp } = content
  if (!isJsonObject(mcp) || !isJsonObject(mcp['servers'])) return content
  const servers = Object.entries(mcp['servers']).map(
    ([name, server]) => [name, withoutSecrets(server)] as const,
  )
  return { ...content, mcp: { ...mcp, servers: Object.fromEntries(servers) } }
}

function withoutSecrets(server: JsonValue): JsonValue {
  if (!isJsonObject(server)) return server
  const { env, headers } = server
  return {
    ...server,
    ...(isJsonObject(env) && { env: hidden(env) }),
    ...(isJsonObject(headers) && { headers: hidden(headers) }),
  }
}

function hidden(values: JsonObject): JsonObject {
  const shown = (value: JsonValue): JsonValue =>
    typeof value === 'string' && VARIABLE.test(value) ? value : '(hidden)'
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, shown(value)]))
}
