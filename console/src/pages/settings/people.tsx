import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Facts } from '../../parts/facts.tsx'
import { duration } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Nothing } from '../../parts/values.tsx'
import { peopleQuery, ROLES } from './queries.ts'

const DOES = {
  viewer: 'looks at everything',
  operator: 'pauses, resumes and stops agents; undoes and cancels',
  approver: 'decides, where a group of approvers names them',
  auditor: 'exports and verifies the ledger; erases',
  admin: 'keys of agents, log-ins, channels',
} as const

/** Who has which role and who approves: by the policy, which alone changes it. */
export function PeopleSection() {
  const people = useQuery(peopleQuery)
  return (
    <Answer query={people}>
      {({ oidc, public_url: url, login, roles, approvers }) => (
        <div className="stack">
          <Section title="Roles">
            <div className="settings-people">
              <Facts
                facts={ROLES.map((role) => [
                  role,
                  <div key={role}>
                    <Names names={roles[role]} />
                    <p className="soft small">{DOES[role]}</p>
                  </div>,
                ])}
              />
              <p className="soft small">
                They stand under <code>people:</code> in the <Link to="/policy">policy</Link>. A name with an
                @ is a person, any other a group of the identity provider. No role holds another.
              </p>
            </div>
          </Section>
          <Section title="Approvers">
            {Object.keys(approvers).length === 0 ? (
              <EmptyState title="The policy names no approvers.">
                Name them under <code>approvers:</code>, and say <code>approve:</code> where an action needs
                one.
              </EmptyState>
            ) : (
              <Facts
                facts={Object.entries(approvers).map(([group, members]) => [
                  group,
                  <Names key={group} names={members} />,
                ])}
              />
            )}
          </Section>
          <Section title="Log-in">
            <Facts
              facts={[
                ['Identity provider', oidc === null ? 'none: people log in with links' : oidc.issuer],
                ['Address', url ?? 'where Belay listens'],
                ['Without use', `ends after ${duration(login.idle_seconds * 1_000)}`],
                ['In all', `ends after ${duration(login.longest_seconds * 1_000)}`],
              ]}
            />
          </Section>
        </div>
      )}
    </Answer>
  )
}

function Names({ names }: { readonly names: readonly string[] }): ReactNode {
  if (names.length === 0) return <Nothing />
  return (
    <span className="settings-names">
      {names.map((name) => (
        <code key={name}>{name}</code>
      ))}
    </span>
  )
}
