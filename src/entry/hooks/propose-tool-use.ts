import { isAbsolute, resolve } from 'node:path'
import type { JsonObject } from '../../action/json.ts'
import { analyseCommand } from '../../flow/verify/checks/shell/analyse.ts'
import { readable } from '../../flow/verify/checks/shell/marks.ts'
import type { ToolUse } from './tool-use.ts'

const MAX_LISTED = 100

export interface NamedAction {
  readonly action: string
  readonly input: JsonObject
}

/** The action that a tool use is, by the names that policies know: `shell.run`, `file.write`, `http.GET` … */
export function namedAction(use: ToolUse): NamedAction {
  switch (use.kind) {
    case 'shell':
      return { action: 'shell.run', input: shellInput(use.command, use.cwd) }
    case 'file': {
      const { role, path, text, removed } = use
      return {
        action: `file.${role}`,
        input: {
          path,
          ...(text === undefined ? {} : { text, bytes: Buffer.byteLength(text), lines_added: lines(text) }),
          ...(removed === undefined ? {} : { removed, lines_removed: lines(removed) }),
        },
      }
    }
    case 'http': {
      const url = URL.canParse(use.url) ? new URL(use.url) : null
      return {
        action: `http.${use.method.toUpperCase()}`,
        input: { host: url?.hostname ?? '', path: url?.pathname ?? '', url: use.url },
      }
    }
    case 'mcp':
      return { action: `mcp.${word(use.server)}.${word(use.tool)}`, input: use.args }
    case 'tool':
      return { action: `tool.${word(use.name)}`, input: use.args }
  }
}

/** The line, and what following it has found: for rules such as `input.hosts.exists(h, …)`. */
function shellInput(command: string, cwd: string | null): JsonObject {
  const start = cwd !== null && isAbsolute(cwd) ? resolve(cwd) : null
  const facts = analyseCommand(command, { cwd: start })
  const [first] = facts.commands
  const paths = (role: string): string[] =>
    listed(facts.paths.filter((use) => use.role === role).map(({ path }) => path))
  return {
    program: first?.program ?? '',
    args: (first?.args ?? []).slice(0, MAX_LISTED).map(readable),
    command,
    ...(start === null ? {} : { cwd: start }),
    programs: listed(facts.commands.flatMap(({ program }) => (program === null ? [] : [program]))),
    reads: paths('read'),
    writes: paths('write'),
    deletes: paths('delete'),
    hosts: listed(facts.hosts.map(({ host }) => host)),
    opaque: facts.opaque.length > 0 || facts.unread !== null,
    destructive: facts.hazards.length > 0,
  }
}

function listed(values: readonly string[]): string[] {
  return [...new Set(values.map(readable))].slice(0, MAX_LISTED)
}

function lines(text: string): number {
  return text === '' ? 0 : text.split('\n').length
}

/** A part of an action's name: what else stands in it becomes `-`. */
function word(name: string): string {
  const plain = name
    .replaceAll(/[^A-Za-z0-9_/-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 80)
  return plain === '' ? 'unnamed' : plain
}
