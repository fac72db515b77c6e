import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { send } from '../../api/call.ts'
import { Problem, sentenceOf } from '../../api/problem.ts'
import { Button } from '../../parts/button.tsx'
import { Field, Select } from '../../parts/field.tsx'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { Editor } from './editor.tsx'
import type { EditorHandle } from './editor.tsx'
import { FaultList } from './fault-list.tsx'
import { Outcome } from './outcome.tsx'
import { lintQuery } from './queries.ts'
import type { Backtest, PolicyFile } from './queries.ts'

/** A text that is not in force, tried on what was recorded. */
export function WhatIf({ file }: { readonly file: PolicyFile }) {
  const [text, setText] = useState(file.text ?? 'version: 1\n')
  const [since, setSince] = useState('7d')
  const editor = useRef<EditorHandle>(null)
  const settled = useSettled(text, 400)
  const lint = useQuery(lintQuery(settled))
  const faults = lint.data ?? []
  const errors = faults.filter(({ severity }) => severity === 'error').length
  const trying = useMutation({
    mutationFn: (what: { text: string; since: string }) =>
      send<Backtest>('POST', '/v1/policy/backtest', what),
  })
  return (
    <div className="stack">
      <p className="soft">
        Edit, or paste another text: it is checked as you type, and judges what agents did lately, in memory
        alone. Nothing is saved, and no agent notices. To put it in force, change the file.
      </p>
      <Editor ref={editor} label="A policy to try" text={text} faults={faults} onChange={setText} />
      {lint.error !== null && <ErrorNote>{sentenceOf(lint.error)}</ErrorNote>}
      {settled === text && lint.data !== undefined && faults.length === 0 && (
        <p className="soft small" role="status">
          Nothing is wrong with it.
        </p>
      )}
      {faults.length > 0 && <FaultList faults={faults} goTo={(fault) => editor.current?.show(fault)} />}
      <form
        className="row policy-try"
        onSubmit={(event) => {
          event.preventDefault()
          if (!trying.isPending) trying.mutate({ text, since })
        }}
      >
        <Field label="On what agents did in the last" hideLabel={false}>
          <Select
            value={since}
            onChange={(event) => setSince(event.target.value)}
            options={[
              ['1h', 'hour'],
              ['24h', '24 hours'],
              ['7d', '7 days'],
              ['30d', '30 days'],
            ]}
          />
        </Field>
        <Button type="submit" kind="primary" busy={trying.isPending} disabled={errors > 0}>
          {trying.isPending ? 'Judging …' : 'Try it'}
        </Button>
        {text !== file.text && file.text !== null && (
          <Button kind="quiet" onClick={() => setText(file.text ?? '')}>
            Back to the file
          </Button>
        )}
      </form>
      {errors > 0 && (
        <Note tone="warn">A text with errors cannot be tried: nothing would be decided by it.</Note>
      )}
      {trying.error !== null && <Refused error={trying.error} />}
      {trying.data !== undefined && <Outcome result={trying.data} stale={trying.variables?.text !== text} />}
    </div>
  )
}

function Refused({ error }: { readonly error: Error }) {
  const busy = error instanceof Problem && error.code === 'server:busy'
  return (
    <ErrorNote>
      {busy ? 'Somebody tries a policy right now. Try again in a moment.' : sentenceOf(error)}
    </ErrorNote>
  )
}

/** The value as it was when it had not changed for so many ms. */
function useSettled(value: string, ms: number): string {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return settled
}
