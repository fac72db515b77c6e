import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** MB of the space for young objects of a process in which much is made, and many objects live a while. */
function sizeUnderLoad(begin: string): number {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8'
    import { setTimeout as pause } from 'node:timers/promises'
    import { YoungSpace } from ${JSON.stringify(new URL('young-space.ts', import.meta.url).href)}
    ${begin}
    const ring = new Array(400_000)
    let most = 0
    for (let round = 0; round < 20; round++) {
      for (let at = 0; at < 100_000; at++) ring[(round * 100_000 + at) % ring.length] = { at, round, more: [at] }
      await pause(0)
      most = Math.max(most, getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size)
    }
    console.log(Math.round(most / 1e6))`
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }))
}

test('the space for young objects stays small while the harness starts, and grows under load afterwards', () => {
  const starting = sizeUnderLoad('new YoungSpace()')
  // A few MB more or less from run to run; released it goes to 64.
  expect(starting).toBeLessThan(34)
  expect(sizeUnderLoad('new YoungSpace().release()')).toBeGreaterThan(starting)
})
