import { classes } from '../../parts/class-names.ts'
import { useTimeLeft } from './server-clock.ts'

/** How long one can still decide. */
export function Countdown({ until, label = false }: { readonly until: number; readonly label?: boolean }) {
  const { text, spoken, urgent, expired } = useTimeLeft(until)
  if (!Number.isFinite(until)) return null
  return (
    <time
      dateTime={new Date(until).toISOString()}
      title={new Date(until).toLocaleString()}
      className={classes('countdown figures', urgent && 'countdown-urgent')}
      role="timer"
      aria-live="off"
    >
      <span aria-hidden="true">
        {label && !expired && 'expires in '}
        {text}
      </span>
      <span className="unseen">{expired ? 'expired' : `expires in ${spoken}`}</span>
    </time>
  )
}
