import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProviderHealth } from './provider-health.ts'
import type { HealthTicket } from './provider-health.ts'

const ORIGIN = 'https://api.example.com'

function health(random = 0) {
  const clock = { now: 0 }
  const made = new ProviderHealth({
    failures: 3,
    coolDown: 1_000,
    longest: 10_000,
    jitter: 0.5,
    now: () => clock.now,
    random: () => random,
  })
  const admit = (): HealthTicket => {
    const ticket = made.admit(ORIGIN)
    if (typeof ticket === 'number') throw new Error(`left alone for ${ticket} ms`)
    return ticket
  }
  const open = (): void => {
    for (let count = 0; count < 3; count++) admit().failed()
  }
  return { made, clock, admit, open }
}

describe('ProviderHealth', () => {
  test('opens after failures in a row, and only in a row', () => {
    const { made, admit } = health()
    for (const each of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const) admit()[each]()
    expect(made.state(ORIGIN)).toBe('closed')
    admit().failed()
    expect(made.state(ORIGIN)).toBe('open')
    expect(made.admit(ORIGIN)).toBe(1_000)
    expect(made.admit('https://other.example.com')).toBeTypeOf('object')
  })

  test('one probe decides; it closes on success', () => {
    const { made, clock, admit, open } = health()
    open()
    clock.now = 1_000
    const probe = admit()
    expect(probe.probe).toBe(true)
    expect(made.admit(ORIGIN)).toBeTypeOf('number')
    probe.succeeded()
    expect(made.state(ORIGIN)).toBe('closed')
    expect(admit().probe).toBe(false)
  })

  test('each failed probe doubles the cool-down, up to the longest, with jitter on top', () => {
    const { made, clock, admit, open } = health(0.5)
    open()
    const waits: number[] = []
    for (let count = 0; count < 6; count++) {
      const wait = made.admit(ORIGIN) as number
      waits.push(wait)
      clock.now += wait
      admit().failed()
    }
    expect(waits).toEqual([1_250, 2_500, 5_000, 10_000, 12_500, 12_500])
  })

  test('waits as long as the provider asked, up to the longest', () => {
    const { made, admit } = health()
    admit().failed()
    admit().failed()
    admit().failed(4_000)
    expect(made.admit(ORIGIN)).toBe(4_000)
    const greedy = health()
    greedy.admit().failed()
    greedy.admit().failed()
    greedy.admit().failed(9_999_999)
    expect(greedy.made.admit(ORIGIN)).toBe(10_000)
  })

  test('what began before it opened says nothing about it now', () => {
    const { made, clock, admit, open } = health()
    const early = admit()
    const other = admit()
    open()
    early.succeeded()
    expect(made.state(ORIGIN)).toBe('open')
    clock.now = 1_000
    const probe = admit()
    other.failed()
    expect(made.state(ORIGIN)).toBe('half_open')
    probe.succeeded()
    probe.failed()
    expect(made.state(ORIGIN)).toBe('closed')
  })

  test('a probe that was dropped makes the next call the probe; a lost one does so in time', () => {
    const { made, clock, admit, open } = health()
    open()
    clock.now = 1_000
    admit().dropped()
    const lost = admit()
    expect(lost.probe).toBe(true)
    expect(made.admit(ORIGIN)).toBe(10_000)
    clock.now += 10_000
    const probe = admit()
    lost.failed()
    probe.succeeded()
    expect(made.state(ORIGIN)).toBe('closed')
  })

  test('in any history: never more than one probe, never a call while open, always a way back', () => {
    const step = fc.record({
      what: fc.constantFrom('admit', 'succeeded', 'failed', 'dropped'),
      which: fc.nat(5),
      later: fc.nat(3_000),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { made, clock } = health(0.3)
        const tickets: HealthTicket[] = []
        let probing: { ticket: HealthTicket; since: number } | null = null
        for (const { what, which, later } of steps) {
          clock.now += later
          if (what === 'admit') {
            const before = made.state(ORIGIN)
            const got = made.admit(ORIGIN)
            if (typeof got === 'number') {
              expect(got).toBeGreaterThan(0)
              expect(got).toBeLessThanOrEqual(15_000)
              expect(before).not.toBe('closed')
              continue
            }
            expect(got.probe).toBe(before !== 'closed')
            if (got.probe) {
              if (probing !== null) expect(clock.now - probing.since).toBeGreaterThanOrEqual(10_000)
              probing = { ticket: got, since: clock.now }
            }
            tickets.push(got)
          } else if (tickets.length > 0) {
            const [ticket] = tickets.splice(which % tickets.length, 1)
            ticket![what]()
            if (probing?.ticket === ticket) probing = null
          }
        }
        clock.now += 100_000
        const ticket = made.admit(ORIGIN)
        expect(ticket).toBeTypeOf('object')
        ;(ticket as HealthTicket).succeeded()
        expect(made.state(ORIGIN)).toBe('closed')
      }),
    )
  })
})
