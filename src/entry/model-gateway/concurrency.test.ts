import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Concurrency } from './concurrency.ts'
import type { Place, Slot } from './concurrency.ts'

const RULE = { limit: 2, queue: 2, wait: 1_000 }
const isSlot = (got: Slot | Place | 'full'): got is Slot => got !== 'full' && 'release' in got
const isPlace = (got: Slot | Place | 'full'): got is Place => got !== 'full' && 'turn' in got

describe('Concurrency', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const slot = (by: Concurrency, agent = 'a', rule = RULE): Slot => {
    const got = by.take(agent, rule)
    if (!isSlot(got)) throw new Error('no slot')
    return got
  }
  const place = (by: Concurrency, agent = 'a', rule = RULE): Place => {
    const got = by.take(agent, rule)
    if (!isPlace(got)) throw new Error('no place')
    return got
  }

  test('gives slots at once up to the limit, then places in order, then nothing', async () => {
    const by = new Concurrency()
    const running = [slot(by), slot(by)]
    const [first, second] = [place(by), place(by)]
    expect(by.take('a', RULE)).toBe('full')
    expect(by.counts()).toEqual({ running: 2, waiting: 2 })
    running[0]!.release()
    running[0]!.release()
    const got = await first.turn
    expect(got).toHaveProperty('release')
    expect(by.counts()).toEqual({ running: 2, waiting: 1 })
    running[1]!.release()
    ;((await second.turn) as Slot).release()
    ;(got as Slot).release()
    expect(by.counts()).toEqual({ running: 0, waiting: 0 })
  })

  test('one agent’s queue is none of another’s', () => {
    const by = new Concurrency()
    slot(by)
    slot(by)
    place(by)
    slot(by, 'b')
    expect(by.counts()).toEqual({ running: 3, waiting: 1 })
  })

  test('a wait ends by time or by leaving, and the next one moves up', async () => {
    const by = new Concurrency()
    const held = slot(by, 'a', { ...RULE, limit: 1 })
    const short = place(by, 'a', { limit: 1, queue: 9, wait: 100 })
    const left = place(by, 'a', { limit: 1, queue: 9, wait: 1_000 })
    const last = place(by, 'a', { limit: 1, queue: 9, wait: 1_000 })
    vi.advanceTimersByTime(100)
    expect(await short.turn).toBe('timeout')
    left.leave()
    expect(await left.turn).toBe('left')
    held.release()
    expect(await last.turn).toHaveProperty('release')
    vi.advanceTimersByTime(5_000)
    last.leave()
    expect(by.counts()).toEqual({ running: 1, waiting: 0 })
  })

  test('a higher limit lets those in who wait, ahead of who brings it', async () => {
    const by = new Concurrency()
    slot(by, 'a', { limit: 1, queue: 9, wait: 1_000 })
    const waiting = place(by, 'a', { limit: 1, queue: 9, wait: 1_000 })
    expect(isPlace(by.take('a', { limit: 2, queue: 9, wait: 1_000 }))).toBe(true)
    expect(await waiting.turn).toHaveProperty('release')
  })

  test('a limit of none lets nobody in', () => {
    expect(new Concurrency().take('a', { limit: 0, queue: 0, wait: 0 })).toBe('full')
  })

  test('in any history: never more than the limit, first come first served, no slot is lost', async () => {
    const step = fc.record({ what: fc.constantFrom('take', 'release', 'leave', 'time'), which: fc.nat(20) })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 60 }),
        async (limit, steps) => {
          const rule = { limit, queue: 3, wait: 500 }
          const by = new Concurrency()
          const slots: Slot[] = []
          const places: Place[] = []
          const admitted: number[] = []
          let number = 0
          for (const { what, which } of steps) {
            if (what === 'take') {
              const got = by.take('a', rule)
              if (isSlot(got)) {
                expect(places).toHaveLength(0)
                slots.push(got)
              } else if (isPlace(got)) {
                expect(slots).toHaveLength(limit)
                const mine = number++
                places.push(got)
                void got.turn.then((turn) => {
                  places.splice(places.indexOf(got), 1)
                  if (typeof turn === 'string') return
                  admitted.push(mine)
                  slots.push(turn)
                })
              } else expect(places).toHaveLength(3)
            } else if (what === 'release') slots.splice(which % (slots.length || 1), 1)[0]?.release()
            else if (what === 'leave') places[which % (places.length || 1)]?.leave()
            else vi.advanceTimersByTime(which * 20)
            await Promise.resolve().then(() => undefined)
            expect(slots.length).toBeLessThanOrEqual(limit)
            expect(by.counts()).toEqual({ running: slots.length, waiting: places.length })
          }
          expect(admitted).toEqual(admitted.toSorted((a, b) => a - b))
          for (const each of places.slice()) each.leave()
          for (const each of slots) each.release()
          expect(by.counts()).toEqual({ running: 0, waiting: 0 })
        },
      ),
    )
  })
})
