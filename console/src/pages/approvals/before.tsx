import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { actionsQuery } from '../../api/queries.ts'
import type { Action } from '../../api/answers.ts'
import { StateBadge } from '../../parts/badge.tsx'
import { Fields } from '../../parts/payload/arguments.tsx'
import { Visible } from '../../parts/payload/visible.tsx'
import { Answer } from '../../parts/states.tsx'
import { Ago } from '../../parts/values.tsx'

const SHOWN = 6

/** What the agent did before this: in the same session, where it said which. */
export function Before({ action }: { readonly action: Action }) {
  const filter = {
    agent: action.agent,
    before: action.id,
    limit: SHOWN,
    ...(action.session === null ? {} : { session: action.session }),
  }
  const query = useQuery(actionsQuery(filter))
  return (
    <Answer query={query}>
      {({ items }) => {
        const undone = items.find(({ action: name, state }) => name === action.action && state === 'undone')
        return items.length === 0 ? (
          <p className="soft">
            {action.session === null
              ? 'This is the first action of this agent.'
              : 'This is the first action of its session.'}
          </p>
        ) : (
          <>
            <ul className="before">
              {items.map((each) => (
                <li key={each.id}>
                  <Link to="/actions/$id" params={{ id: each.id }}>
                    <Visible text={each.action} />
                  </Link>
                  <StateBadge state={each.state} />
                  <span className="soft small">
                    <Ago at={each.proposed_at} />
                  </span>
                </li>
              ))}
            </ul>
            {undone !== undefined && undone.input !== null && (
              <details>
                <summary>The last one like it was undone: what is different now</summary>
                <Fields before={undone.input} after={action.input} />
              </details>
            )}
          </>
        )
      }}
    </Answer>
  )
}
