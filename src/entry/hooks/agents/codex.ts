import { readPatch } from '../read-patch.ts'
import { json, textAt } from '../tool-use.ts'
import type { HookedAgent, ToolTable } from '../tool-use.ts'
import { afterwards, readClaudeEvent } from './claude-code.ts'

const TOOLS: ToolTable = {
  Bash: (args, cwd) => ({ kind: 'shell', command: textAt(args, 'command', 'cmd'), cwd }),
  apply_patch: (args) => readPatch(textAt(args, 'command', 'input', 'patch')),
}

/**
 * Codex: the events of Claude Code in `hooks.json`. It knows only `deny`: `allow` and `ask` are faults to it, after
 * which the tool runs. A tool that fails sends no event.
 */
export const codex: HookedAgent = {
  kind: 'codex',
  asks: false,
  read: (event) => readClaudeEvent(event, TOOLS),
  write(decision, event) {
    if (event['hook_event_name'] !== 'PreToolUse') return afterwards(decision)
    if (decision.decision === 'allow') return ''
    return json({
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: decision.reason,
      },
    })
  },
}
