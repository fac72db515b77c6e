import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let belay: ConsoleUnderTest

beforeAll(async () => {
  belay = await startConsole()
  const { server } = belay
  const run = async (session: string, action: string, outcome: string | null, more = {}) => {
    const proposed = await server.propose(action, undefined, {
      session,
      cost_usd: 0.02,
      start: outcome !== null,
      ...more,
    })
    if (outcome !== null && proposed.state === 'executing')
      await server.call('POST', `/v1/actions/${proposed.id}/outcome`, { outcome })
    return proposed as { id: string }
  }
  for (let n = 0; n < 40; n++) await run('nightly-1', n % 2 === 0 ? 'note.read' : 'note.add', 'succeeded')
  await run('nightly-1', 'note.add', 'failed')
  await run('nightly-1', 'nobody.declared.that', null)
  await run('nightly-1', 'note.publish', null)
  const undone = await run('nightly-1', 'note.add', 'succeeded')
  await server.call('POST', `/v1/actions/${undone.id}/undo`)
  await run('other:run/2', 'note.read', 'succeeded', { agent: 'reader' })
})
afterAll(() => belay.close())

const tree = (page: Page) => page.getByRole('treegrid')
const active = (page: Page) => page.locator('.span-row[data-active=true]')

async function openTree(size: keyof typeof SIZES = 'desktop'): Promise<Page> {
  const page = await belay.open({ size, path: '/sessions/nightly-1?agent=writer' })
  await page.getByText('Nothing failed').or(page.getByText('to look at')).first().waitFor()
  return page
}

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('list and tree are accessible and fit', async () => {
    const list = await belay.open({ size, path: '/sessions' })
    await list.getByRole('link', { name: 'nightly-1' }).waitFor()
    expect(await accessibilityFaults(list)).toEqual([])
    expect(await overflowsSideways(list)).toBe(false)
    await keepPicture(list, `sessions-list-${size}`)
    const page = await openTree(size)
    await page.getByRole('button', { name: 'First problem' }).click()
    await page.getByRole('complementary').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
    await keepPicture(page, `sessions-tree-${size}`)
  })
})

it('filters stand in the address and lead to a session of any name', async () => {
  const page = await belay.open({ path: '/sessions' })
  await page.getByRole('link', { name: 'nightly-1' }).waitFor()
  await page.getByLabel('Agent').selectOption('reader')
  await page.waitForURL((url) => url.search === '?agent=reader')
  await page.getByRole('link', { name: 'nightly-1' }).waitFor({ state: 'detached' })
  await page.reload()
  await page.getByRole('link', { name: 'other:run/2' }).click()
  await page.getByRole('heading', { level: 1, name: 'Session other:run/2' }).waitFor()
  await tree(page).getByText('note.read').waitFor()
})

it('the keyboard walks the tree, folds it and opens a span', async () => {
  const page = await openTree()
  await tree(page).focus()
  expect(await active(page).getAttribute('aria-level')).toBe('1')
  await page.keyboard.press('ArrowDown')
  expect(await active(page).getAttribute('aria-level')).toBe('2')
  await page.keyboard.press('ArrowLeft')
  expect(await active(page).getAttribute('aria-level')).toBe('1')
  await page.keyboard.press('ArrowLeft')
  expect(await active(page).getAttribute('aria-expanded')).toBe('false')
  expect(await tree(page).getAttribute('aria-rowcount')).toBe('1')
  await page.keyboard.press('ArrowRight')
  expect(await active(page).getAttribute('aria-expanded')).toBe('true')
  await page.keyboard.press('End')
  expect(await active(page).getAttribute('aria-rowindex')).toBe(
    await tree(page).getAttribute('aria-rowcount'),
  )
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('complementary', { name: 'Span note.read' }).waitFor()
  const activeId = await tree(page).getAttribute('aria-activedescendant')
  expect(await active(page).getAttribute('id')).toBe(activeId)
  await page.keyboard.press('Escape')
  await page.getByRole('complementary').waitFor({ state: 'detached' })
})

it('the next problem is one key away, and a span opens its action', async () => {
  const { server } = belay
  const propose = (action: string, start: boolean) =>
    server.propose(action, undefined, { session: 'rough', start })
  await propose('note.publish', false)
  await propose('nobody.declared.that', false)
  const failed = await propose('note.add', true)
  await server.call('POST', `/v1/actions/${failed.id}/outcome`, { outcome: 'failed' })
  const page = await belay.open({ path: '/sessions/rough?agent=writer' })
  await page.getByText('3 to look at').waitFor()
  await page.keyboard.press('n')
  const panel = page.getByRole('complementary')
  await page.getByText('1 of 3 to look at').waitFor()
  await panel.getByText('failed').waitFor()
  await page.keyboard.press('n')
  await page.getByText('2 of 3 to look at').waitFor()
  await panel.getByText('denied').first().waitFor()
  await page.keyboard.press('p')
  await panel.getByText('failed').waitFor()
  await panel.getByRole('link', { name: 'Open the action' }).click()
  await page.waitForURL((url) => url.pathname === `/actions/${failed.id}`)
})

it('approvals and undos are in the tree, and what happens while one looks appears', async () => {
  const page = await openTree()
  await tree(page).focus()
  await page.keyboard.press('End')
  await tree(page).getByText('approval:').first().waitFor({ state: 'attached' })
  await tree(page).getByText('undo:').first().waitFor({ state: 'attached' })
  const before = Number(await tree(page).getAttribute('aria-rowcount'))
  await belay.server.propose('note.read', undefined, { session: 'nightly-1' })
  await page.getByText(`${before + 1} spans`).waitFor()
})

it('a session that is not there says so', async () => {
  const page = await belay.open({ path: '/sessions/nowhere?agent=writer' })
  await page.getByRole('alert').getByText('nowhere').waitFor()
})
