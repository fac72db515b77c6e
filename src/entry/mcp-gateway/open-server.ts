import type { McpServerRule } from '../../policy/policy.ts'
import { httpServer } from './http-server.ts'
import type { OpenLink } from './server-link.ts'
import { maxMessage, type ServerSettings } from './settings.ts'
import { stdioServer } from './stdio-server.ts'

export interface Said {
  /** What the server writes to stderr. */
  readonly onStderr: (text: string) => void
  readonly onNote: (text: string) => void
}

/** How a declared server is reached. Throws a plain sentence when a variable that it needs is not set. */
export function openServer(
  rule: McpServerRule,
  env: Readonly<Record<string, string | undefined>>,
  said: Said,
): OpenLink {
  const settings = settingsOf(rule)
  if (rule.url !== null)
    return httpServer({
      url: rule.url,
      headers: resolved(rule.headers, env),
      maxMessage: maxMessage(settings),
      onNote: said.onNote,
    })
  return stdioServer({
    command: rule.command as readonly [string, ...string[]],
    env: resolved(rule.env, env),
    ...(rule.cwd !== null && { cwd: rule.cwd }),
    maxMessage: maxMessage(settings),
    ...said,
  })
}

export function settingsOf({ timeout, maxResult, elicitApprover }: McpServerRule): ServerSettings {
  return { timeout, maxResult, elicitApprover }
}

function resolved(
  values: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!value.startsWith('$')) return [name, value]
      const found = env[value.slice(1)]
      if (found === undefined || found === '')
        throw new Error(`set the environment variable ${value.slice(1)}`)
      return [name, found]
    }),
  )
}
