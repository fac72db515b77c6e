import type { JsonObject, JsonValue } from '../../../action/json.ts'
import { editOf, json, objectAt, optionalText, textAt, useOf, withEdits } from '../tool-use.ts'
import type { HookedAgent, HookEvent, ToolTable, ToolUse } from '../tool-use.ts'

const write = (args: JsonObject): ToolUse => ({
  kind: 'file',
  role: 'write',
  path: textAt(args, 'file_path', 'path', 'target_file'),
  text: optionalText(args, 'content', 'contents', 'new_string') ?? '',
  ...withEdits(editOf(args, 'old_string', 'new_string', 'replace_all')),
})

const TOOLS: ToolTable = {
  Shell: (args, cwd) => ({
    kind: 'shell',
    command: textAt(args, 'command'),
    cwd: optionalText(args, 'cwd', 'working_directory') ?? cwd,
  }),
  Read: (args) => ({ kind: 'file', role: 'read', path: textAt(args, 'file_path', 'path', 'target_file') }),
  Write: write,
  Edit: write,
  Delete: (args) => ({
    kind: 'file',
    role: 'delete',
    path: textAt(args, 'file_path', 'path', 'target_file'),
  }),
}

/** Cursor: hooks of its agent for commands, MCP, files, and tools in general. */
export const cursor: HookedAgent = {
  kind: 'cursor',
  asks: true,
  read: readEvent,
  write(decision, event) {
    const name = event['hook_event_name']
    if (typeof name === 'string' && /^(?:after|post)/.test(name)) return ''
    if (decision.decision === 'allow') return json({ permission: 'allow' })
    return json({
      permission: decision.decision,
      user_message: decision.reason,
      agent_message: decision.reason,
    })
  },
}

function readEvent(event: JsonObject): HookEvent {
  const session = optionalText(event, 'conversation_id', 'session_id')
  const id = optionalText(event, 'tool_use_id')
  const cwd = optionalText(event, 'cwd')
  const before = (...uses: readonly ToolUse[]): HookEvent => ({ phase: 'before', session, id, uses })
  const after = (
    uses: readonly ToolUse[],
    result: JsonValue,
    outcome: 'succeeded' | 'failed' = 'succeeded',
  ): HookEvent => ({
    phase: 'after',
    session,
    id,
    uses,
    outcome,
    result,
  })
  const tool = (): readonly ToolUse[] =>
    useOf(TOOLS, textAt(event, 'tool_name'), objectAt(event, 'tool_input'), cwd)
  switch (optionalText(event, 'hook_event_name')) {
    case 'beforeShellExecution':
      return before({ kind: 'shell', command: textAt(event, 'command'), cwd })
    case 'afterShellExecution':
      return after([{ kind: 'shell', command: textAt(event, 'command'), cwd }], event['output'] ?? null)
    case 'beforeMCPExecution':
      return before(mcpUse(event))
    case 'afterMCPExecution':
      return after([mcpUse(event)], event['result_json'] ?? null)
    case 'beforeReadFile':
    case 'beforeTabFileRead':
      return before({ kind: 'file', role: 'read', path: textAt(event, 'file_path') })
    case 'preToolUse':
      return before(...tool())
    case 'postToolUse':
      return after(tool(), event['tool_output'] ?? null)
    case 'postToolUseFailure':
      return after(tool(), event['error_message'] ?? event['error'] ?? null, 'failed')
    case null:
    default:
      return { phase: 'other' }
  }
}

/** The server is known by where it is, not by a name. */
function mcpUse(event: JsonObject): ToolUse {
  const place = optionalText(event, 'server_name', 'url', 'command') ?? 'unknown'
  return { kind: 'mcp', server: place, tool: textAt(event, 'tool_name'), args: objectAt(event, 'tool_input') }
}
