import { Badge } from '../../parts/badge.tsx'
import { sentenceOfFault } from './queries.ts'
import type { Fault } from './queries.ts'

/** Every fault as a button that leads to its place. */
export function FaultList({
  faults,
  goTo,
}: {
  readonly faults: readonly Fault[]
  readonly goTo: (fault: Fault) => void
}) {
  return (
    <ul className="policy-faults" aria-label="What is wrong with it">
      {faults.map((fault) => (
        <li key={`${fault.line}:${fault.column} ${fault.code} ${fault.expected}`}>
          <button type="button" onClick={() => goTo(fault)}>
            <Badge tone={fault.severity === 'error' ? 'bad' : 'warn'}>{fault.severity}</Badge>
            <span className="figures soft">
              {fault.line}:{fault.column}
            </span>
            <span>{sentenceOfFault(fault)}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
