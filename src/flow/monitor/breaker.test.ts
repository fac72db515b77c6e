import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BreakerRule } from '../../policy/policy.ts'
import { Breaker } from './breaker.ts'

const rule: BreakerRule = {
  errorRate: 0.05,
  over: 100,
  spend: null,
  then: 'pause',
  cooldown: null,
  probes: 1,
}

describe('the circuit breaker', () => {
  it('trips exactly when more than 5 of the last 100 failed, however they fell', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (outcomes) => {
        const breaker = new Breaker()
        const last: boolean[] = []
        for (const failed of outcomes) {
          last.push(failed)
          const failures = last.slice(-100).filter(Boolean).length
          const trip = breaker.finished(rule, failed)
          expect(trip !== undefined).toBe(failures > 5)
          if (trip !== undefined) return
        }
      }),
    )
  })

  it('goes half-open after its cool-down, lets the probes through and closes when they succeed', () => {
    const cooling = { ...rule, cooldown: 1000, probes: 2 }
    const breaker = new Breaker()
    breaker.open(0, 'too many failures')
    expect(breaker.admit(cooling, 999)).toMatchObject({ admitted: false, code: 'breaker:open' })
    expect(breaker.admit(cooling, 1000)).toEqual({ admitted: true, probe: true })
    expect(breaker.admit(cooling, 1000)).toEqual({ admitted: true, probe: true })
    expect(breaker.admit(cooling, 1000)).toMatchObject({ admitted: false, code: 'breaker:half_open' })
    expect(breaker.finished(cooling, false)).toBeUndefined()
    expect(breaker.finished(cooling, false)).toBe('closed')
    expect(breaker.admit(cooling, 1001)).toEqual({ admitted: true, probe: false })
  })

  it('opens again when a probe fails, and does not wait for ever for one that never ended', () => {
    const cooling = { ...rule, cooldown: 1000 }
    const breaker = new Breaker()
    breaker.open(0, 'x')
    breaker.admit(cooling, 1000)
    expect(breaker.finished(cooling, true)).toMatchObject({ code: 'breaker:error_rate' })
    breaker.open(1000, 'x')
    breaker.admit(cooling, 2000)
    expect(breaker.admit(cooling, 2500).admitted).toBe(false)
    expect(breaker.admit(cooling, 3000)).toEqual({ admitted: true, probe: true })
  })

  it('stays open without a cool-down until a person closes it', () => {
    const breaker = new Breaker()
    breaker.open(0, 'x')
    expect(breaker.admit(rule, 1e12).admitted).toBe(false)
    breaker.close()
    expect(breaker.admit(rule, 1e12).admitted).toBe(true)
  })

  it('never lets more be spent within the span than the rule allows', () => {
    const spending = { ...rule, spend: { limit: 100, within: 1000 } }
    fc.assert(
      fc.property(fc.array(fc.record({ wait: fc.nat(400), cost: fc.nat(60) })), (steps) => {
        const breaker = new Breaker()
        const passed: { at: number; cost: number }[] = []
        let now = 0
        for (const { wait, cost } of steps) {
          now += wait
          const trip = breaker.wouldOverspend(spending, cost, now)
          const inSpan = passed.filter(({ at }) => at > now - 1000).reduce((sum, one) => sum + one.cost, 0)
          expect(trip !== undefined).toBe(inSpan + cost > 100)
          if (trip !== undefined) continue
          breaker.spend(spending, cost, now)
          passed.push({ at: now, cost })
        }
      }),
    )
  })
})
