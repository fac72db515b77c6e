import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RideAlong } from './ride-along.ts'

describe('commits that nobody waits for', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('leave with the next one that somebody waits for, in the order of their coming', async () => {
    const ride = new RideAlong()
    const order: string[] = []
    const first = ride.turn().then(() => order.push('first'))
    const second = ride.turn().then(() => order.push('second'))
    await Promise.resolve()
    expect(order).toEqual([])
    ride.leave()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
  })

  test('leave by themselves a few milliseconds later where there is none, again and again', async () => {
    const ride = new RideAlong()
    for (let round = 0; round < 3; round++) {
      let left = false
      const turn = ride.turn().then(() => (left = true))
      await vi.advanceTimersByTimeAsync(4)
      expect(left).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      await turn
      expect(left).toBe(true)
    }
  })

  test('who comes after the others have left waits for the next', async () => {
    const ride = new RideAlong()
    const first = ride.turn()
    ride.leave()
    await first
    let left = false
    const second = ride.turn().then(() => (left = true))
    await Promise.resolve()
    expect(left).toBe(false)
    ride.leave()
    await second
  })

  test('nobody waits once it is closed', async () => {
    const ride = new RideAlong()
    const waiting = ride.turn()
    ride.close()
    await waiting
    await ride.turn()
    expect(vi.getTimerCount()).toBe(0)
  })
})
