import { post } from './post.ts'
import { sentryEvent } from './sentry-event.ts'
import { Later, TooLarge, type Sink } from './sink.ts'

const MAX_EVENT = 1_000_000

/** What a DSN says: `https://KEY@HOST/PATH/PROJECT`. */
export interface Dsn {
  readonly key: string
  /** Where envelopes go. */
  readonly url: string
}

/** `undefined` for what is no DSN. */
export function readDsn(dsn: string): Dsn | undefined {
  const url = URL.parse(dsn)
  if (url === null || !/^https?:$/.test(url.protocol) || !/^[A-Za-z0-9]{1,64}$/.test(url.username))
    return undefined
  const slash = url.pathname.lastIndexOf('/')
  const project = url.pathname.slice(slash + 1)
  if (!/^[0-9]{1,20}$/.test(project)) return undefined
  const path = url.pathname.slice(0, slash)
  return { key: url.username, url: `${url.protocol}//${url.host}${path}/api/${project}/envelope/` }
}

/** Failures as events, each in an envelope of its own: an envelope holds one event at most. */
export function sentrySink(options: {
  readonly dsn: Dsn
  readonly environment: string | null
  readonly version: string
  readonly origin: string
}): Sink {
  const { dsn, version } = options
  const client = `belay/${version}`
  /** Epoch ms until which Sentry wants no errors: it says so with good answers too. */
  let quiet = 0
  return {
    batch: 1,
    wantsDecision: true,
    async send(records, signal) {
      for (const record of records) {
        const event = sentryEvent(record, options)
        if (event === null) continue
        const left = quiet - Date.now()
        if (left > 0) throw new Later('it wants no events for now', { after: left })
        const payload = Buffer.from(JSON.stringify(event))
        if (payload.length > MAX_EVENT) throw new TooLarge('more than an event may be')
        const head = JSON.stringify({ event_id: event['event_id'], sent_at: new Date().toISOString() })
        const item = JSON.stringify({
          type: 'event',
          length: payload.length,
          content_type: 'application/json',
        })
        const { headers } = await post(
          dsn.url,
          {
            'content-type': 'application/x-sentry-envelope',
            'x-sentry-auth': `Sentry sentry_version=7, sentry_client=${client}, sentry_key=${dsn.key}`,
            'user-agent': client,
          },
          Buffer.concat([Buffer.from(`${head}\n${item}\n`), payload, Buffer.from('\n')]),
          signal,
        )
        quiet = Date.now() + rateLimit(headers.get('x-sentry-rate-limits'))
      }
    },
    close: () => Promise.resolve(),
  }
}

/** ms for which no errors are wanted: `SECONDS:CATEGORIES:…`, several with commas; no category means all. */
export function rateLimit(header: string | null): number {
  let longest = 0
  for (const limit of (header ?? '').split(',').slice(0, 20)) {
    const [seconds = '', categories = ''] = limit.trim().split(':')
    if (!/^[0-9]{1,9}(?:\.[0-9]{1,6})?$/.test(seconds)) continue
    if (categories === '' || categories.split(';').some((each) => each === 'error' || each === 'default'))
      longest = Math.max(longest, Number(seconds) * 1_000)
  }
  return longest
}
