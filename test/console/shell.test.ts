import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

let belay: ConsoleUnderTest

beforeAll(async () => {
  belay = await startConsole()
})
afterAll(() => belay.close())

const PAGES = [
  ['/', 'Overview'],
  ['/budgets', 'Budgets'],
] as const

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it.each(['light', 'dark'] as const)('has no accessibility faults, %s', async (theme) => {
    const page = await belay.open({ size, theme })
    for (const [path, title] of PAGES) {
      await page.goto(belay.server.url + path)
      await page.getByRole('heading', { level: 1, name: title }).waitFor()
      await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
      expect(await accessibilityFaults(page)).toEqual([])
      expect(await overflowsSideways(page)).toBe(false)
      await keepPicture(page, `shell-${title.toLowerCase()}-${size}-${theme}`)
    }
  })
})
