import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'

/** What a coding agent is about to do with one of its tools, in words that no agent owns. */
export type ToolUse =
  | { readonly kind: 'shell'; readonly command: string; readonly cwd: string | null }
  | {
      readonly kind: 'file'
      readonly role: 'read' | 'write' | 'delete'
      readonly path: string
      /** The new content, or what is put in; absent where nothing is written. */
      readonly text?: string
      /** What is taken out. */
      readonly removed?: string
      /** What is put in place of what, in order, where the tool changes a file rather than writing it whole. */
      readonly edits?: readonly TextEdit[]
    }
  | { readonly kind: 'http'; readonly method: string; readonly url: string }
  | { readonly kind: 'mcp'; readonly server: string; readonly tool: string; readonly args: JsonObject }
  | { readonly kind: 'tool'; readonly name: string; readonly args: JsonObject }

export interface TextEdit {
  /** As it stands in the file; empty: the text is added. */
  readonly old: string
  readonly text: string
  /** Everywhere, not only where it stands first. */
  readonly all?: boolean
}

/** One call of the hook, read. */
export type HookEvent =
  | {
      readonly phase: 'before'
      readonly session: string | null
      readonly id: string | null
      readonly uses: readonly ToolUse[]
    }
  | {
      readonly phase: 'after'
      readonly session: string | null
      readonly id: string | null
      readonly uses: readonly ToolUse[]
      readonly outcome: 'succeeded' | 'failed'
      readonly result: JsonValue
    }
  /** An event that needs no decision. */
  | { readonly phase: 'other' }

export type HookDecision =
  | { readonly decision: 'allow' }
  | { readonly decision: 'deny'; readonly reason: string }
  /** Whoever sits at the agent is asked. */
  | { readonly decision: 'ask'; readonly reason: string }

/** A coding agent whose hooks Belay speaks. */
export interface HookedAgent {
  /** Its name on the command line and in `/v1/hooks/{kind}`. */
  readonly kind: string
  /** Whether the agent can ask the person at its terminal. */
  readonly asks: boolean
  /** Reads what the agent sends. Throws a plain sentence for what it cannot read. */
  read(event: JsonObject): HookEvent
  /** What the hook's process prints before it exits with 0; '' where the agent takes silence for yes. */
  write(decision: HookDecision, event: JsonObject): string
}

/** Where the arguments of a tool have what matters, for the tools of one agent. */
export type ToolTable = Readonly<
  Record<string, (args: JsonObject, cwd: string | null) => ToolUse | readonly ToolUse[]>
>

/** A tool by its table; whatever takes a command line is a shell, whoever made it. */
export function useOf(
  table: ToolTable,
  name: string,
  args: JsonObject,
  cwd: string | null,
): readonly ToolUse[] {
  const reads = Object.hasOwn(table, name) ? table[name] : undefined
  if (reads !== undefined) {
    const uses = reads(args, cwd)
    return Array.isArray(uses) ? (uses as readonly ToolUse[]) : [uses as ToolUse]
  }
  const mcp = /^mcp__(.+?)__(.+)$/.exec(name)
  if (mcp !== null) return [{ kind: 'mcp', server: mcp[1]!, tool: mcp[2]!, args }]
  const command = args['command'] ?? args['cmd']
  if (typeof command === 'string') return [{ kind: 'shell', command, cwd }]
  return [{ kind: 'tool', name, args }]
}

/** The first of the names that holds a text. Throws when the tool was called without. */
export function textAt(args: JsonObject, ...names: readonly string[]): string {
  for (const name of names) {
    const value = args[name]
    if (typeof value === 'string') return value
  }
  throw new Error(`the tool was called without ${names[0]}`)
}

export function optionalText(args: JsonObject, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = args[name]
    if (typeof value === 'string') return value
  }
  return null
}

/** An object in a place of the event; agents that send JSON inside of JSON are read through. */
export function objectAt(event: JsonObject, name: string): JsonObject {
  const value = event[name]
  if (isJsonObject(value)) return value
  if (typeof value === 'string') {
    const parsed = JSON.parse(value) as JsonValue
    if (isJsonObject(parsed)) return parsed
  }
  if (value === undefined || value === null) return {}
  throw new Error(`${name} is not an object`)
}

/** An edit as most tools take it: what goes, what comes, and whether everywhere. */
export function editOf(
  args: JsonObject,
  old: string,
  text: string,
  all: string,
): readonly TextEdit[] | undefined {
  const [before, after] = [args[old], args[text]]
  if (typeof before !== 'string' || typeof after !== 'string') return undefined
  return [{ old: before, text: after, ...(args[all] === true ? { all: true } : {}) }]
}

/** `edits` of a tool use, where there are any. */
export function withEdits(edits: readonly TextEdit[] | undefined): { readonly edits?: readonly TextEdit[] } {
  return edits === undefined ? {} : { edits }
}

export function json(value: JsonObject): string {
  return `${JSON.stringify(value)}\n`
}
