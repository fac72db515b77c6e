import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../api/call.ts'
import { meQuery } from '../api/queries.ts'
import { queryClient } from '../api/query-client.ts'
import type { Agent } from '../api/answers.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'
import { ReasonDialog } from './reason-dialog.tsx'
import { say } from './toast.tsx'

const CHANGES = {
  active: {
    verb: 'Resume',
    icon: 'play',
    intro: 'It may act again, within the policy and its budgets.',
  },
  paused: {
    verb: 'Pause',
    icon: 'pause',
    intro: 'Nothing new is let through, and what it may start it may no longer, until it is resumed.',
  },
  stopped: {
    verb: 'Stop',
    icon: 'stop',
    intro: 'Nothing is let through any more and what waits is cancelled. It can be resumed later.',
  },
} as const

type State = Agent['state']

const FROM: Readonly<Record<State, readonly State[]>> = {
  active: ['paused', 'stopped'],
  paused: ['active', 'stopped'],
  stopped: ['active'],
}

/** Pause, resume, stop: each with a reason. Nothing for those who may not. */
export function AgentButtons({ agent, only }: { readonly agent: Agent; readonly only?: State }) {
  const { data: me } = useQuery(meQuery)
  const [asked, setAsked] = useState<State | null>(null)
  const [open, setOpen] = useState(false)
  if (me?.permissions.includes('operate') !== true) return null
  return (
    <span className="agent-buttons">
      {FROM[agent.state]
        .filter((state) => only === undefined || state === only)
        .map((state) => (
          <Button
            key={state}
            size="small"
            onClick={() => {
              setAsked(state)
              setOpen(true)
            }}
          >
            <Icon name={CHANGES[state].icon} />
            {CHANGES[state].verb}
            <span className="unseen"> {agent.name}</span>
          </Button>
        ))}
      {asked !== null && (
        <ReasonDialog
          open={open}
          title={`${CHANGES[asked].verb} ${agent.name}`}
          intro={CHANGES[asked].intro}
          verb={CHANGES[asked].verb}
          kind={asked === 'stopped' ? 'danger' : 'primary'}
          onClose={() => setOpen(false)}
          act={async (reason) => {
            const changed = await send<Agent>('PATCH', `/v1/agents/${encodeURIComponent(agent.name)}`, {
              state: asked,
              reason,
            })
            queryClient.setQueryData<readonly Agent[]>(['agents'], (agents) =>
              agents?.map((each) => (each.name === changed.name ? changed : each)),
            )
            say(`${agent.name} is ${changed.state}.`)
          }}
        />
      )}
    </span>
  )
}
