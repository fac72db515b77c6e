import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ChannelStatus } from '../../src/channels/channel-desk.ts'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'
import { linkFor } from '../setup/people.ts'

const BOSS = 'boss@example.com'
const tested: string[] = []
const channel = (name: string, more: Partial<ChannelStatus>): ChannelStatus => ({
  name,
  configured: true,
  open: true,
  missing: null,
  deliveredAt: null,
  failedAt: null,
  failure: null,
  ...more,
})

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let belay: ConsoleUnderTest

beforeAll(async () => {
  belay = await startConsole({
    people: '{ roles: { viewer: [engineering], admin: [boss@example.com] } }',
    channels: {
      channels: () => [
        channel('slack', { deliveredAt: Date.now() - 90_000 }),
        channel('email', { open: false, missing: 'notify.email: set the environment variable SMTP_URL' }),
        channel('webhook', {
          deliveredAt: Date.now() - 900_000,
          failedAt: Date.now() - 60_000,
          failure: 'webhook https://example.com: the receiver answered 500',
        }),
        channel('teams', { configured: false, open: false }),
      ],
      test: (name, by) => tested.push(`${name} ${by}`) > 0,
    },
  })
  await belay.server.key('writer')
  await belay.server.key('reader')
})
afterAll(() => belay.close())

const SECTIONS = ['keys', 'people', 'logins', 'channels', 'standing', 'browser'] as const
const dialog = (page: Page) => page.getByRole('dialog')
const tab = (page: Page, name: string) => page.getByRole('tab', { name })

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('every section is accessible and fits', async () => {
    const page = await belay.open({ size, path: '/settings' })
    for (const section of SECTIONS) {
      await page.goto(`${belay.server.url}/settings/${section}`)
      await page.getByRole('tabpanel').locator('h2').first().waitFor()
      await page.getByText('Loading …').first().waitFor({ state: 'hidden' })
      expect(await accessibilityFaults(page)).toEqual([])
      expect(await overflowsSideways(page)).toBe(false)
      await keepPicture(page, `settings-${section}-${size}`)
    }
  })
})

it('a key is shown once, can be copied, works, and is revoked', async () => {
  const page = await belay.open({ path: '/settings/keys', as: BOSS, roles: ['admin'] })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'New key' }).click()
  await dialog(page).getByRole('button', { name: 'Make the key' }).click()
  await dialog(page).getByText('Say which agent it is for.').waitFor()
  await dialog(page).getByLabel('Agent').fill('crawler')
  expect(await accessibilityFaults(page)).toEqual([])
  await dialog(page).getByRole('button', { name: 'Make the key' }).click()
  const key = await dialog(page).locator('code').first().textContent()
  expect(key).toMatch(/^blk_/)
  expect(await accessibilityFaults(page)).toEqual([])
  await keepPicture(page, 'settings-new-key')
  await dialog(page).getByRole('button', { name: 'Copy' }).click()
  await dialog(page).getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(key)
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  const me = () => belay.server.call('GET', '/v1/me', undefined, { token: key })
  expect((await me()).body).toMatchObject({ agent: 'crawler' })

  const row = page.getByRole('row').filter({ hasText: 'crawler' })
  await row.getByRole('button', { name: 'Revoke the key of crawler' }).click()
  await dialog(page).getByText('at once and for good').waitFor()
  await dialog(page).getByRole('button', { name: 'Revoke' }).click()
  await row.getByText('revoked').waitFor()
  expect((await me()).status).toBe(401)
  expect(await page.content()).not.toContain(key)
})

