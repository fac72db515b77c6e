import type { ReactNode } from 'react'
import { classes } from './class-names.ts'
import './table.css'

export interface Column<R> {
  readonly name: string
  readonly cell: (row: R) => ReactNode
  /** Figures stand at the right. */
  readonly figures?: boolean
  /** Names the row: its header. One column, usually the first. */
  readonly head?: boolean
  /** On a phone two of these stand beside each other. */
  readonly half?: boolean
  /** Left out on a phone. */
  readonly wideOnly?: boolean
  /** The heading is for screen readers alone, such as over buttons. */
  readonly hideName?: boolean
}

/** Rows of one kind. On a phone each row is a card with the names of the columns beside the values. */
export function Table<R>({
  caption,
  columns,
  rows,
  rowKey,
  rowTone,
}: {
  /** Says what is in it, for screen readers. */
  readonly caption: string
  readonly columns: readonly Column<R>[]
  readonly rows: readonly R[]
  readonly rowKey: (row: R) => string
  readonly rowTone?: (row: R) => 'bad' | 'warn' | undefined
}) {
  return (
    <div className="table-frame">
      <table className="table">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, figures, wideOnly, hideName }) => (
              <th
                key={name}
                scope="col"
                className={classes(figures && 'table-figures', wideOnly && 'table-wide-only')}
              >
                {hideName ? <span className="unseen">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} data-tone={rowTone?.(row)}>
              {columns.map(({ name, cell, figures, head, half, wideOnly, hideName }) => {
                const className = classes(
                  figures && 'table-figures figures',
                  half && 'table-half',
                  wideOnly && 'table-wide-only',
                  hideName && 'table-unnamed',
                )
                return head ? (
                  <th key={name} scope="row" className={className}>
                    {cell(row)}
                  </th>
                ) : (
                  <td key={name} data-name={name} className={className}>
                    {cell(row)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
