const LANGUAGE = 'en-US'

const dollars = new Intl.NumberFormat(LANGUAGE, { style: 'currency', currency: 'USD' })
const cents = new Intl.NumberFormat(LANGUAGE, {
  style: 'currency',
  currency: 'USD',
  maximumSignificantDigits: 2,
})
const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat(LANGUAGE, { notation: 'compact', maximumFractionDigits: 1 })

/** `$1,204.50`; below ten cents two digits that count: `$0.0042`. */
export function money(usd: number): string {
  if (usd !== 0 && Math.abs(usd) < 0.1) return Math.abs(usd) < 1e-6 ? '< $0.000001' : cents.format(usd)
  return dollars.format(usd)
}

/** `9,999`, from there on `12.3K`. */
export function count(value: number): string {
  return Math.abs(value) < 10_000 ? whole.format(value) : compact.format(value)
}

/** `97%`, near the ends `99.8%`: never rounded to all or nothing. */
export function percent(share: number): string {
  const of = share * 100
  if (of === 0 || of === 100) return `${of}%`
  if (of > 99 && of < 100) return `${(Math.floor(of * 10) / 10).toFixed(1)}%`
  if (of > 0 && of < 1) return `${(Math.ceil(of * 10) / 10).toFixed(1)}%`
  return `${Math.round(of)}%`
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const

/** `840 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d`: at most two units. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  const index = UNITS.findIndex(([size]) => ms >= size)
  const [size, unit] = UNITS[index] ?? UNITS[3]
  const next = UNITS[index + 1]
  const rest = next === undefined ? 0 : Math.floor((ms % size) / next[0])
  return `${Math.floor(ms / size)} ${unit}${next === undefined || rest === 0 ? '' : ` ${rest} ${next[1]}`}`
}

/** `just now`, `12 s ago`, `in 3 min`. */
export function ago(at: number, now: number): string {
  const distance = Math.abs(now - at)
  if (distance < 5_000) return at > now ? 'in a moment' : 'just now'
  const [size, unit] = UNITS.find(([each]) => distance >= each) ?? UNITS[3]
  const text = `${Math.floor(distance / size)} ${unit}`
  return at > now ? `in ${text}` : `${text} ago`
}