it('who manages people makes a link, sees who is logged in, and ends it', async () => {
  const page = await belay.open({ path: '/settings/logins', as: BOSS, roles: ['admin', 'operator'] })
  await page.getByRole('button', { name: 'New log-in link' }).click()
  const roles = dialog(page).getByRole('group', { name: 'Roles' }).getByRole('checkbox')
  await roles.first().waitFor()
  expect(await roles.count()).toBe(3)
  await dialog(page).getByRole('button', { name: 'Make the link' }).click()
  await dialog(page).getByText('Say whom it is for.').waitFor()
  await dialog(page).getByLabel('For whom').fill('new@example.com')
  await dialog(page).getByLabel('operator').check()
  await keepPicture(page, 'settings-new-link')
  await dialog(page).getByRole('button', { name: 'Make the link' }).click()
  const url = (await dialog(page).locator('.settings-secret code').textContent()) ?? ''
  expect(url).toContain('/login#bll_')
  expect(await accessibilityFaults(page)).toEqual([])
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await page.getByRole('row').filter({ hasText: 'new@example.com' }).getByText('link, not used yet').waitFor()

  const other = await (await belay.browser.newContext()).newPage()
  await other.goto(url)
  await other.getByRole('button', { name: 'Account: new@example.com' }).waitFor()
  await page.reload()
  const row = page.getByRole('row').filter({ hasText: 'new@example.com' })
  await row.getByText('viewer, operator').waitFor()
  await row.getByRole('button', { name: 'Log out: new@example.com' }).click()
  await dialog(page).getByRole('button', { name: 'Log out' }).click()
  await row.waitFor({ state: 'detached' })
  await other.waitForURL((address) => address.pathname === '/login')
  await other.context().close()
})

it('a test message is sent to an open channel, and its state is told in words', async () => {
  const page = await belay.open({ path: '/settings/channels', as: BOSS, roles: ['admin'] })
  await page.getByText('set the environment variable SMTP_URL').waitFor()
  await page.getByText('does not deliver').waitFor()
  await page.getByText('not configured').waitFor()
  expect(await page.getByRole('button', { name: 'Send a test message' }).count()).toBe(2)
  await page.getByRole('button', { name: 'Send a test message to Slack' }).click()
  await page.getByText('A test message to Slack is on its way.').waitFor()
  expect(tested).toEqual([`slack ${BOSS}`])
})

it('a viewer sees neither keys nor people nor channels, and may end only their own log-ins', async () => {
  await linkFor(belay.server, 'somebody@example.com', ['viewer'])
  const page = await belay.open({ path: '/settings/keys', as: 'viewer@example.com', roles: ['viewer'] })
  await tab(page, 'Log-ins').waitFor()
  expect(await page.getByRole('tab').allTextContents()).toEqual([
    'Log-ins',
    'Standing approvals & absences',
    'This browser',
  ])
  await page.getByRole('rowheader', { name: 'viewer@example.com' }).waitFor()
  expect(await page.getByRole('button', { name: 'New log-in link' }).count()).toBe(0)
  expect(await page.getByText('somebody@example.com').count()).toBe(0)
})

it('an approver says that they are away, and comes back', async () => {
  const page = await belay.open({
    path: '/settings/standing',
    as: 'lead@example.com',
    roles: ['approver'],
  })
  await page.getByText('Nobody is away.').waitFor()
  await page.getByLabel('Who decides instead').fill('second@example.com')
  const later = new Date(Date.now() + 86_400_000).toISOString().slice(0, 16)
  await page.getByLabel('Until').fill(later)
  await page.getByRole('button', { name: 'Be away from now on' }).click()
  const row = page.getByRole('row').filter({ hasText: 'second@example.com' })
  await row.getByText('away', { exact: true }).waitFor()
  await keepPicture(page, 'settings-away')
  await row.getByRole('button', { name: 'End your absence' }).click()
  await page.getByText('Nobody is away.').waitFor()
})

it('theme and keys of one letter are remembered', async () => {
  const page = await belay.open({ path: '/settings/browser' })
  await page.getByRole('radio', { name: 'Dark' }).check()
  await page.getByLabel('Keys of one letter').uncheck()
  await page.reload()
  expect(await page.getByRole('radio', { name: 'Dark' }).isChecked()).toBe(true)
  expect(await page.getByLabel('Keys of one letter').isChecked()).toBe(false)
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
})
