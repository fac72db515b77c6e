import type { JsonObject } from '../../../action/json.ts'
import { readPatch } from '../read-patch.ts'
import { editOf, json, objectAt, optionalText, textAt, useOf, withEdits } from '../tool-use.ts'
import type { HookedAgent, ToolTable, ToolUse } from '../tool-use.ts'

const write = (args: JsonObject): ToolUse => ({
  kind: 'file',
  role: 'write',
  path: textAt(args, 'filePath'),
  text: optionalText(args, 'content', 'newString') ?? '',
  ...(typeof args['oldString'] === 'string' ? { removed: args['oldString'] } : {}),
  ...withEdits(editOf(args, 'oldString', 'newString', 'replaceAll')),
})
const search = (args: JsonObject, cwd: string | null): ToolUse => ({
  kind: 'file',
  role: 'read',
  path: optionalText(args, 'path') ?? cwd ?? '.',
})

const TOOLS: ToolTable = {
  bash: (args, cwd) => ({
    kind: 'shell',
    command: textAt(args, 'command'),
    cwd: optionalText(args, 'workdir') ?? cwd,
  }),
  read: (args) => ({ kind: 'file', role: 'read', path: textAt(args, 'filePath') }),
  write,
  edit: write,
  patch: (args) => readPatch(textAt(args, 'patchText')),
  apply_patch: (args) => readPatch(textAt(args, 'patchText')),
  glob: search,
  grep: search,
  list: search,
  webfetch: (args) => ({ kind: 'http', method: 'GET', url: textAt(args, 'url') }),
}

/** OpenCode: `tool.execute.before` and `.after` of a plugin, which sends its events as JSON and throws what is denied. */
export const opencode: HookedAgent = {
  kind: 'opencode',
  asks: false,
  read(event) {
    const name = event['hook_event_name']
    if (name !== 'tool.execute.before' && name !== 'tool.execute.after') return { phase: 'other' }
    const call = {
      session: optionalText(event, 'sessionID'),
      id: optionalText(event, 'callID'),
      uses: useOf(TOOLS, textAt(event, 'tool'), objectAt(event, 'args'), optionalText(event, 'cwd')),
    }
    if (name === 'tool.execute.before') return { phase: 'before', ...call }
    return { phase: 'after', ...call, outcome: 'succeeded', result: event['output'] ?? null }
  },
  write: (decision) =>
    decision.decision === 'allow'
      ? json({ decision: 'allow' })
      : json({ decision: 'deny', reason: decision.reason }),
}
