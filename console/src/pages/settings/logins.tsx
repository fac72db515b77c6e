import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { goToLogin, send } from '../../api/call.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago } from '../../parts/values.tsx'
import { Confirm } from './confirm.tsx'
import { LinkDialog } from './link-dialog.tsx'
import { loginsQuery } from './queries.ts'
import type { Login } from './queries.ts'

/** Who is logged in, and links that nobody has used: one's own, or everybody's for who manages people. */
export function LoginsSection({ everybody }: { readonly everybody: boolean }) {
  const client = useQueryClient()
  const logins = useQuery({ ...loginsQuery, refetchInterval: 30_000 })
  const [ending, setEnding] = useState<Login | null>(null)
  const [linking, setLinking] = useState(false)
  const renew = (): Promise<void> => client.invalidateQueries({ queryKey: ['logins'] })
  return (
    <Section
      title={everybody ? 'Who is logged in' : 'Where you are logged in'}
      actions={
        everybody && (
          <Button kind="primary" onClick={() => setLinking(true)}>
            New log-in link
          </Button>
        )
      }
    >
      <Answer query={logins}>
        {(items) => (
          <Table
            caption="Log-ins and log-in links"
            rows={items}
            rowKey={({ id }) => id}
            columns={[
              {
                name: 'Who',
                head: true,
                cell: ({ by, current }) => (
                  <>
                    {by} {current && <Badge tone="info">this one</Badge>}
                  </>
                ),
              },
              {
                name: 'How',
                cell: ({ kind, via }) =>
                  kind === 'link' ? (
                    <Badge tone="warn">link, not used yet</Badge>
                  ) : via === 'oidc' ? (
                    'identity provider'
                  ) : (
                    'link'
                  ),
              },
              { name: 'Roles', cell: ({ roles }) => roles.join(', ') },
              { name: 'Last seen', cell: ({ seen_at: at }) => <Ago at={at} /> },
              { name: 'Ends', cell: ({ expires_at: at }) => <Ago at={at} /> },
              {
                name: 'End it',
                hideName: true,
                figures: true,
                cell: (login) => (
                  <Button
                    size="small"
                    aria-label={`${verbFor(login)}: ${login.by}`}
                    onClick={() => setEnding(login)}
                  >
                    {verbFor(login)}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Answer>
      <LinkDialog open={linking} onClose={() => setLinking(false)} onMade={renew} />
      {ending !== null && (
        <Confirm
          title={ending.kind === 'link' ? `Withdraw the link for ${ending.by}?` : `Log out ${ending.by}?`}
          verb={verbFor(ending)}
          onClose={() => setEnding(null)}
          act={async () => {
            await send('DELETE', `/v1/logins/${encodeURIComponent(ending.id)}`)
            if (ending.current) return goToLogin()
            say(ending.kind === 'link' ? 'The link is withdrawn.' : `${ending.by} is logged out.`)
            await renew()
          }}
        >
          {ending.kind === 'link'
            ? 'It opens nothing from now on.'
            : ending.current
              ? 'It is the browser that you are using now.'
              : 'It ends at once, with every page that is open there.'}
        </Confirm>
      )}
    </Section>
  )
}

const verbFor = ({ kind }: Login): string => (kind === 'link' ? 'Withdraw' : 'Log out')
