import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'

/** Where an agent keeps its hooks, and how Belay's look there. */
export interface HookSettings {
  readonly kind: string
  /** Path below the project or the home. */
  readonly file: { readonly project: string; readonly user: string }
  /** The file with Belay's hooks in it; what else it holds stays as it is. */
  install(before: string | null, command: string): string
  /** The file without them; `null`: nothing of it is left. */
  uninstall(before: string): string | null
  /** What the owner still has to do. */
  readonly afterwards: string | null
}

/** Every command of ours is known by the name of its program. */
const OURS = 'belay-hook'
/** Seconds that an agent gives the hook. Past them the agents go on without it, so the hook itself gives up long before. */
const TIMEOUT_S = 3_700

/** Hooks by event, each with a matcher and a list of commands: Claude Code, Codex, Gemini CLI. */
function matched(
  events: readonly string[],
  matcher: string,
  timeout: number,
): Pick<HookSettings, 'install' | 'uninstall'> {
  return jsonFile((settings, command) => {
    const hooks = objectOr(settings['hooks'])
    for (const event of events) {
      const others = without(hooks[event])
      hooks[event] =
        command === null ? others : [...others, { matcher, hooks: [{ type: 'command', command, timeout }] }]
      if (hooks[event].length === 0) delete hooks[event]
    }
    return withHooks(settings, hooks)
  })
}

/** Cursor: commands right below the event. */
function plain(events: readonly string[]): Pick<HookSettings, 'install' | 'uninstall'> {
  return jsonFile((settings, command) => {
    const hooks = objectOr(settings['hooks'])
    for (const event of events) {
      const others = without(hooks[event])
      const own = { command, failClosed: true, timeout: TIMEOUT_S }
      hooks[event] = command === null ? others : [...others, own]
      if (hooks[event].length === 0) delete hooks[event]
    }
    const left = withHooks(settings, hooks)
    return command === null && Object.keys(left).every((key) => key === 'version')
      ? {}
      : { version: 1, ...left }
  })
}

export const HOOK_SETTINGS: readonly HookSettings[] = [
  {
    kind: 'claude-code',
    file: { project: '.claude/settings.json', user: '.claude/settings.json' },
    ...matched(['PreToolUse', 'PostToolUse', 'PostToolUseFailure'], '*', TIMEOUT_S),
    afterwards: null,
  },
  {
    kind: 'codex',
    file: { project: '.codex/hooks.json', user: '.codex/hooks.json' },
    ...matched(['PreToolUse', 'PostToolUse'], '.*', TIMEOUT_S),
    afterwards:
      'Codex runs a hook only once it is trusted: start codex, enter /hooks and trust this one. Until then it is skipped without a word.',
  },
  {
    kind: 'gemini',
    file: { project: '.gemini/settings.json', user: '.gemini/settings.json' },
    ...matched(['BeforeTool', 'AfterTool'], '.*', TIMEOUT_S * 1_000),
    afterwards: null,
  },
  {
    kind: 'cursor',
    file: { project: '.cursor/hooks.json', user: '.cursor/hooks.json' },
    ...plain([
      'beforeShellExecution',
      'afterShellExecution',
      'beforeMCPExecution',
      'afterMCPExecution',
      'beforeReadFile',
      'preToolUse',
      'postToolUse',
      'postToolUseFailure',
    ]),
    afterwards: null,
  },
  {
    kind: 'opencode',
    file: { project: '.opencode/plugin/belay-hook.js', user: '.config/opencode/plugin/belay-hook.js' },
    install: (_before, command) => opencodePlugin(command),
    uninstall: (before) => (before.includes(OURS) ? null : before),
    afterwards: null,
  },
]

function jsonFile(
  change: (settings: Record<string, JsonValue>, command: string | null) => Record<string, JsonValue>,
): Pick<HookSettings, 'install' | 'uninstall'> {
  const read = (text: string | null): Record<string, JsonValue> => {
    const value = text === null || text.trim() === '' ? {} : (JSON.parse(text) as JsonValue)
    if (!isJsonObject(value)) throw new Error('the settings are not a JSON object')
    return { ...value }
  }
  const print = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`
  return {
    install: (before, command) => print(change(read(before), command)),
    uninstall(before) {
      const left = change(read(before), null)
      return Object.keys(left).length === 0 ? null : print(left)
    },
  }
}

function objectOr(value: JsonValue | undefined): Record<string, JsonValue> {
  if (value === undefined) return {}
  if (!isJsonObject(value)) throw new Error('hooks is not an object')
  return { ...value }
}

function without(entries: JsonValue | undefined): readonly JsonValue[] {
  if (entries === undefined) return []
  if (!Array.isArray(entries)) throw new Error('the hooks of an event are not a list')
  return (entries as readonly JsonValue[]).filter((entry) => !JSON.stringify(entry).includes(OURS))
}

function withHooks(settings: Record<string, JsonValue>, hooks: JsonObject): Record<string, JsonValue> {
  const { hooks: _, ...rest } = settings
  return Object.keys(hooks).length === 0 ? rest : { ...rest, hooks }
}

/** OpenCode has no hooks of programs, only plugins: this one hands each call to the hook and throws what is denied. */
function opencodePlugin(command: string): string {
  return `// Written by: belay hook install opencode (belay-hook). Every tool call is put to Belay; what it denies throws.
import { spawn } from 'node:child_process'

const COMMAND = ${JSON.stringify(command)}

function ask(event) {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', COMMAND], { stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', (part) => (out += part))
    child.stderr.on('data', (part) => (err += part))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(err.trim() || 'Belay cannot be asked, so this must not run.'))
      try {
        resolve(out === '' ? {} : JSON.parse(out))
      } catch (error) {
        reject(error)
      }
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(JSON.stringify(event))
  })
}

export const Belay = async ({ directory }) => ({
  'tool.execute.before': async ({ tool, sessionID, callID }, { args }) => {
    const answer = await ask({ hook_event_name: 'tool.execute.before', tool, sessionID, callID, args, cwd: directory })
    if (answer.decision !== 'allow') throw new Error(answer.reason || 'Belay refused this.')
  },
  'tool.execute.after': async ({ tool, sessionID, callID, args }, output) => {
    const event = { hook_event_name: 'tool.execute.after', tool, sessionID, callID, args, cwd: directory }
    const answer = await ask({ ...event, output: output?.output ?? null }).catch(() => ({}))
    if (answer.decision === 'deny' && output) output.output = answer.reason
  },
})
`
}
