import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import { goToLogin } from './call.ts'
import { EventStreamReader } from './event-stream.ts'
import { problemFrom } from './problem.ts'
import { refreshFor, refreshEverything } from './refresh.ts'
import type { LedgerRecord } from './answers.ts'

/** `lost`: what is on the screen may be old. */
export type LiveState = 'connecting' | 'live' | 'lost'

/** The server sends something every 15 seconds. */
const SILENCE_MS = 40_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000

type Told =
  | { readonly type: 'state'; readonly state: LiveState }
  | { readonly type: 'event'; readonly id: string; readonly record: LedgerRecord | undefined }
  | { readonly type: 'everything' }
  | { readonly type: 'hello' }

let state: LiveState = 'connecting'
let lastId = ''
let begun = false
const stateListeners = new Set<() => void>()
const recordListeners = new Set<(record: LedgerRecord) => void>()

// Browsers keep six connections to a host: with a stream in every tab the seventh tab would show nothing. One tab
// reads and tells the others; when it goes, another takes over where it was. Without locks (plain http from another
// machine) every tab reads by itself.
const others = 'locks' in navigator ? new BroadcastChannel('belay-events') : null
let reading = false

/** Follows the ledger for as long as the page is open. */
export function beginLive(): void {
  if (begun) return
  begun = true
  if (others === null) {
    void follow()
    return
  }
  others.addEventListener('message', ({ data }: MessageEvent<Told>) => {
    if (data.type !== 'hello') take(data)
    else if (reading) others.postMessage({ type: 'state', state } satisfies Told)
  })
  others.postMessage({ type: 'hello' } satisfies Told)
  void navigator.locks.request('belay-events', follow)
}

/** How the stream is doing now. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener)
      return () => stateListeners.delete(listener)
    },
    () => state,
  )
}

/** Calls `take` for each record while the component is there. What was asked by queries is renewed without it. */
export function useRecords(take: (record: LedgerRecord) => void): void {
  const latest = useEffectEvent(take)
  useEffect(() => {
    const listener = (record: LedgerRecord): void => latest(record)
    recordListeners.add(listener)
    return () => void recordListeners.delete(listener)
  }, [])
}

function take(told: Exclude<Told, { type: 'hello' }>): void {
  if (told.type === 'state') {
    if (state === told.state) return
    state = told.state
    for (const listener of stateListeners) listener()
  } else if (told.type === 'everything') {
    refreshEverything()
  } else {
    lastId = told.id
    if (told.record === undefined) return
    refreshFor(told.record)
    for (const listener of recordListeners) listener(told.record)
  }
}

function tell(told: Exclude<Told, { type: 'hello' }>): void {
  take(told)
  others?.postMessage(told)
}

async function follow(): Promise<never> {
  reading = true
  let wait = FIRST_RETRY_MS
  for (;;) {
    const openedAt = Date.now()
    await readOnce().catch(() => undefined)
    if (Date.now() - openedAt > LONGEST_RETRY_MS) wait = FIRST_RETRY_MS
    tell({ type: 'state', state: 'lost' })
    await new Promise((resolve) => setTimeout(resolve, wait))
    wait = Math.min(wait * 2, LONGEST_RETRY_MS)
  }
}

/** Returns when the stream has ended, throws when it broke. */
async function readOnce(): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  try {
    const response = await fetch('/v1/events', {
      headers: lastId === '' ? {} : { 'last-event-id': lastId },
      signal: silence.signal,
      cache: 'no-store',
    })
    if (!response.ok || response.body === null) {
      const { code } = await problemFrom(response)
      if (code === 'auth:required') goToLogin()
      // The position may be one that the server no longer knows: begin anew, and ask everything again.
      if (response.status === 400) lastId = ''
      return
    }
    if (lastId === '') tell({ type: 'everything' })
    tell({ type: 'state', state: 'live' })
    const reader = new EventStreamReader()
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await text.read()
      if (done) return
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS)
      for (const event of reader.read(value)) tell({ type: 'event', ...event })
    }
  } finally {
    clearTimeout(timer)
  }
}
