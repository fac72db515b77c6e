import type { JsonObject } from '../../../action/json.ts'
import { isJsonObject } from '../../../action/json.ts'
import { editOf, json, objectAt, optionalText, textAt, useOf, withEdits } from '../tool-use.ts'
import type { HookedAgent, ToolTable, ToolUse } from '../tool-use.ts'

const search = (args: JsonObject, cwd: string | null): ToolUse => ({
  kind: 'file',
  role: 'read',
  path: optionalText(args, 'dir_path', 'path', 'dir') ?? cwd ?? '.',
})
const write = (args: JsonObject): ToolUse => ({
  kind: 'file',
  role: 'write',
  path: textAt(args, 'file_path', 'absolute_path'),
  text: optionalText(args, 'content', 'new_string') ?? '',
  ...(typeof args['old_string'] === 'string' ? { removed: args['old_string'] } : {}),
  ...withEdits(editOf(args, 'old_string', 'new_string', 'replace_all')),
})

const TOOLS: ToolTable = {
  run_shell_command: (args, cwd) => ({
    kind: 'shell',
    command: textAt(args, 'command'),
    cwd: inside(cwd, optionalText(args, 'dir_path', 'directory')),
  }),
  read_file: (args) => ({
    kind: 'file',
    role: 'read',
    path: textAt(args, 'file_path', 'absolute_path', 'path'),
  }),
  write_file: write,
  replace: write,
  list_directory: search,
  glob: search,
  search_file_content: search,
  grep_search: search,
}

/** Gemini CLI: `BeforeTool` and `AfterTool`. It sends no id of the call. */
export const gemini: HookedAgent = {
  kind: 'gemini',
  asks: false,
  read(event) {
    const name = event['hook_event_name']
    if (name !== 'BeforeTool' && name !== 'AfterTool') return { phase: 'other' }
    const context = event['mcp_context']
    const args = objectAt(event, 'tool_input')
    const tool = textAt(event, 'tool_name')
    const uses: readonly ToolUse[] = isJsonObject(context)
      ? [
          {
            kind: 'mcp',
            server: textAt(context, 'server_name'),
            tool: optionalText(context, 'tool_name') ?? tool,
            args,
          },
        ]
      : useOf(TOOLS, tool, args, optionalText(event, 'cwd'))
    const call = { session: optionalText(event, 'session_id'), id: null, uses }
    if (name === 'BeforeTool') return { phase: 'before', ...call }
    const response = event['tool_response'] ?? null
    const failed = isJsonObject(response) && response['error'] !== undefined && response['error'] !== null
    return { phase: 'after', ...call, outcome: failed ? 'failed' : 'succeeded', result: response }
  },
  write: (decision) =>
    decision.decision === 'allow'
      ? json({ decision: 'allow' })
      : json({ decision: 'deny', reason: decision.reason }),
}

function inside(cwd: string | null, folder: string | null): string | null {
  if (folder === null) return cwd
  return folder.startsWith('/') || cwd === null ? folder : `${cwd}/${folder}`
}
