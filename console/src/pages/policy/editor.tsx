import { useImperativeHandle, useRef } from 'react'
import type { Ref } from 'react'
import type { Fault } from './queries.ts'

export interface EditorHandle {
  /** Puts the cursor where the fault is. */
  show(fault: Fault): void
}

/** A plain text area with the numbers of its lines beside it, and marks where something is wrong. */
export function Editor({
  ref,
  label,
  text,
  faults,
  onChange,
}: {
  readonly ref: Ref<EditorHandle>
  readonly label: string
  readonly text: string
  readonly faults: readonly Fault[]
  readonly onChange: (text: string) => void
}) {
  const area = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLDivElement>(null)
  useImperativeHandle(ref, () => ({
    show({ line, column }) {
      const element = area.current
      if (element === null) return
      const before = text.split('\n').slice(0, line - 1)
      const start = before.reduce((sum, each) => sum + each.length + 1, 0)
      const at = Math.min(start + column - 1, text.length)
      element.focus()
      element.setSelectionRange(at, text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at))
      const lineHeight = Number.parseFloat(getComputedStyle(element).lineHeight)
      element.scrollTop = Math.max(0, (line - 4) * lineHeight)
    },
  }))
  const worst = new Map<number, Fault['severity']>()
  for (const { line, severity } of faults) if (worst.get(line) !== 'error') worst.set(line, severity)
  return (
    <div className="policy-editor">
      <div ref={gutter} className="policy-gutter figures" aria-hidden="true">
        {Array.from({ length: text.split('\n').length }, (_, index) => (
          <span key={index} data-fault={worst.get(index + 1)}>
            {index + 1}
          </span>
        ))}
      </div>
      <textarea
        ref={area}
        aria-label={label}
        aria-invalid={faults.some(({ severity }) => severity === 'error') || undefined}
        value={text}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        wrap="off"
        maxLength={1_000_000}
        onChange={(event) => onChange(event.target.value)}
        onScroll={(event) => {
          if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop
        }}
      />
    </div>
  )
}
