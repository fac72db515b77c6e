import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../src/flow/decide.ts'
import { DECISIONS, parseDecision, strictest } from '../src/action/decision.ts'

describe('decisions', () => {
  it.each([
    ['ask', 'require_approval'],
    ['escalate', 'require_approval'],
    ['requires-approval', 'require_approval'],
    ['hold', 'require_approval'],
    ['block', 'deny'],
    ['refuse', 'deny'],
    ['allow', 'allow'],
    ['Allow', undefined],
    ['constructor', undefined],
    [1, undefined],
  ])('reads %s as %s', (word, decision) => expect(parseDecision(word)).toBe(decision))

  it('takes the strictest, whatever its source and order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...DECISIONS)), (decisions) => {
        const worst = strictest(decisions)
        expect(decisions.every((one) => DECISIONS.indexOf(one) <= DECISIONS.indexOf(worst))).toBe(true)
        expect(worst === 'allow' || decisions.includes(worst)).toBe(true)
        expect(strictest(decisions.toReversed())).toBe(worst)
      }),
    )
  })
})

describe('the kernel', () => {
  const finding = fc.record({
    decision: fc.constantFrom(...DECISIONS),
    reason: fc.record({ code: fc.constantFrom('a:b', 'c:d', 'e:f'), message: fc.string() }),
  })

  it('is deterministic, names the deciding reasons first and loses none', () => {
    fc.assert(
      fc.property(fc.array(finding), (findings) => {
        const verdict = decide(findings, 'enforce')
        expect(decide(findings, 'enforce')).toEqual(verdict)
        expect(verdict.effective).toBe(verdict.decision)
        expect(verdict.reasons).toHaveLength(findings.length)
        const deciding = findings
          .filter(({ decision }) => decision === verdict.decision)
          .map(({ reason }) => reason)
        expect(verdict.reasons.slice(0, deciding.length)).toEqual(deciding)
      }),
    )
  })

  it('decides the same under observe and holds nothing back', () => {
    fc.assert(
      fc.property(fc.array(finding), (findings) => {
        expect(decide(findings, 'observe')).toEqual({ ...decide(findings, 'enforce'), effective: 'allow' })
      }),
    )
  })

  it('never becomes milder by one more finding', () => {
    fc.assert(
      fc.property(fc.array(finding), finding, (findings, more) => {
        const rank = (list: typeof findings): number => DECISIONS.indexOf(decide(list, 'enforce').decision)
        expect(rank([...findings, more])).toBeGreaterThanOrEqual(rank(findings))
      }),
    )
  })
})
