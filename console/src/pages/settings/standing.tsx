import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState, ErrorNote } from '../../parts/states.tsx'
import { Visible } from '../../parts/payload/visible.tsx'
import { Table } from '../../parts/table.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago } from '../../parts/values.tsx'
import { Confirm } from './confirm.tsx'
import { standingQuery } from './queries.ts'
import type { Standing } from './queries.ts'

/** What was approved in advance and still covers something. */
export function StandingSection({
  mayDecide,
  mayRevoke,
}: {
  readonly mayDecide: boolean
  readonly mayRevoke: boolean
}) {
  const client = useQueryClient()
  const standing = useQuery(standingQuery)
  const [revoking, setRevoking] = useState<Standing | null>(null)
  const renew = (): Promise<void> => client.invalidateQueries({ queryKey: ['standing'] })
  const granting = useMutation({
    mutationFn: ({ id }: Standing) =>
      send('POST', `/v1/standing-approvals/${encodeURIComponent(id)}/grant`, {}),
    onSuccess: renew,
  })
  return (
    <Section title="Standing approvals">
      {granting.error !== null && <ErrorNote>{sentenceOf(granting.error)}</ErrorNote>}
      <Answer query={standing}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title="Nothing is approved in advance.">
              Approvers can let one exact kind of action through for a while, so that nobody has to decide the
              same thing again and again.
            </EmptyState>
          ) : (
            <Table
              caption="Standing approvals that still cover something"
              rows={items}
              rowKey={({ id }) => id}
              columns={[
                {
                  name: 'Covers',
                  head: true,
                  cell: ({ agent, action, targets, input }) => (
                    <>
                      {action} <span className="soft">by {agent}</span>
                      {targets.length > 0 && (
                        <>
                          {' '}
                          on <Visible text={targets.join(', ')} />
                        </>
                      )}
                      <br />
                      <code className="small">{JSON.stringify(input)}</code>
                    </>
                  ),
                },
                {
                  name: 'State',
                  cell: ({ state }) => <Badge tone={state === 'open' ? 'good' : 'warn'}>{state}</Badge>,
                },
                { name: 'Used', figures: true, cell: ({ used, max_count: of }) => `${used} of ${of}` },
                {
                  name: 'By',
                  cell: ({ created_by: by, granted_by: grants }) =>
                    [...new Set([by, ...grants.map((grant) => grant.by)])].join(', '),
                },
                { name: 'Reason', wideOnly: true, cell: ({ reason }) => reason },
                { name: 'Ends', cell: ({ expires_at: at }) => <Ago at={at} /> },
                {
                  name: 'Change',
                  hideName: true,
                  figures: true,
                  cell: (row) => (
                    <span className="row">
                      {mayDecide && row.state === 'waiting' && (
                        <Button
                          size="small"
                          busy={granting.isPending}
                          aria-label={`Grant the standing approval of ${row.action} by ${row.agent}`}
                          onClick={() => granting.mutate(row)}
                        >
                          Grant
                        </Button>
                      )}
                      {mayRevoke && (
                        <Button
                          size="small"
                          aria-label={`Revoke the standing approval of ${row.action} by ${row.agent}`}
                          onClick={() => setRevoking(row)}
                        >
                          Revoke
                        </Button>
                      )}
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Answer>
      {revoking !== null && (
        <Confirm
          title={`Revoke the standing approval of ${revoking.action}?`}
          verb="Revoke"
          onClose={() => setRevoking(null)}
          act={async () => {
            await send('DELETE', `/v1/standing-approvals/${encodeURIComponent(revoking.id)}`)
            say('It is revoked.')
            await renew()
          }}
        >
          It starts nothing any more; such actions are held for people again.
        </Confirm>
      )}
    </Section>
  )
}
