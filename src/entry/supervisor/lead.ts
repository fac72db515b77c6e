import type { Store } from '../../storage/store.ts'

/** How often the replicas are looked at, ms. */
const LOOK_EVERY = 1_000
/** For so long nobody older may have been seen: longer than it takes to fence a replica whose lease ran out. */
const QUIET_BEFORE_LEADING = 3_000
/**
 * Without a heartbeat that was heard for this long, the lead is given up: half of a replica's lease, so that whoever
 * takes over finds nothing running.
 */
const SILENCE_BEFORE_YIELDING = 15_000

/** Which process runs the agents. */
export interface Lead {
  /** Whether it is this one. */
  held(): boolean
  close(): Promise<void>
}

/** On SQLite one process has the data folder. */
export const SOLE_LEAD: Lead = { held: () => true, close: () => Promise.resolve() }

/**
 * Of the replicas of a database the oldest living one runs the agents: whoever joins is younger, so the lead moves only
 * when its holder dies. Its lease in the store is the fence: a replica that cannot renew it gives the lead up before
 * others may take it over, and one that was declared dead never has it again.
 */
export function openLead(
  store: Pick<Store, 'chains' | 'records' | 'replica' | 'heartbeat'>,
  events: { readonly changed: () => void; readonly fault: (error: unknown) => void },
  times = { look: LOOK_EVERY, quiet: QUIET_BEFORE_LEADING, silence: SILENCE_BEFORE_YIELDING },
): Lead {
  const born = new Map<string, number>()
  let held = false
  let heardAt = performance.now()
  let oldestSince: number | null = null
  let closed = false

  const set = (next: boolean): void => {
    if (held === next) return
    held = next
    events.changed()
  }

  async function look(): Promise<void> {
    const asked = performance.now()
    await store.heartbeat()
    const chains = await store.chains()
    heardAt = asked
    const own = await bornAt(store.replica)
    let oldest = own !== null
    for (const { chain, live } of chains) {
      if (!live || chain === store.replica || own === null) continue
      const other = await bornAt(chain)
      // Who has recorded nothing yet cannot run anything.
      if (other !== null && (other < own || (other === own && chain < store.replica))) oldest = false
    }
    if (!oldest) oldestSince = null
    else oldestSince ??= asked
    set(oldestSince !== null && asked - oldestSince >= times.quiet)
  }

  async function bornAt(chain: string): Promise<number | null> {
    const known = born.get(chain)
    if (known !== undefined) return known
    const [first] = await store.records(chain, 0, 1)
    if (first === undefined) return null
    if (born.size > 10_000) born.clear()
    born.set(chain, first.at)
    return first.at
  }

  const closing = Promise.withResolvers<void>()
  const timer = setInterval(() => {
    if (performance.now() - heardAt > times.silence) {
      oldestSince = null
      set(false)
    }
  }, times.look).unref()
  const again = async (): Promise<void> => {
    while (!closed) {
      await look().catch((error: unknown) => {
        if ((error as { code?: unknown }).code === 'store:fenced') {
          oldestSince = null
          set(false)
        }
        events.fault(error)
      })
      let pause: NodeJS.Timeout | undefined
      const paused = new Promise<void>((resolve) => (pause = setTimeout(resolve, times.look)))
      await Promise.race([paused, closing.promise])
      clearTimeout(pause)
    }
  }
  const looking = again()
  return {
    held: () => held,
    async close() {
      closed = true
      clearInterval(timer)
      closing.resolve()
      await looking
    },
  }
}
