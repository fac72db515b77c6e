import type { Agent } from '../../api/answers.ts'
import { useNow } from '../../parts/clock.ts'
import { ButtonLink } from '../../parts/button.tsx'
import { Icon } from '../../parts/icon.tsx'
import { AgentButtons } from '../../parts/agent-buttons.tsx'
import { concernsOf } from './attention.ts'
import type { Seen } from './attention.ts'

/** What is not as it should be; the first thing on the page. */
export function AttentionList({ seen }: { readonly seen: Seen }) {
  const concerns = concernsOf(seen, useNow(10_000))
  if (concerns.length === 0)
    return (
      <p className="calm">
        <Icon name="approvals" />
        Nothing needs you: no agent is held back, nothing waits long, every budget has room.
      </p>
    )
  return (
    <ul className="concerns">
      {concerns.map(({ key, tone, title, detail, agent, to, id, search }) => (
        <li key={key} className="concern" data-tone={tone}>
          <Icon name="warning" />
          <div className="concern-text">
            <p>
              <strong>{title}</strong>
            </p>
            <p className="soft small">{detail}</p>
          </div>
          {agent !== undefined && <Resume agent={agent} />}
          {to !== undefined && (
            <ButtonLink
              size="small"
              aria-label={`Look: ${title}`}
              to={to}
              {...(id !== undefined && { params: { id } })}
              {...(search !== undefined && { search: search })}
            >
              Look
            </ButtonLink>
          )}
        </li>
      ))}
    </ul>
  )
}

function Resume({ agent }: { readonly agent: Agent }) {
  return <AgentButtons agent={agent} only="active" />
}
