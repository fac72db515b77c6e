import { styleText } from 'node:util'
import { escapeJson, escapeText } from './escape.ts'

type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** One cell of a table: untrusted text, and the colour to show it in on a terminal. */
export interface Cell {
  readonly text: string
  readonly colour?: Colour | undefined
}

const MAX_CELL_WIDTH = 72
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const MARK = /\p{M}/u

/** One line on stdout. The text is trusted: escape what is not ours. */
export function line(text = ''): void {
  process.stdout.write(`${text}\n`)
}

/** One line on stderr: remarks, warnings and faults, never data. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function json(value: unknown): void {
  line(escapeJson(value))
}

/** Colours for a terminal; plain in a pipe and with NO_COLOR. */
export function paint(colour: Colour | undefined, text: string): string {
  return colour === undefined ? text : styleText(colour, text, { stream: process.stdout })
}

/** Aligned columns with a heading. Cells are escaped here, and cut to fit. */
export function table(head: readonly string[], rows: readonly (readonly (Cell | string)[])[]): void {
  const cells = rows.map((row) =>
    row.map((cell) => {
      const { text, colour } = typeof cell === 'string' ? { text: cell, colour: undefined } : cell
      return { text: cut(escapeText(text), MAX_CELL_WIDTH), colour }
    }),
  )
  const widths = head.map((title, column) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(row[column]?.text ?? ''))),
  )
  const pad = (text: string, column: number): string =>
    column === head.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - widthOf(text) + 2)
  line(head.map((title, column) => paint('dim', title) + pad(title, column)).join(''))
  for (const row of cells) {
    line(row.map((cell, column) => paint(cell.colour, cell.text) + pad(cell.text, column)).join(''))
  }
}

/** Names and values, one a line, aligned. Values are escaped here. */
export function fields(
  pairs: readonly (readonly [name: string, value: string, colour?: Colour | undefined])[],
): void {
  const width = Math.max(...pairs.map(([name]) => name.length))
  for (const [name, value, colour] of pairs) {
    line(`${paint('dim', name.padEnd(width))}  ${paint(colour, escapeText(value))}`)
  }
}

export function stateColour(state: string): Colour | undefined {
  switch (state) {
    case 'succeeded':
    case 'active':
    case 'allow':
    case 'ready':
      return 'green'
    case 'denied':
    case 'deny':
    case 'failed':
    case 'stopped':
      return 'red'
    case 'held':
    case 'unknown':
    case 'paused':
    case 'require_approval':
      return 'yellow'
    case 'executing':
    case 'transform':
      return 'cyan'
    default:
      return undefined
  }
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** `3 min ago`, `in 23 h`. Times are epoch milliseconds. */
export function relativeTime(at: number, now = Date.now()): string {
  const distance = Math.abs(at - now)
  const unit = UNITS.find(([, ms]) => distance >= ms)
  if (unit === undefined) return 'now'
  const amount = `${Math.floor(distance / unit[1])} ${unit[0]}`
  return at < now ? `${amount} ago` : `in ${amount}`
}

function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  for (const character of text) {
    if (widthOf(kept + character) >= width) break
    kept += character
  }
  return `${kept}…`
}
