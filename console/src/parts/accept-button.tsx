import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../api/call.ts'
import { meQuery } from '../api/queries.ts'
import { queryClient } from '../api/query-client.ts'
import { Button } from './button.tsx'
import { ReasonDialog } from './reason-dialog.tsx'
import { say } from './toast.tsx'

/** Says that what an agent does unlike itself now is normal. Nothing for those who may not. */
export function AcceptButton({ agent }: { readonly agent: string }) {
  const { data: me } = useQuery(meQuery)
  const [open, setOpen] = useState(false)
  if (me?.permissions.includes('operate') !== true) return null
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        Mark as normal<span className="unseen"> for {agent}</span>
      </Button>
      <ReasonDialog
        open={open}
        title={`What ${agent} does now is normal`}
        intro="What raises alarms about its behaviour now is learned as normal, and if that paused or stopped it, it may act again."
        verb="Mark as normal"
        onClose={() => setOpen(false)}
        act={async (reason) => {
          await send('POST', `/v1/agents/${encodeURIComponent(agent)}/baseline/accept`, { reason })
          await Promise.all(
            ['agents', 'baselines', 'alarms'].map((subject) =>
              queryClient.invalidateQueries({ queryKey: [subject] }),
            ),
          )
          say(`What ${agent} does now is normal from here on.`)
        }}
      />
    </>
  )
}
