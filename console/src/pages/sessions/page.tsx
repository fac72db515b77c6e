import { useParams, useSearch } from '@tanstack/react-router'
import { SessionDetail } from './detail.tsx'
import { SessionList } from './list.tsx'
import './sessions.css'

export function SessionsPage() {
  const { id } = useParams({ strict: false })
  const { agent = '' } = useSearch({ strict: false }) as { agent?: string }
  return id === undefined ? <SessionList /> : <SessionDetail key={`${agent} ${id}`} id={id} agent={agent} />
}
