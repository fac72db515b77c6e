import { useState } from 'react'
import { Button } from '../button.tsx'
import { count } from '../format.ts'
import { Tabs } from '../tabs.tsx'
import { compareJson, compareText, pathText } from './compare-json.ts'
import type { Field } from './compare-json.ts'
import { LongText, Visible } from './visible.tsx'

const MAX_VALUE = 600
const MAX_RAW = 20_000
/** Above this, what changed within a text is not marked word by word. */
const MAX_MARKED = 20_000

/**
 * A JSON value field by field and as it is. With `before`, what changed stands first and is marked. A list of fields
 * is bounded; the raw text has everything.
 */
export function Arguments({
  value,
  before,
  label,
}: {
  readonly value: unknown
  /** As it was before it was changed; left out when nothing changed it. */
  readonly before?: unknown
  readonly label: string
}) {
  const [view, setView] = useState<'fields' | 'raw'>('fields')
  return (
    <Tabs
      label={label}
      value={view}
      onChange={setView}
      tabs={[
        {
          value: 'fields',
          label: 'Fields',
          content: <Fields before={before === undefined ? value : before} after={value} />,
        },
        { value: 'raw', label: 'Raw JSON', content: <RawJson value={value} label={`${label}, raw JSON`} /> },
      ]}
    />
  )
}

/** The raw text, with what cannot be seen made visible. */
export function RawJson({ value, label }: { readonly value: unknown; readonly label: string }) {
  const text = JSON.stringify(value, null, 2) ?? 'nothing'
  return (
    <pre className="code" tabIndex={0} role="region" aria-label={label}>
      <LongText text={text} max={MAX_RAW} what={label} />
    </pre>
  )
}

const MARK = { same: '', changed: 'changed', added: 'added', removed: 'removed' } as const

/** Changed fields first, then those that stayed. */
export function Fields({ before, after }: { readonly before: unknown; readonly after: unknown }) {
  const [all, setAll] = useState(false)
  const { fields, more } = compareJson(before, after)
  if (fields.length === 1 && fields[0]!.path.length === 0 && isEmpty(after))
    return <p className="soft">No arguments.</p>
  const ordered = [
    ...fields.filter(({ status }) => status !== 'same'),
    ...fields.filter(({ status }) => status === 'same'),
  ]
  const shown = all ? ordered : ordered.slice(0, 40)
  return (
    <>
      <dl className="fields">
        {shown.map((field) => (
          <div key={pathText(field.path)} data-status={field.status}>
            <dt>
              <Visible text={pathText(field.path) || 'value'} />
              {field.status !== 'same' && <span className="fields-mark">{MARK[field.status]}</span>}
            </dt>
            <dd>
              <FieldValue field={field} />
            </dd>
          </div>
        ))}
      </dl>
      {shown.length < ordered.length && (
        <Button size="small" onClick={() => setAll(true)}>
          Show {count(ordered.length - shown.length)} more fields
        </Button>
      )}
      {more && (
        <p className="soft small">There are more fields than can be listed: the raw JSON has them all.</p>
      )}
    </>
  )
}

function FieldValue({ field: { path, status, before, after } }: { readonly field: Field }) {
  const what = `the field ${pathText(path)}`
  if (status === 'same') return <Value value={after} what={what} />
  if (typeof before === 'string' && typeof after === 'string' && before.length + after.length <= MAX_MARKED) {
    return (
      <p className="compared">
        {compareText(before, after).map(({ kind, text }, index) =>
          kind === 'removed' ? (
            <del key={index}>
              <span className="unseen"> removed: </span>
              <Visible text={text} lines />
            </del>
          ) : kind === 'added' ? (
            <ins key={index}>
              <span className="unseen"> added: </span>
              <Visible text={text} lines />
            </ins>
          ) : (
            <Visible key={index} text={text} lines />
          ),
        )}
      </p>
    )
  }
  return (
    <div className="compared">
      {before !== undefined && (
        <del>
          <span className="unseen">before: </span>
          <Value value={before} what={what} />
        </del>
      )}
      {after !== undefined && (
        <ins>
          <span className="unseen">now: </span>
          <Value value={after} what={what} />
        </ins>
      )}
    </div>
  )
}

/** Text stands as it is, in quotes where it could be taken for something else. */
function Value({ value, what }: { readonly value: unknown; readonly what: string }) {
  if (typeof value === 'string') {
    if (value.trim() === '' || /^(?:true|false|null|-?[\d.]+|\[\]|\{\})$/.test(value))
      return <Visible text={JSON.stringify(value)} />
    return <LongText text={value} max={MAX_VALUE} what={what} />
  }
  return (
    <span className="value-plain">
      <LongText text={JSON.stringify(value)} max={MAX_VALUE} what={what} />
    </span>
  )
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
