/** What a key asks for in the inbox. */
export type Command =
  | 'next'
  | 'previous'
  | 'first'
  | 'last'
  | 'approve'
  | 'reject'
  | 'edit'
  | 'delegate'
  | 'select'
  | 'undo-selection'
  | 'help'
  | 'back'

export interface KeyPress {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  /** Held down: only moving repeats. A decision must never come from a key that was leant on. */
  readonly repeat: boolean
}

export interface KeyContext {
  /** Single-key shortcuts are switched on (WCAG 2.1.4: they can be switched off). */
  readonly shortcuts: boolean
  /** The focus is in a field that takes text, or a dialog is open. */
  readonly busy: boolean
  /** The focus is in the list: only there do the arrows move, elsewhere they scroll. */
  readonly inList: boolean
}

const SINGLE: Readonly<Record<string, Command>> = {
  j: 'next',
  k: 'previous',
  a: 'approve',
  r: 'reject',
  e: 'edit',
  d: 'delegate',
  x: 'select',
  u: 'undo-selection',
  '?': 'help',
}

/** Keys that are no characters stay when the single-key shortcuts are off. */
const IN_LIST: Readonly<Record<string, Command>> = {
  ArrowDown: 'next',
  ArrowUp: 'previous',
  Home: 'first',
  End: 'last',
}

/** What is written in the help, in its order. */
export const KEYS: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['J', '↓'], 'next approval'],
  [['K', '↑'], 'previous approval'],
  [['A'], 'approve'],
  [['R'], 'reject, with a reason'],
  [['E'], 'edit the arguments; judged anew'],
  [['D'], 'give it to somebody else'],
  [['X'], 'select for a batch'],
  [['U'], 'undo the selection'],
  [['Esc'], 'back to the list'],
  [['?'], 'this help'],
]

/** `null` where the key means nothing here, so that the browser and assistive technology keep it. */
export function commandOf(press: KeyPress, context: KeyContext): Command | null {
  if (context.busy || press.ctrlKey || press.metaKey || press.altKey) return null
  const single = press.key.length === 1 ? press.key.toLowerCase() : ''
  const command =
    press.key === 'Escape'
      ? 'back'
      : (named(context.inList ? IN_LIST : {}, press.key) ?? named(context.shortcuts ? SINGLE : {}, single))
  if (press.repeat && command !== 'next' && command !== 'previous') return null
  return command
}

function named(commands: Readonly<Record<string, Command>>, key: string): Command | null {
  return Object.hasOwn(commands, key) ? commands[key]! : null
}

/** Where the cursor stands and what is selected, by id. */
export interface Cursor {
  readonly at: string | null
  readonly selected: ReadonlySet<string>
}

export const NO_CURSOR: Cursor = { at: null, selected: new Set() }

/** The cursor after a command that moves or selects. At an end it stays. */
export function moveCursor(cursor: Cursor, command: Command, ids: readonly string[]): Cursor {
  const place = cursor.at === null ? -1 : ids.indexOf(cursor.at)
  switch (command) {
    case 'next':
      return { ...cursor, at: ids[Math.min(ids.length - 1, place + 1)] ?? null }
    case 'previous':
      return { ...cursor, at: ids[Math.max(0, place - 1)] ?? null }
    case 'first':
      return { ...cursor, at: ids[0] ?? null }
    case 'last':
      return { ...cursor, at: ids.at(-1) ?? null }
    case 'select': {
      if (cursor.at === null) return cursor
      const selected = new Set(cursor.selected)
      if (!selected.delete(cursor.at)) selected.add(cursor.at)
      return { ...cursor, selected }
    }
    case 'undo-selection':
      return { ...cursor, selected: new Set() }
    case 'approve':
    case 'reject':
    case 'edit':
    case 'delegate':
    case 'help':
    case 'back':
      return cursor
  }
}

/** Which of them stands under the cursor once `id` is gone from the list: the one after it, else the one before. */
export function neighbour(ids: readonly string[], id: string): string | null {
  const place = ids.indexOf(id)
  return ids[place + 1] ?? ids[place - 1] ?? null
}
