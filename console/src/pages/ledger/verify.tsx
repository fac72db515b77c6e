import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { send } from '../../api/call.ts'
import { Problem, sentenceOf } from '../../api/problem.ts'
import { Button } from '../../parts/button.tsx'
import { Checkbox, Field } from '../../parts/field.tsx'
import { duration } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { logsQuery } from './queries.ts'
import type { Report } from './queries.ts'

interface Asked {
  readonly checkpoint: string | undefined
  readonly witnesses: boolean
  readonly startedAt: number
}

/** Reads the whole ledger again and says in plain words what came of it. */
export function VerifySection() {
  const [kept, setKept] = useState<File | null>(null)
  const [asks, setAsks] = useState(false)
  const { data: logs } = useQuery(logsQuery)
  const hasWitnesses = logs?.items.some(({ witnesses }) => witnesses.length > 0) === true
  const verifying = useMutation({
    mutationFn: async ({ checkpoint, witnesses }: Asked) => {
      const startedAt = performance.now()
      const body = { ...(checkpoint !== undefined && { checkpoint }), ...(witnesses && { witnesses }) }
      const report = await send<Report>('POST', '/v1/ledger/verify', body)
      return { report, ms: performance.now() - startedAt, against: checkpoint !== undefined || witnesses }
    },
  })
  const [unreadable, setUnreadable] = useState(false)
  const begin = async (): Promise<void> => {
    const startedAt = Date.now()
    setUnreadable(false)
    try {
      const checkpoint = kept === null ? undefined : await kept.text()
      verifying.mutate({ checkpoint, witnesses: asks, startedAt })
    } catch {
      setUnreadable(true)
    }
  }
  return (
    <Section title="Verify">
      <div className="stack">
        <p>
          Computes every digest again, compares every payload with its record, and the state of every action
          with its last record. Belay goes on working meanwhile.
        </p>
        <Field
          label="A checkpoint that was kept (optional)"
          help="Finds a rewrite of the whole ledger too."
          error={unreadable ? 'This file cannot be read.' : undefined}
        >
          <input
            id="ledger-kept"
            type="file"
            aria-label="A checkpoint that was kept (optional)"
            className="control ledger-file"
            onChange={(event) => setKept(event.target.files?.[0] ?? null)}
          />
        </Field>
        {hasWitnesses && (
          <Checkbox
            label="Ask the witnesses what they signed"
            checked={asks}
            onChange={(event) => setAsks(event.target.checked)}
          />
        )}
        <div className="row">
          <Button kind="primary" busy={verifying.isPending} onClick={() => void begin()}>
            Verify the ledger
          </Button>
          {verifying.isPending && <Progress startedAt={verifying.variables.startedAt} />}
        </div>
        {verifying.error !== null && <Refused error={verifying.error} />}
        {verifying.data !== undefined && !verifying.isPending && <Result {...verifying.data} />}
      </div>
    </Section>
  )
}

function Progress({ startedAt }: { readonly startedAt: number }) {
  const { data } = useQuery(logsQuery)
  const [now, setNow] = useState(startedAt)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(timer)
  }, [])
  const records = data?.items.reduce((sum, log) => sum + log.records, 0)
  return (
    <span className="row" role="status">
      <progress aria-label="Verifying" />
      <span className="soft">
        {records === undefined ? 'Reading' : `Reading ${records.toLocaleString('en-US')} records`}
        {now - startedAt > 1_000 && `, ${duration(now - startedAt)} so far`}
      </span>
    </span>
  )
}

function Refused({ error }: { readonly error: Error }) {
  const busy = error instanceof Problem && error.code === 'server:busy'
  return (
    <ErrorNote>{busy ? 'It is being verified already. Try again in a moment.' : sentenceOf(error)}</ErrorNote>
  )
}

function Result({
  report,
  ms,
  against,
}: {
  readonly report: Report
  readonly ms: number
  readonly against: boolean
}) {
  const { ok, records, payloads, erased, chains, faults } = report
  const many = (value: number, one: string): string =>
    `${value.toLocaleString('en-US')} ${value === 1 ? one : `${one}s`}`
  const read = `${many(records, 'record')} in ${many(chains, 'chain')} and ${many(payloads, 'payload')}`
  if (ok)
    return (
      <Note tone="good">
        <div role="status">
          <strong>Nothing was changed, cut or reordered.</strong>
          <p>
            {read} were read in {duration(ms)}
            {erased > 0 && `; ${many(erased, 'payload')} erased as the ledger says`}.
            {against
              ? ' It continues what was kept or signed elsewhere.'
              : ' Only a checkpoint that was kept elsewhere, or a witness, shows whether all of it was rewritten.'}
          </p>
        </div>
      </Note>
    )
  return (
    <div className="stack">
      <ErrorNote>
        <div>
          <strong>The ledger is not what was written.</strong>
          <p>
            {read} were read; {many(faults.length, 'fault')} found. Stop the agents, keep a copy of the data
            folder as it is, and find out who could write there.
          </p>
        </div>
      </ErrorNote>
      <Table
        caption="What is wrong"
        rows={faults.slice(0, 200)}
        rowKey={({ chain, seq, code, message }) => `${chain} ${seq} ${code} ${message}`}
        rowTone={() => 'bad'}
        columns={[
          { name: 'Where', head: true, cell: ({ chain, seq }) => `${chain} ${seq}` },
          { name: 'What', cell: ({ message }) => message },
          { name: 'Code', wideOnly: true, cell: ({ code }) => <code>{code}</code> },
        ]}
      />
    </div>
  )
}
