import { expect, it } from 'vitest'
import type { Score } from './queries.ts'
import { kappaText, sumsOf } from './scores.ts'

const score = (rubric: string, at: string, value: number | null, threshold = 10): Score => ({
  id: `${rubric} ${at}`,
  at,
  rubric,
  score: value,
  verdict: value === null ? 'unscored' : value < threshold ? 'rejected' : 'accepted',
})

it('sums by rubric and day, and leaves out of the shares what has no score', () => {
  expect(
    sumsOf([
      score('house-style', '2026-03-02T08:00:00.000Z', 40),
      score('house-style', '2026-03-01T23:00:00.000Z', 5),
      score('house-style', '2026-03-01T09:00:00.000Z', 75),
      score('house-style', '2026-03-01T10:00:00.000Z', null),
      score('brand-voice', '2026-03-01T10:00:00.000Z', null),
    ]),
  ).toEqual([
    {
      rubric: 'house-style',
      scored: 3,
      median: 40,
      below: 1 / 3,
      unscored: 1,
      days: [
        { day: '2026-03-01', mean: 40, count: 2 },
        { day: '2026-03-02', mean: 40, count: 1 },
      ],
    },
    { rubric: 'brand-voice', scored: 0, median: null, below: null, unscored: 1, days: [] },
  ])
})

it.each([
  [null, null, null, null],
  [0.714, null, null, '0.71'],
  [0.714, 0.5, 0.9, '0.71 (0.50 to 0.90)'],
] as const)('kappa %d from %d to %d: %s', (kappa, low, high, text) =>
  expect(kappaText(kappa, low, high)).toBe(text),
)
