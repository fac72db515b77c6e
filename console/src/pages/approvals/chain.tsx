import { Badge } from '../../parts/badge.tsx'
import { Ago } from '../../parts/values.tsx'
import type { PendingApproval, Step } from './inbox-item.ts'

/** Who must say yes, in order: who has, who decides now, who comes next. */
export function Chain({ approval }: { readonly approval: PendingApproval }) {
  const { steps, step: now, escalates_at, next } = approval
  return (
    <ol className="chain">
      {steps.map((step, index) => (
        <li key={index} data-now={index === now || undefined}>
          <p className="row">
            <strong>{step.group}</strong>
            {index < now ? (
              <Badge tone="good">approved</Badge>
            ) : index === now ? (
              <Badge tone="warn">decides now</Badge>
            ) : (
              <Badge>{index === now + 1 ? 'next' : 'later'}</Badge>
            )}
            {step.quorum > 1 && (
              <span className="soft">
                {step.approved} of {step.quorum}
              </span>
            )}
          </p>
          <StepPeople step={step} people={index === now ? next?.people : undefined} />
          {index === now && typeof escalates_at === 'string' && (
            <p className="soft small">
              Also asks {step.escalations?.[0]?.to.join(', ') ?? 'others'} <Ago at={escalates_at} />.
            </p>
          )}
        </li>
      ))}
    </ol>
  )
}

function StepPeople({
  step,
  people,
}: {
  readonly step: Step
  readonly people: readonly string[] | undefined
}) {
  const open = people ?? step.members ?? []
  return (
    <ul className="small">
      {step.votes?.map((vote) => (
        <li key={vote.by}>
          {vote.by}
          {vote.for !== undefined && ` for ${vote.for}`}{' '}
          {vote.outcome === 'approve' ? 'approved' : 'rejected'} <Ago at={vote.at} />
        </li>
      ))}
      {step.delegations?.map(({ from, to }) => (
        <li key={from}>
          {from} passed the vote on to {to}
        </li>
      ))}
      {step.approved < step.quorum && open.length > 0 && <li className="soft">{open.join(', ')}</li>}
    </ul>
  )
}
