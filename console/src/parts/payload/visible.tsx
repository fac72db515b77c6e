import { useState } from 'react'
import { Button } from '../button.tsx'
import { count } from '../format.ts'
import { bounded, partsOf, visibleText } from './visible-text.ts'
import './payload.css'

/** Above this many pieces a text is shown as one, with escapes: a page of markers helps nobody and costs seconds. */
const MAX_PARTS = 400

/** Text from outside: exactly what is there, with what cannot be seen made visible, and apart from the text around it. */
export function Visible({ text, lines = false }: { readonly text: string; readonly lines?: boolean }) {
  const parts = partsOf(text, lines)
  if (parts.length > MAX_PARTS) return <bdi className="visible">{escaped(text, lines)}</bdi>
  return (
    <bdi className={lines ? 'visible visible-lines' : 'visible'}>
      {parts.map((part, index) =>
        part.kind === 'text' ? (
          part.text
        ) : (
          <mark key={index} className="hidden-character" title={`U+${part.code} ${part.name}`}>
            <span aria-hidden="true">
              {part.code}
              {part.times > 1 && `×${part.times}`}
            </span>
            <span className="unseen">
              {` ${part.times > 1 ? `${part.times} times ` : ''}hidden character: ${part.name} `}
            </span>
          </mark>
        ),
      )}
    </bdi>
  )
}

/** A text of any length: at first `max` characters of it, the rest behind a button that says how much that is. */
export function LongText({
  text,
  max,
  what,
}: {
  readonly text: string
  readonly max: number
  /** Of what the rest is, for screen readers: `the field text`. */
  readonly what: string
}) {
  const [whole, setWhole] = useState(false)
  const shown = bounded(text, max)
  if (shown.cut === 0) return <Visible text={text} lines />
  return (
    <>
      <Visible text={whole ? text : shown.text} lines />
      {!whole && <span aria-hidden="true">…</span>}
      <span className="long-text-more">
        <Button size="small" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? 'Show less' : `Show ${count(shown.cut)} more characters`}
          <span className="unseen"> of {what}</span>
        </Button>
      </span>
    </>
  )
}

function escaped(text: string, lines: boolean): string {
  return lines ? text.split('\n').map(visibleText).join('\n') : visibleText(text)
}
