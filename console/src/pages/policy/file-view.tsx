import { Facts } from '../../parts/facts.tsx'
import { Section } from '../../parts/page.tsx'
import { EmptyState, Note } from '../../parts/states.tsx'
import { Ago, Nothing } from '../../parts/values.tsx'
import { FaultList } from './fault-list.tsx'
import { sentenceOfFault } from './queries.ts'
import type { Fault, PolicyFile } from './queries.ts'

/** The file line by line, with what is wrong where it is wrong. */
export function FileView({ file }: { readonly file: PolicyFile }) {
  if (file.path === null)
    return (
      <EmptyState title="No policy file: everything that agents propose is denied.">
        Write one with <code>belay init</code> and start Belay with it.
      </EmptyState>
    )
  const errors = file.faults.filter(({ severity }) => severity === 'error')
  return (
    <div className="stack">
      <State file={file} errors={errors.length} />
      <Section>
        <Facts
          facts={[
            ['File', <code key="path">{file.path}</code>],
            ['Digest in force', <code key="digest">{file.digest}</code>],
            ['Loaded', file.loaded_at === null ? <Nothing key="l" /> : <Ago key="l" at={file.loaded_at} />],
            [
              'File changed',
              file.changed_at === null ? <Nothing key="c" /> : <Ago key="c" at={file.changed_at} />,
            ],
          ]}
        />
      </Section>
      {file.faults.length > 0 && <FaultList faults={file.faults} goTo={showLine} />}
      {file.text !== null && <Lines text={file.text} faults={file.faults} />}
    </div>
  )
}

function State({ file, errors }: { readonly file: PolicyFile; readonly errors: number }) {
  if (file.text === null)
    return (
      <Note tone="bad">
        The file cannot be read. The policy that was loaded before stays in force until it can.
      </Note>
    )
  if (errors > 0)
    return (
      <Note tone="bad">
        The file has {errors === 1 ? 'an error' : `${errors} errors`} and was not taken: the policy that was
        loaded before stays in force.
      </Note>
    )
  if (!file.in_force) return <Note tone="warn">The file was changed a moment ago and is being loaded.</Note>
  return <Note tone="good">This file is in force.</Note>
}

const lineId = (line: number): string => `policy-line-${line}`

function showLine({ line }: Fault): void {
  const element = document.getElementById(lineId(line))
  element?.scrollIntoView({ block: 'center' })
  element?.focus({ preventScroll: true })
}

function Lines({ text, faults }: { readonly text: string; readonly faults: readonly Fault[] }) {
  const lines = text.replace(/\n$/, '').split('\n')
  return (
    <div className="policy-lines" role="region" aria-label="The policy's file" tabIndex={0}>
      {lines.map((line, index) => {
        const number = index + 1
        const here = faults.filter((fault) => fault.line === number)
        const worst = here.some(({ severity }) => severity === 'error') ? 'error' : here[0]?.severity
        return (
          // A line is its number: nothing else tells two empty ones apart.
          <div key={number} id={lineId(number)} tabIndex={-1} className="policy-line" data-fault={worst}>
            <span className="policy-number figures" aria-hidden="true">
              {number}
            </span>
            <code className="policy-text">{line === '' ? ' ' : line}</code>
            {here.map((fault) => (
              <p key={`${fault.column} ${fault.code}`} className="policy-fault" data-fault={fault.severity}>
                <span className="unseen">{`Line ${number}: `}</span>
                {fault.severity}: {sentenceOfFault(fault)} <code>{fault.code}</code>
              </p>
            ))}
          </div>
        )
      })}
    </div>
  )
}
