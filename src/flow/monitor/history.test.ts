import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { History } from './history.ts'

const entry = (id: number, at: number, amount: number) => ({
  id: String(id),
  agent: 'a',
  name: 'pay',
  at,
  measures: { 'input.amount': amount },
})

describe('history', () => {
  it('counts and sums what lies in the window, without what was removed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ wait: fc.nat(50), amount: fc.nat(1000), removed: fc.boolean() }), {
          maxLength: 200,
        }),
        fc.integer({ min: 1, max: 2000 }),
        (steps, window) => {
          const history = new History(2000)
          let now = 0
          const kept: { at: number; amount: number }[] = []
          for (const [i, { wait, amount, removed }] of steps.entries()) {
            now += wait
            history.add(entry(i, now, amount))
            if (removed) history.remove(entry(i, now, amount))
            else kept.push({ at: now, amount })
          }
          const inWindow = kept.filter(({ at }) => at > now - window)
          const view = history.view('a', now)
          expect(view.count('agent', 'pay', window)).toBe(inWindow.length)
          expect(view.count('all', 'p*', window)).toBe(inWindow.length)
          expect(view.sum('agent', 'pay', 'input.amount', window)).toBe(
            inWindow.reduce((sum, one) => sum + one.amount, 0),
          )
          expect(history.view('b', now).count('agent', 'pay', window)).toBe(0)
        },
      ),
    )
  })

  it('stays bounded in long series and counts too much rather than too little', () => {
    const history = new History(100_001)
    for (let i = 0; i < 100_000; i++) history.add(entry(i, i, 1))
    const view = history.view('a', 100_000)
    expect(view.count('agent', 'pay', 100_001)).toBe(100_000)
    expect(view.sum('agent', 'pay', 'input.amount', 100_001)).toBe(100_000)
    const half = view.count('agent', 'pay', 50_000)
    expect(half).toBeGreaterThanOrEqual(49_999)
    expect(half).toBeLessThan(50_100)
  })

  it('takes an action back that stepped aside', () => {
    const history = new History(1000)
    history.add(entry(1, 10, 5))
    history.add(entry(2, 20, 7))
    history.remove(entry(1, 10, 5))
    history.restore(entry(1, 10, 5))
    expect(history.view('a', 30).sum('agent', 'pay', 'input.amount', 1000)).toBe(12)
  })
})
