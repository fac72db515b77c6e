import { classes } from './class-names.ts'
import './meter.css'

/** How much of a limit is gone: spent, and reserved on top of it. From 80 % on it warns, full it is red. */
export function Meter({
  label,
  text,
  spent,
  reserved = 0,
  limit,
}: {
  readonly label: string
  /** The figures in words, for screen readers: `$4.20 of $10.00`. */
  readonly text: string
  readonly spent: number
  readonly reserved?: number
  readonly limit: number
}) {
  const share = (amount: number): number => (limit <= 0 ? 1 : Math.min(1, Math.max(0, amount / limit)))
  const used = share(spent + reserved)
  return (
    <div
      className={classes('meter', used >= 1 ? 'meter-full' : used >= 0.8 && 'meter-near')}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(used * 100)}
      aria-valuetext={text}
    >
      <span className="meter-spent" style={{ width: `${share(spent) * 100}%` }} />
      <span className="meter-reserved" style={{ width: `${(used - share(spent)) * 100}%` }} />
    </div>
  )
}

/**
 * What a limit's window is expected to come to, under the bar of what is gone: the band in which nine of ten ends lie,
 * and a tick at what is expected. What lies past the limit is drawn at its end. `text` says it in words.
 */
export function ForecastBand({
  text,
  usd,
  low,
  high,
  limit,
}: {
  readonly text: string
  readonly usd: number
  readonly low: number
  readonly high: number
  readonly limit: number
}) {
  const at = (amount: number): number => (limit <= 0 ? 100 : Math.min(1, Math.max(0, amount / limit)) * 100)
  return (
    <div
      role="img"
      aria-label={text}
      className={classes('meter-forecast', high > limit && 'meter-near', usd > limit && 'meter-full')}
    >
      <span
        className="meter-band"
        style={{ left: `${at(low)}%`, width: `${Math.max(1, at(high) - at(low))}%` }}
      />
      <span className="meter-tick" style={{ left: `${at(usd)}%` }} />
    </div>
  )
}
