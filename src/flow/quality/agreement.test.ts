import { describe, expect, test } from 'vitest'
import type { AgreementCount } from '../../storage/store.ts'
import { agreementOf } from './agreement.ts'

/** Both accept, both reject, judge stricter, judge looser. */
function counts(...[accept, reject, stricter, looser]: [number, number, number, number]): AgreementCount[] {
  const by = { rubric: 'voice', rubricDigest: 'sha256:r', judge: 'openai/j' }
  const all: AgreementCount[] = [
    { ...by, verdict: 'accepted', person: 'approve', count: accept },
    { ...by, verdict: 'rejected', person: 'reject', count: reject },
    { ...by, verdict: 'rejected', person: 'approve', count: stricter },
    { ...by, verdict: 'accepted', person: 'reject', count: looser },
  ]
  return all.filter(({ count }) => count > 0)
}

describe('agreement', () => {
  test('of nothing is nothing', () => {
    expect(agreementOf([])).toEqual([])
  })

  // By hand: they say the same of 0.7, by chance of (30 · 25 + 20 · 25) / 50² = 0.5; 0.2 / 0.5.
  test('is what is left of it beyond chance', () => {
    const [one] = agreementOf(counts(20, 15, 5, 10))
    expect(one).toMatchObject({
      count: 50,
      bothAccept: 20,
      bothReject: 15,
      judgeStricter: 5,
      judgeLooser: 10,
      same: 0.7,
    })
    expect(one!.kappa).toBeCloseTo(0.4, 12)
    // √(0.7 · 0.3 / 50) / 0.5 · 1.96
    expect(one!.interval![0]).toBeCloseTo(0.146, 3)
    expect(one!.interval![1]).toBeCloseTo(0.654, 3)
  })

  test.each([
    ['perfect', [30, 10, 0, 0], 1],
    ['none but chance', [25, 25, 25, 25], 0],
    ['the opposite', [0, 0, 20, 20], -1],
    ['a judge that accepts everything', [90, 0, 0, 10], 0],
    ['both say the same of all', [40, 0, 0, 0], null],
  ] as const)('%s', (_name, [accept, reject, stricter, looser], kappa) => {
    const [one] = agreementOf(counts(accept, reject, stricter, looser))
    if (kappa === null) expect(one).toMatchObject({ kappa: null, interval: null })
    else expect(one!.kappa).toBeCloseTo(kappa, 12)
  })

  test('says no interval of a few', () => {
    expect(agreementOf(counts(9, 9, 1, 0))[0]!.interval).toBeNull()
    expect(agreementOf(counts(9, 9, 1, 1))[0]!.interval).not.toBeNull()
  })

  test('each version of a rubric and each judge by itself, the most counted first', () => {
    const other = counts(30, 0, 0, 2).map((one) => ({ ...one, judge: 'openai/k' }))
    const newer = counts(1, 1, 0, 0).map((one) => ({ ...one, rubricDigest: 'sha256:s' }))
    const found = agreementOf([...counts(2, 3, 0, 0), ...other, ...newer])
    expect(found.map(({ judge, rubricDigest, count }) => [judge, rubricDigest, count])).toEqual([
      ['openai/k', 'sha256:r', 32],
      ['openai/j', 'sha256:r', 5],
      ['openai/j', 'sha256:s', 2],
    ])
  })
})
