import { useQuery } from '@tanstack/react-query'
import { useLiveState } from '../api/live.ts'
import { agentsQuery } from '../api/queries.ts'
import { ButtonLink } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'

const TEXT = { connecting: 'Connecting …', live: 'Live', lost: 'Connection lost' } as const

/** Whether what is on the screen is what is. */
export function ConnectionState() {
  const state = useLiveState()
  return (
    <span className="shell-state" data-state={state} role="status">
      <span className="shell-state-text">{TEXT[state]}</span>
    </span>
  )
}

/** On every page: agents that do not run because somebody, or something, stopped them. */
export function AgentsState() {
  const { data: agents = [] } = useQuery(agentsQuery)
  const still = agents.filter(({ state }) => state !== 'active').length
  if (still === 0) return null
  return (
    <ButtonLink to="/" size="small" className="shell-still">
      <Icon name="pause" />
      {still} {still === 1 ? 'agent' : 'agents'} held back
    </ButtonLink>
  )
}
