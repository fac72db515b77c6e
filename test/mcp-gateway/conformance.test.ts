import { expect, it } from 'vitest'
import { runConformance } from './conformance.ts'

const RANK: Readonly<Record<string, number>> = { FAILURE: 0, WARNING: 1, SKIPPED: 1, INFO: 1, SUCCESS: 2 }

it('a server behind the gateway does as well in the official conformance suite as alone', async () => {
  const { bare, behind } = await runConformance()
  expect(Object.keys(bare).length).toBeGreaterThanOrEqual(32)
  expect(Object.keys(behind)).toEqual(Object.keys(bare))
  expect(JSON.stringify(bare)).not.toContain('FAILURE')
  const worst = (checks: readonly string[]): Map<string, number> => {
    const ranks = new Map<string, number>()
    for (const check of checks) {
      const [id, status] = check.split(': ') as [string, string]
      ranks.set(id, Math.min(ranks.get(id) ?? 2, RANK[status] ?? 0))
    }
    return ranks
  }
  for (const [scenario, checks] of Object.entries(bare)) {
    const here = worst(behind[scenario]!)
    for (const [id, rank] of worst(checks))
      expect(here.get(id), `${scenario}: ${id} behind the gateway`).toBeGreaterThanOrEqual(rank)
  }
}, 120_000)
