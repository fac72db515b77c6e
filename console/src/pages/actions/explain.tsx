import { Badge } from '../../parts/badge.tsx'
import { RawJson } from '../../parts/payload/arguments.tsx'
import type { Explanation } from '../../parts/payload/explanation.ts'
import { Findings } from '../../parts/payload/findings.tsx'
import { Visible } from '../../parts/payload/visible.tsx'
import { At } from '../../parts/values.tsx'

/** Each check of the policy's entry, with what it found, and the reasons that no check gave. */
export function Checks({ explanation: { checks, reasons, policy } }: { readonly explanation: Explanation }) {
  return (
    <div className="checks">
      {checks.length === 0 && reasons.length === 0 && (
        <p className="soft">The policy has no check for it, and nothing spoke against it.</p>
      )}
      {checks.length > 0 && (
        <ol>
          {checks.map(({ check, options, found }, index) => (
            <li key={`${check}-${index}`}>
              <p className="row">
                <code>{check}</code>
                {found.length === 0 ? (
                  <Badge tone="good">found nothing</Badge>
                ) : (
                  <Badge tone="warn">spoke up</Badge>
                )}
              </p>
              {found.length > 0 && <Findings findings={found} />}
              {hasOptions(options) && (
                <details>
                  <summary>How the policy sets it</summary>
                  <RawJson value={options} label={`Options of ${check}`} />
                </details>
              )}
            </li>
          ))}
        </ol>
      )}
      {reasons.length > 0 && <Findings findings={reasons} />}
      {!policy.inForce && checks.length > 0 && (
        <p className="soft small">
          It was decided by a policy that is no longer in force; its options are not shown.
        </p>
      )}
    </div>
  )
}

/** Every record of the ledger about it, in order. */
export function Records({ explanation: { timeline } }: { readonly explanation: Explanation }) {
  return (
    <ol className="records">
      {timeline.map(({ at, record, what, details }) => (
        <li key={record}>
          <p>
            <Visible text={what} />
          </p>
          {details.map((detail) => (
            <p key={detail} className="soft small">
              <Visible text={detail} />
            </p>
          ))}
          <p className="row soft small">
            <At at={at} />
            <code title="chain and number in the ledger">{record}</code>
          </p>
        </li>
      ))}
    </ol>
  )
}

function hasOptions(options: unknown): boolean {
  return typeof options === 'object' && options !== null && Object.keys(options).length > 0
}
