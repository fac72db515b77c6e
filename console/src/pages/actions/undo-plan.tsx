import { Link } from '@tanstack/react-router'
import { Visible } from '../../parts/payload/visible.tsx'
import { Note } from '../../parts/states.tsx'
import { At } from '../../parts/values.tsx'

export type WhatToUndo =
  | { readonly agent: string; readonly since: string; readonly action?: string }
  | { readonly ids: readonly string[] }

interface Refusal {
  readonly id: string
  readonly code: string
  readonly message: string
}

export interface UndoPreview {
  readonly undoable: readonly {
    readonly id: string
    readonly action: string
    readonly how: 'belay' | 'agent'
    readonly until: string
  }[]
  readonly refused: readonly Refusal[]
  readonly more: boolean
}

export interface UndoSummary {
  readonly undone: readonly string[]
  readonly requested: readonly string[]
  readonly refused: readonly Refusal[]
}

/** So many are listed; the number is in the sentence. */
const LISTED = 100

/** What would be undone, and what could not be and why. */
export function UndoPlan({ plan: { undoable, refused, more } }: { readonly plan: UndoPreview }) {
  const kinds = Map.groupBy(refused, ({ code }) => code)
  const asked = undoable.filter(({ how }) => how === 'agent').length
  return (
    <div className="undo-plan">
      <Note tone={undoable.length === 0 ? 'warn' : 'info'}>
        <span>
          <strong>{undoable.length} can be undone</strong>
          {asked > 0 && `, ${asked === undoable.length ? 'all' : asked} of them by asking the agent`}.{' '}
          <strong>{refused.length} cannot.</strong>
          {more && ' There are more; undo these first, then look again.'}
        </span>
      </Note>
      {undoable.length > 0 && (
        <details open={undoable.length <= 10}>
          <summary>Can be undone: {undoable.length}</summary>
          <ul>
            {undoable.slice(0, LISTED).map(({ id, action, how, until }) => (
              <li key={id}>
                <strong>
                  <Visible text={action} />
                </strong>{' '}
                <ActionLink id={id} />{' '}
                <span className="soft">
                  {how === 'belay' ? 'by Belay' : 'by asking the agent'}, possible until{' '}
                </span>
                <At at={until} />
              </li>
            ))}
          </ul>
          {undoable.length > LISTED && <p className="soft">and {undoable.length - LISTED} more</p>}
        </details>
      )}
      {Array.from(kinds, ([code, some]) => (
        <details key={code}>
          <summary>
            Cannot be undone: {some.length} <code>{code}</code>
          </summary>
          <ul>
            {some.slice(0, LISTED).map(({ id, message }) => (
              <li key={id}>
                <ActionLink id={id} /> <Visible text={message} />
              </li>
            ))}
          </ul>
          {some.length > LISTED && <p className="soft">and {some.length - LISTED} more</p>}
        </details>
      ))}
    </div>
  )
}

function ActionLink({ id }: { readonly id: string }) {
  return (
    <Link to="/actions/$id" params={{ id }} target="_blank">
      <code>
        {id.slice(0, 12)}…{id.slice(-6)}
      </code>
    </Link>
  )
}
