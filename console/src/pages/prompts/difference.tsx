import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Answer } from '../../parts/states.tsx'
import { lineDiff } from './line-diff.ts'
import type { DiffLine } from './line-diff.ts'
import { textOf, versionQuery } from './queries.ts'

/** Lines around a change that are shown with it. */
const AROUND = 3

/** What changed between two versions; one and the same is shown as it is. */
export function Difference({
  name,
  before,
  after,
}: {
  readonly name: string
  readonly before: number
  readonly after: number
}) {
  const older = useQuery(versionQuery(name, before))
  const newer = useQuery(versionQuery(name, after))
  return (
    <Answer query={older}>
      {(one) => (
        <Answer query={newer}>
          {(other) => <Lines before={textOf(one)} after={textOf(other)} isSame={before === after} />}
        </Answer>
      )}
    </Answer>
  )
}

const MARK = { same: ' ', added: '+', removed: '−' } as const
const WORD = { same: '', added: 'added: ', removed: 'removed: ' } as const

function Lines({
  before,
  after,
  isSame,
}: {
  readonly before: string
  readonly after: string
  readonly isSame: boolean
}) {
  const lines = useMemo(() => lineDiff(before, after), [before, after])
  const parts = useMemo(() => (isSame ? [lines] : partsOf(lines)), [lines, isSame])
  const added = lines.filter(({ kind }) => kind === 'added').length
  const removed = lines.filter(({ kind }) => kind === 'removed').length
  return (
    <div className="stack">
      {!isSame && (
        <p className="soft small" role="status">
          {added + removed === 0
            ? 'Their texts are the same.'
            : `${added} ${added === 1 ? 'line' : 'lines'} added, ${removed} removed.`}
        </p>
      )}
      {parts.map((part) => (
        <div
          key={`${part[0]?.before} ${part[0]?.after}`}
          className="prompt-diff"
          role="region"
          aria-label="Text"
          tabIndex={0}
        >
          {part.map((line) => (
            <div key={`${line.before} ${line.after}`} className="prompt-line" data-kind={line.kind}>
              <span className="prompt-number figures" aria-hidden="true">
                {line.before}
              </span>
              <span className="prompt-number figures" aria-hidden="true">
                {line.after}
              </span>
              <span aria-hidden="true">{MARK[line.kind]}</span>
              <code>
                {line.kind !== 'same' && <span className="unseen">{WORD[line.kind]}</span>}
                {line.text}
              </code>
            </div>
          ))}
        </div>
      ))}
    </div>
  )
}

/** Changes with the lines around them; what is far from any change is left out. */
function partsOf(lines: readonly DiffLine[]): readonly (readonly DiffLine[])[] {
  const parts: DiffLine[][] = []
  let done = 0
  for (const [at, { kind }] of lines.entries()) {
    if (kind === 'same') continue
    const from = Math.max(0, at - AROUND)
    const until = Math.min(lines.length, at + 1 + AROUND)
    if (parts.length === 0 || from > done) parts.push([])
    parts.at(-1)!.push(...lines.slice(Math.max(from, done), until))
    done = until
  }
  return parts
}
