import type { Reason } from '../../api/answers.ts'
import { Badge } from '../badge.tsx'
import { RawJson } from './arguments.tsx'
import { LongText, Visible } from './visible.tsx'

export interface Finding extends Reason {
  /** The values that mattered. May quote the input. */
  readonly evidence?: unknown
}

/** Why something was decided so: each reason with its check and what the check saw. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return <p className="soft">Nothing spoke against it.</p>
  return (
    <ul className="findings">
      {findings.map((finding, index) => (
        <li key={index}>
          <p>
            <Visible text={finding.message} />
          </p>
          <p className="row small soft">
            <code>{finding.code}</code>
            {finding.check !== undefined && (
              <span>
                check <code>{finding.check}</code>
              </span>
            )}
            {finding.tags?.map((tag) => (
              <Badge key={tag}>{tag}</Badge>
            ))}
          </p>
          {finding.evidence !== undefined && finding.evidence !== null && (
            <Evidence value={finding.evidence} of={finding.code} />
          )}
        </li>
      ))}
    </ul>
  )
}

function Evidence({ value, of }: { readonly value: unknown; readonly of: string }) {
  const plain =
    typeof value === 'string'
      ? value
      : Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number')
        ? value.join(', ')
        : null
  if (plain === null)
    return (
      <details>
        <summary>What it saw</summary>
        <RawJson value={value} label={`Evidence of ${of}`} />
      </details>
    )
  return (
    <p className="evidence">
      <span className="soft">saw </span>
      <LongText text={plain} max={300} what={`the evidence of ${of}`} />
    </p>
  )
}
