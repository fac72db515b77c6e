import type { QuietRule } from '../policy/notify.ts'

/** Whether a time (epoch ms) lies in the quiet hours, by the clock of their zone. `from` counts, `to` does not. */
export function isQuiet({ from, to, zone }: QuietRule, at: number): boolean {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at)
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value ?? 0)
  const minute = part('hour') * 60 + part('minute')
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to
}
