import type { JsonObject } from '../../../action/json.ts'
import { editOf, json, objectAt, optionalText, textAt, useOf, withEdits } from '../tool-use.ts'
import type { HookDecision, HookedAgent, HookEvent, ToolTable, ToolUse } from '../tool-use.ts'

const write = (args: JsonObject): ToolUse => ({
  kind: 'file',
  role: 'write',
  path: textAt(args, 'file_path', 'notebook_path'),
  text: optionalText(args, 'content', 'new_string', 'new_source') ?? '',
  ...(typeof args['old_string'] === 'string' ? { removed: args['old_string'] } : {}),
  ...withEdits(editOf(args, 'old_string', 'new_string', 'replace_all')),
})
const search = (args: JsonObject, cwd: string | null): ToolUse => ({
  kind: 'file',
  role: 'read',
  path: optionalText(args, 'path') ?? cwd ?? '.',
})

const TOOLS: ToolTable = {
  Bash: (args, cwd) => ({ kind: 'shell', command: textAt(args, 'command'), cwd }),
  Read: (args) => ({ kind: 'file', role: 'read', path: textAt(args, 'file_path') }),
  Write: write,
  Edit: write,
  NotebookEdit: write,
  MultiEdit: (args) => ({
    kind: 'file',
    role: 'write',
    path: textAt(args, 'file_path'),
    text: Array.isArray(args['edits'])
      ? (args['edits'] as readonly JsonObject[])
          .map((edit) => optionalText(edit, 'new_string') ?? '')
          .join('\n')
      : '',
    edits: Array.isArray(args['edits'])
      ? (args['edits'] as readonly JsonObject[]).flatMap(
          (edit) => editOf(edit, 'old_string', 'new_string', 'replace_all') ?? [],
        )
      : [],
  }),
  Glob: search,
  Grep: search,
  LS: search,
  WebFetch: (args) => ({ kind: 'http', method: 'GET', url: textAt(args, 'url') }),
}

/**
 * Claude Code: `PreToolUse`, `PostToolUse` and `PostToolUseFailure` of its settings. Exit code 2 blocks, any other
 * failure of a hook does not, so the command in the settings turns every failure into 2.
 */
export const claudeCode: HookedAgent = {
  kind: 'claude-code',
  asks: true,
  read: (event) => readClaudeEvent(event, TOOLS),
  write(decision, event) {
    if (event['hook_event_name'] !== 'PreToolUse') return afterwards(decision)
    // Allowed by Belay is not allowed by the rules of the agent's own user: those still count.
    if (decision.decision === 'allow') return ''
    return json({
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: decision.decision,
        permissionDecisionReason: decision.reason,
      },
    })
  },
}

/** The events of Claude Code and of the agents that have taken over its protocol. */
export function readClaudeEvent(event: JsonObject, tools: ToolTable): HookEvent {
  const name = event['hook_event_name']
  if (name !== 'PreToolUse' && name !== 'PostToolUse' && name !== 'PostToolUseFailure')
    return { phase: 'other' }
  const call = {
    session: optionalText(event, 'session_id'),
    id: optionalText(event, 'tool_use_id'),
    uses: useOf(tools, textAt(event, 'tool_name'), objectAt(event, 'tool_input'), optionalText(event, 'cwd')),
  }
  if (name === 'PreToolUse') return { phase: 'before', ...call }
  return name === 'PostToolUse'
    ? { phase: 'after', ...call, outcome: 'succeeded', result: event['tool_response'] ?? null }
    : { phase: 'after', ...call, outcome: 'failed', result: event['error'] ?? null }
}

/** What came back may be kept from the model where the policy denies it. */
export function afterwards(decision: HookDecision): ReturnType<HookedAgent['write']> {
  return decision.decision === 'deny' ? json({ decision: 'block', reason: decision.reason }) : ''
}
