import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'
import { ADMIN } from '../setup/http-server.ts'
import type { Json } from '../setup/http-server.ts'
import { ask, POLICY } from './approvals-policy.ts'

// A browser on a machine that does other things as well.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let belay: ConsoleUnderTest
/** Of one session: published, undone, refused, held, failed. */
const known: Record<string, Json> = {}
const MANY = 700
const SCROLL_DOWN =
  "{ const list = document.querySelector('.actions-scroll'); list.scrollTo({ top: list.scrollHeight }) }"

beforeAll(async () => {
  belay = await startConsole({ policy: POLICY })
  const { server } = belay
  const propose = (text: string, more = {}): Promise<Json> =>
    ask(server, 'note.add', { text }, { agent: 'crowd', ...more })
  for (let from = 0; from < MANY; from += 50)
    await Promise.all(Array.from({ length: 50 }, (_, index) => propose(`entry ${from + index}`)))
  const session = 'campaign-42'
  const report = (id: string, body: Json): Promise<Json> =>
    server.call('POST', `/v1/actions/${id}/outcome`, body, { token: ADMIN })
  known['held'] = await ask(
    server,
    'note.publish',
    { channel: 'news', text: 'Call +1 202 555 0143 about our opening hours.' },
    { session, reason: 'A customer asked.', confidence: 0.93 },
  )
  known['refused'] = await ask(server, 'note.forge', { text: 'nobody allowed this' }, { session })
  known['failed'] = await ask(server, 'note.add', { text: 'broken' }, { session, start: true })
  await report(known['failed'].id, { outcome: 'failed', error: 'the disk is full' })
  known['done'] = await ask(server, 'note.add', { text: 'first' }, { session, start: true })
  await report(known['done'].id, { outcome: 'succeeded', result: { id: 7, url: 'https://example.com/7' } })
  known['other'] = await ask(server, 'note.add', { text: 'second' }, { session, start: true })
  await report(known['other'].id, { outcome: 'succeeded', result: { id: 8 } })
  known['read'] = await ask(server, 'note.read', { id: 7 }, { session, start: true })
  await report(known['read'].id, { outcome: 'succeeded', result: { text: 'first' } })
  known['ready'] = await ask(server, 'note.add', { text: 'not started' }, { session })
  known['erased'] = await ask(server, 'note.add', { text: 'private' }, { session, start: true })
  await report(known['erased'].id, { outcome: 'succeeded', result: { text: 'private too' } })
  await server.call('POST', '/v1/ledger/erase', { action: known['erased'].id })
})
afterAll(() => belay.close())

const operator = { as: 'ops@example.com', roles: ['operator'] } as const
const stateOf = async (id: string): Promise<Json> =>
  (await belay.server.call('GET', `/v1/actions/${id}`)).body

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('shows list and detail without faults of access', async () => {
    const page = await belay.open({ ...operator, size, path: '/actions' })
    await page.locator(`#row-${known['ready'].id}`).waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
    await keepPicture(page, `actions-list-${size}`)

    await page.goto(`${belay.server.url}/actions/${known['held'].id}`)
    const detail = page.locator('.action-detail')
    await detail.getByText('Arguments, with what was changed').waitFor()
    await detail.getByText('spoke up').waitFor()
    await detail.getByText('What happened').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
    await keepPicture(page, `actions-detail-${size}`)
  })
})

describe('the list', () => {
  it('draws only what is in sight, however far one scrolls', async () => {
    const page = await belay.open({ ...operator, path: '/actions?agent=crowd' })
    const scroll = page.locator('.actions-scroll')
    await scroll.locator('li').first().waitFor()
    const oldest = page.getByText(/entry 0$/)
    for (let tries = 0; tries < 600 && (await oldest.count()) === 0; tries++) {
      await page.evaluate(SCROLL_DOWN)
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))')
    }
    await page.getByText(`These are all ${MANY}.`).waitFor()
    expect(await scroll.locator('li').count()).toBeLessThan(60)
  })

  it('keeps its filters in the address and takes them from there', async () => {
    const page = await belay.open({ ...operator, path: '/actions' })
    await page.getByLabel('State').selectOption('denied')
    await page.waitForURL('**/actions?state=denied')
    await page.locator(`#row-${known['refused'].id}`).waitFor()
    expect(await page.locator('.actions-scroll li').count()).toBe(1)
    await page.getByLabel('Action', { exact: true }).fill('note.nothing')
    await page.waitForURL('**/actions?state=denied&action=note.nothing')
    await page.getByText('No action is like that.').waitFor()
    await keepPicture(page, 'actions-none')
    await page.reload()
    await page.getByText('No action is like that.').waitFor()
    expect(await page.getByLabel('State').inputValue()).toBe('denied')
    await page.getByRole('button', { name: 'Show all actions' }).click()
    await page.waitForURL((url) => url.search === '')

    await page.getByLabel('Id').fill(known['done'].id)
    await page.keyboard.press('Enter')
    await page.locator('.action-detail').getByText('https://example.com/7').waitFor()
  })

  it('is live: new ones appear at the top, others change in their place', async () => {
    const page = await belay.open({ ...operator, path: '/actions' })
    await page.locator(`#row-${known['ready'].id}`).waitFor()
    const fresh = await ask(belay.server, 'note.add', { text: 'just now' })
    const row = page.locator(`#row-${fresh.id}`)
    await row.getByText('ready').waitFor()
    await belay.server.call('POST', `/v1/actions/${fresh.id}/cancel`, {})
    await row.getByText('cancelled').waitFor()

    await page.evaluate(SCROLL_DOWN)
    const unseen = await ask(belay.server, 'note.add', { text: 'while one reads' })
    await page.getByRole('button', { name: 'Show what is new' }).click()
    await page.locator(`#row-${unseen.id}`).waitFor()
  })

  it('is walked through by keyboard', async () => {
    const page = await belay.open({ ...operator, path: '/actions?agent=crowd' })
    await page.locator('.actions-scroll li').first().waitFor()
    await page.keyboard.press('j')
    await page.waitForURL('**/actions/act_*')
    await page
      .locator('.action-detail')
      .getByText(`entry ${MANY - 1}`)
      .first()
      .waitFor()
    await page.keyboard.press('j')
    await page
      .locator('.action-detail')
      .getByText(`entry ${MANY - 2}`)
      .first()
      .waitFor()
    expect(page.url()).toContain('agent=crowd')
  })
})

