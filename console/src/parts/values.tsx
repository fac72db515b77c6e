import { useNow } from './clock.ts'
import { ago, count, duration, money, percent } from './format.ts'

/** US dollars; small amounts keep the digits that tell them apart. */
export function Money({ usd }: { readonly usd: number }) {
  return <span className="figures">{money(usd)}</span>
}

export function Count({ value }: { readonly value: number }) {
  return <span className="figures">{count(value)}</span>
}

/** `share` is between 0 and 1; null is shown as a dash. */
export function Percent({ share }: { readonly share: number | null }) {
  return <span className="figures">{share === null ? <Nothing /> : percent(share)}</span>
}

export function Millis({ ms }: { readonly ms: number | null }) {
  return <span className="figures">{ms === null ? <Nothing /> : duration(ms)}</span>
}

/** What is not known. */
export function Nothing() {
  return (
    <span className="soft">
      <span aria-hidden="true">–</span>
      <span className="unseen">nothing</span>
    </span>
  )
}

/** How long ago, or in how long; the exact time is in the tooltip. `at` is ISO 8601 or ms. */
export function Ago({ at }: { readonly at: string | number }) {
  const time = new Date(at)
  const coarse = useNow(30_000)
  const fine = useNow(Math.abs(coarse - time.getTime()) < 120_000 ? 1_000 : 30_000)
  return (
    <time dateTime={time.toISOString()} title={time.toLocaleString()} className="figures">
      {ago(time.getTime(), fine)}
    </time>
  )
}

/** The date and time of day, in the reader's own zone. */
export function At({ at }: { readonly at: string | number }) {
  const time = new Date(at)
  return (
    <time dateTime={time.toISOString()} title={time.toISOString()} className="figures">
      {time.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })}
    </time>
  )
}
