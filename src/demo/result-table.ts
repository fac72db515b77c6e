import { INCIDENTS } from './incidents.ts'
import type { Row } from './incidents.ts'

const HEAD = [
  'Incident',
  'Damage without',
  'Damage with',
  'Stopped',
  'Rightly through',
  'Wrongly stopped',
  'Held',
]

/** The closing table: one incident a block, several lines a cell. */
export function resultTable(rows: readonly Row[]): string[] {
  const blocks = rows.map((row) => {
    const incident = INCIDENTS.find(({ name }) => name === row.incident)
    return [
      incident?.title.split(', ').map((part, index) => (index === 0 ? part : `  ${part}`)) ?? [row.incident],
      incident?.words(row.without) ?? [],
      incident?.words(row.with) ?? [],
      [`${row.stopped} of ${row.attempts}`],
      [String(row.let_through_rightly), ...(row.redacted === 0 ? [] : [`(${row.redacted} redacted)`])],
      [String(row.wrongly_stopped)],
      [String(row.held)],
    ]
  })
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...blocks.flatMap((block) => (block[column] ?? []).map((text) => text.length))),
  )
  const written = (cells: readonly string[]): string =>
    cells
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  const lines = [written(HEAD), widths.map((width) => '─'.repeat(width)).join('  ')]
  for (const [index, block] of blocks.entries()) {
    if (index > 0) lines.push('')
    const height = Math.max(...block.map((cell) => cell.length))
    for (let line = 0; line < height; line++) lines.push(written(block.map((cell) => cell[line] ?? '')))
  }
  return lines
}