describe('one action', () => {
  it('says when it was erased, and lets the proof be downloaded', async () => {
    const page = await belay.open({ ...operator, path: `/actions/${known['erased'].id}` })
    const detail = page.locator('.action-detail')
    await detail.getByText('the values are gone for good').waitFor()
    await keepPicture(page, 'actions-erased')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      detail.getByRole('link', { name: 'Download the proof' }).click(),
    ])
    expect(download.suggestedFilename()).toBe(`belay-proof-${known['erased'].id}.json`)
    expect(await download.failure()).toBeNull()
  })

  it('is undone by its agent, after it was said how', async () => {
    const page = await belay.open({ ...operator, path: `/actions/${known['done'].id}` })
    await page.getByRole('button', { name: 'Undo …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Its agent, writer, is asked to undo it').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    await keepPicture(page, 'actions-undo')
    expect((await stateOf(known['done'].id)).undo).toBeUndefined()
    await dialog.getByRole('button', { name: 'Ask to undo it' }).click()
    await page.getByText('Undo requested, asked for by ops@example.com.').waitFor()
    await belay.server.call('POST', `/v1/actions/${known['done'].id}/undo`, { outcome: 'succeeded' })
    await page.locator('.action-detail .badge', { hasText: 'undone' }).waitFor()
  })

  it('that has not started is cancelled', async () => {
    const page = await belay.open({ ...operator, path: `/actions/${known['ready'].id}` })
    await page.getByRole('button', { name: 'Cancel it …' }).click()
    await page.getByRole('button', { name: 'Cancel the action' }).click()
    await page.locator('.action-detail .badge', { hasText: 'cancelled' }).waitFor()
    expect((await stateOf(known['ready'].id)).state).toBe('cancelled')
  })

  it('is only looked at by whoever may not operate', async () => {
    const page = await belay.open({
      as: 'eve@example.com',
      roles: ['viewer'],
      path: `/actions/${known['other'].id}`,
    })
    await page.locator('.action-detail').getByText('What happened').waitFor()
    expect(await page.getByRole('button', { name: /Undo|Cancel it/ }).count()).toBe(0)
  })

  it('that does not exist says so', async () => {
    const page = await belay.open({ ...operator, path: '/actions/act_nothing' })
    await page.getByText('There is no action act_nothing.').waitFor()
  })
})

describe('undoing several', () => {
  it('says first what can and what cannot be undone, then does exactly that', async () => {
    const page = await belay.open({ ...operator, path: '/actions?agent=writer' })
    await page.getByRole('button', { name: 'Undo several …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Show what that would do' }).click()
    await dialog.getByText('2 can be undone').waitFor()
    await dialog.getByText('1 cannot.').waitFor()
    await dialog.getByText('undo:not_declared').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    await keepPicture(page, 'actions-undo-several')
    expect((await stateOf(known['other'].id)).undo).toBeUndefined()
    // What comes after the preview is not touched.
    const later = await ask(belay.server, 'note.add', { text: 'later' }, { start: true })
    await belay.server.call('POST', `/v1/actions/${later.id}/outcome`, { outcome: 'succeeded' })
    await dialog.getByRole('button', { name: 'Undo 2' }).click()
    await dialog.getByText('0 undone, 2 asked of the agent, 0 not undone.').waitFor()
    expect((await stateOf(known['other'].id)).undo.status).toBe('requested')
    expect((await stateOf(later.id)).undo).toBeUndefined()
  })
})
