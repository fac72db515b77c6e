import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { agentsQuery } from '../../api/queries.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Field, TextInput } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState, ErrorNote, Note } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago } from '../../parts/values.tsx'
import { Confirm } from './confirm.tsx'
import { keysQuery } from './queries.ts'
import type { AgentKey } from './queries.ts'
import { SecretOnce } from './secret-once.tsx'

/** Keys with which agents speak to Belay: each for one agent. */
export function KeysSection() {
  const client = useQueryClient()
  const keys = useQuery(keysQuery)
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<AgentKey | null>(null)
  const renew = (): Promise<void> => client.invalidateQueries({ queryKey: ['keys'] })
  return (
    <Section
      title="Agent keys"
      actions={
        <Button kind="primary" onClick={() => setMaking(true)}>
          New key
        </Button>
      }
    >
      <Answer query={keys}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title="No agent has a key yet.">
              A key lets one agent ask Belay before it acts. Make one and give it to the agent.
            </EmptyState>
          ) : (
            <Table
              caption="Keys of agents"
              rows={items.toSorted(workingFirst)}
              rowKey={({ id }) => id}
              columns={[
                { name: 'Agent', head: true, cell: ({ agent }) => agent },
                {
                  name: 'State',
                  cell: ({ revoked_at: at }) =>
                    at === null ? <Badge tone="good">works</Badge> : <Badge>revoked</Badge>,
                },
                { name: 'Made', cell: ({ created_at: at }) => <Ago at={at} /> },
                {
                  name: 'Id',
                  wideOnly: true,
                  cell: ({ id }) => <code className="soft">{id}</code>,
                },
                {
                  name: 'Revoke',
                  hideName: true,
                  figures: true,
                  cell: (key) =>
                    key.revoked_at === null ? (
                      <Button
                        size="small"
                        aria-label={`Revoke the key of ${key.agent}`}
                        onClick={() => setRevoking(key)}
                      >
                        Revoke
                      </Button>
                    ) : (
                      <span className="soft small">
                        <Ago at={key.revoked_at} />
                      </span>
                    ),
                },
              ]}
            />
          )
        }
      </Answer>
      <NewKey open={making} onClose={() => setMaking(false)} onMade={renew} />
      {revoking !== null && (
        <Confirm
          title={`Revoke the key of ${revoking.agent}?`}
          verb="Revoke"
          onClose={() => setRevoking(null)}
          act={async () => {
            await send('DELETE', `/v1/keys/${encodeURIComponent(revoking.id)}`)
            say(`The key of ${revoking.agent} is revoked.`)
            await renew()
          }}
        >
          Whoever uses it is refused from now on, at once and for good. Other keys of {revoking.agent} go on
          working.
        </Confirm>
      )}
    </Section>
  )
}

const workingFirst = (a: AgentKey, b: AgentKey): number =>
  Number(a.revoked_at !== null) - Number(b.revoked_at !== null) || b.created_at.localeCompare(a.created_at)

function NewKey({
  open,
  onClose,
  onMade,
}: {
  readonly open: boolean
  readonly onClose: () => void
  readonly onMade: () => Promise<void>
}) {
  return (
    <Dialog open={open} onClose={onClose} title="New key for an agent">
      <NewKeyForm {...{ onClose, onMade }} />
    </Dialog>
  )
}

function NewKeyForm({
  onClose,
  onMade,
}: {
  readonly onClose: () => void
  readonly onMade: () => Promise<void>
}) {
  const { data: agents = [] } = useQuery(agentsQuery)
  const [agent, setAgent] = useState('')
  const [missing, setMissing] = useState(false)
  const making = useMutation({
    mutationFn: () => send<AgentKey>('POST', '/v1/keys', { agent: agent.trim() }),
    onSuccess: onMade,
  })
  if (making.data?.key !== undefined)
    return (
      <div className="stack">
        <Note tone="warn">
          This is the only time that the key is shown. Belay keeps a digest of it alone.
        </Note>
        <SecretOnce secret={making.data.key} label={`Key of ${making.data.agent}`} />
        <p className="soft small">
          The agent sends it as <code>Authorization: Bearer …</code>; at the model gateway it stands in the
          place of the provider’s key.
        </p>
        <DialogButtons>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogButtons>
      </div>
    )
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        setMissing(agent.trim() === '')
        if (agent.trim() !== '' && !making.isPending) making.mutate()
      }}
    >
      <Field
        label="Agent"
        help="As the policy names it. The key speaks for this agent and no other."
        error={missing ? 'Say which agent it is for.' : undefined}
      >
        <TextInput
          value={agent}
          list="settings-agents"
          maxLength={200}
          autoComplete="off"
          onChange={(event) => setAgent(event.target.value)}
        />
      </Field>
      <datalist id="settings-agents">
        {agents.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </datalist>
      {making.error !== null && <ErrorNote>{sentenceOf(making.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={making.isPending}>
          Make the key
        </Button>
      </DialogButtons>
    </form>
  )
}
