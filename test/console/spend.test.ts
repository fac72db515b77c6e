import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emptySum } from '../../src/flow/audit/sessions/count.ts'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

const HOUR = 3_600_000
const POLICY = `
version: 1
budget: [{ limit_usd: 100, per: day }]
agents:
  commenter:
    budget: [{ limit_usd: 10, per: day, then: pause }, { limit_usd: 200, per: month }]
    downgrade: { at: 0.8, model: gpt-4o-mini }
  refunds: { budget: [{ limit_usd: 20, per: week }] }
providers: { openai: { base_url: https://api.openai.com/v1, api_key: sk-test } }
actions: { comment.write: { effect: write } }
`

let belay: ConsoleUnderTest

async function spend(agent: string, cost: number, tags: Record<string, string> = {}): Promise<void> {
  const { server } = belay
  const { id } = await server.propose('comment.write', undefined, {
    agent,
    cost_usd: cost,
    tags,
    start: true,
  })
  const { status } = await server.call('POST', `/v1/actions/${id}/outcome`, {
    outcome: 'succeeded',
    cost_usd: cost,
  })
  expect(status).toBe(200)
}

/** Hours of another chain that cost something, before any that this test spends. */
async function history(agent: string, usd: readonly number[]): Promise<void> {
  const { store } = belay.server.harness
  const hour = Math.floor(store.now() / HOUR) * HOUR
  const dimensions = {
    agent,
    action: 'comment.write',
    model: 'gpt-4o',
    promptName: null,
    promptVersion: null,
    promptDigest: null,
    release: null,
    decision: 'allow',
    effective: 'allow',
    reason: null,
  } as const
  const sums = usd.map((each, ago) => ({
    ...emptySum(hour - (ago + 1) * HOUR, 'k', dimensions, null),
    actions: 1,
    cost: Math.round(each * 1e9),
  }))
  const written = await store.rollups.apply({
    chain: 'before',
    from: 0,
    to: 1,
    spans: [],
    sums,
    sessions: [],
  })
  expect(written).toBe(true)
}

beforeAll(async () => {
  belay = await startConsole({ policy: POLICY })
  await history('commenter', [0.2, 0.3, 0.25, 0.4, 0.1, 0.3])
  await spend('commenter', 1.5, { campaign: 'spring', customer: 'acme' })
  await spend('commenter', 0.5, { campaign: 'autumn' })
  await spend('refunds', 4, { campaign: 'spring' })
})
afterAll(() => belay.close())

it('shows what limits come to, and what happens when they are reached', async () => {
  const page = await belay.open({ path: '/spend' })
  const limits = page.getByRole('table', { name: 'Limits in money' })
  const day = limits.getByRole('row', { name: 'commenter' }).filter({ hasText: 'per day' })
  await day.getByText('$2.00 of $10.00').waitFor()
  await day
    .getByRole('img', { name: /^Expected by the end of the day: \$\d+\.\d\d, between \$.* of \$10\.00$/ })
    .waitFor()
  await day.getByText('pauses the agent').waitFor()
  await day.getByText('downgrades at 80%').waitFor()
  await limits.getByRole('row', { name: 'refunds' }).getByText('refuses').waitFor()
  await page.locator('.tile').filter({ hasText: 'Expected at the end' }).waitFor()
})

it('shows what the money was for: agents, models, tags', async () => {
  const page = await belay.open({ path: '/spend' })
  const dearest = (name: string) => page.getByRole('table', { name: `${name} by what they cost` })
  expect(await texts(dearest('Agents'))).toEqual([
    ['refunds', expect.stringMatching(/^\$4\.00/)],
    ['commenter', expect.stringMatching(/^\$\d/)],
  ])
  const tabs = page.getByRole('tablist', { name: 'What it was for' })
  await tabs.getByRole('tab', { name: 'Tags' }).click()
  await page.waitForURL('**/spend?by=tag')
  expect(await texts(dearest('campaign'))).toEqual([
    ['spring', '$5.50'],
    ['autumn', '$0.50'],
  ])
  await page.getByLabel('Tag', { exact: true }).selectOption('customer')
  expect(await texts(dearest('customer'))).toEqual([['acme', '$1.50']])
  await page.waitForURL('**/spend?by=tag&tag=customer')
  await page.keyboard.press('Tab')
  await tabs.getByRole('tab', { name: 'Tags' }).focus()
  await page.keyboard.press('ArrowLeft')
  await page.waitForURL('**/spend?by=model&tag=customer')
})

it('follows what is spent while one looks, up to the limit', async () => {
  const page = await belay.open({ path: '/spend' })
  const tile = page.locator('.tile').filter({ hasText: 'This hour' })
  await tile.getByText('$6.00').waitFor()
  await page.locator('.chart canvas').waitFor()
  const commenter = page
    .getByRole('table', { name: 'Limits in money' })
    .getByRole('row', { name: 'commenter' })
  await spend('commenter', 6.5)
  await tile.getByText('$12.50').waitFor()
  await commenter.filter({ hasText: 'per day' }).getByText('downgraded').waitFor()
  await commenter.filter({ hasText: 'per day' }).getByText('$8.50 of $10.00').waitFor()
  await belay.server.propose('comment.write', undefined, { agent: 'commenter', cost_usd: 3 })
  await page.getByRole('link', { name: '1 agent held back' }).waitFor()
})

it('shows the week and the month', async () => {
  const page = await belay.open({ path: '/spend' })
  await page.getByLabel('Window').selectOption('month')
  await page.waitForURL('**/spend?window=month')
  await page.getByRole('img', { name: /^This month: \$/ }).waitFor()
  await page.getByLabel('Window').selectOption('week')
  await page.getByRole('img', { name: /^This week: \$/ }).waitFor()
})

it('says when nothing was spent', async () => {
  const free = await startConsole({ policy: 'version: 1\n' })
  try {
    const empty = await free.open({ path: '/spend' })
    await empty.getByText('No agent has a budget in money.').waitFor()
    await empty.getByText('Nothing was spent in this time.').waitFor()
    await empty.getByRole('tab', { name: 'Tags' }).click()
    await empty.getByText('No action was given a tag in this time.').waitFor()
    expect(await accessibilityFaults(empty)).toEqual([])
  } finally {
    await free.close()
  }
})

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('has no accessibility faults', async () => {
    const page = await belay.open({ path: '/spend?by=tag', size })
    await page.locator('.chart canvas').waitFor()
    await page.getByRole('table', { name: 'campaign by what they cost' }).waitFor()
    await page
      .getByText(/of \$10\.00/)
      .first()
      .waitFor()
    await keepPicture(page, `spend-${size}`)
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
  })
})

/** The name and the cost of each row. */
async function texts(table: import('playwright-core').Locator): Promise<readonly string[][]> {
  await table.waitFor()
  const rows = await table.locator('tbody tr').all()
  return Promise.all(
    rows.map(async (row) => [
      await row.getByRole('rowheader').innerText(),
      (await row.getByRole('cell').allInnerTexts())[0] ?? '',
    ]),
  )
}
