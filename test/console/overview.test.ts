import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

const POLICY = `
version: 1
budget: [{ limit_usd: 500, per: month }]
agents:
  commenter: { budget: [{ limit_usd: 10, per: day }], rate: [{ limit: 200, per: hour }] }
  refunds: { budget: [{ limit_usd: 2, per: day }, { limit_usd: 40, per: month }] }
  researcher: {}
  translator: { budget: [{ limit_usd: 25, per: week }] }
actions:
  comment.write: { effect: write }
  page.read: { effect: read }
  money.refund: { effect: irreversible, approve: [{ by: [finance], expires: 1h }] }
approvers:
  finance: { members: [finance@example.com], quorum: 1 }
`

let belay: ConsoleUnderTest

beforeAll(async () => {
  belay = await startConsole({ policy: POLICY })
})
afterAll(() => belay.close())

interface Act {
  readonly agent: string
  readonly action: string
  readonly cost?: number
  readonly outcome?: 'succeeded' | 'failed'
}

async function act({ agent, action, cost = 0.01, outcome }: Act): Promise<{ id: string; state: string }> {
  const { server } = belay
  const proposed = await server.propose(action, undefined, {
    agent,
    cost_usd: cost,
    session: 'morning',
    start: outcome !== undefined,
  })
  if (outcome !== undefined && proposed.state === 'executing')
    await server.call('POST', `/v1/actions/${proposed.id}/outcome`, { outcome, cost_usd: cost })
  return proposed
}

async function aMorning(): Promise<void> {
  for (let index = 0; index < 24; index++) {
    await act({
      agent: 'commenter',
      action: 'comment.write',
      cost: 0.05,
      outcome: index % 12 === 0 ? 'failed' : 'succeeded',
    })
    if (index % 2 === 0)
      await act({ agent: 'researcher', action: 'page.read', cost: 0.002, outcome: 'succeeded' })
    if (index % 6 === 0)
      await act({ agent: 'refunds', action: 'comment.write', cost: 0.42, outcome: 'succeeded' })
  }
  await act({ agent: 'refunds', action: 'money.refund' })
  await act({ agent: 'researcher', action: 'shell.run' })
}

const row = (page: Page, agent: string) =>
  page.getByRole('table', { name: 'Agents with their state' }).getByRole('row', { name: agent })

it('says what to do first when nothing has happened', async () => {
  const empty = await startConsole({ policy: 'version: 1\n' })
  try {
    const page = await empty.open()
    await page.getByText('No agent has done anything yet').waitFor()
    await page.getByText('belay keys create --agent writer').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    await keepPicture(page, 'overview-empty')
  } finally {
    await empty.close()
  }
})

describe('with agents at work', () => {
  beforeAll(aMorning)

  it('shows each agent with its figures', async () => {
    const page = await belay.open()
    const commenter = row(page, 'commenter')
    await commenter.getByText('$1.20 of $10.00').waitFor()
    await commenter.getByText('92%').waitFor()
    expect(await commenter.innerText()).toMatch(/active[\s\S]*24[\s\S]*\$0\.05[\s\S]*2/)
    await row(page, 'refunds').getByRole('link', { name: '1', exact: true }).waitFor()
  })

  it('puts what is not as it should be first', async () => {
    const page = await belay.open()
    const attention = page.getByRole('region', { name: 'What needs attention' })
    await attention.getByText(/refunds: \d+% of the budget per day used/).waitFor()
    await attention.getByText('8% of the actions of commenter failed').waitFor()
    await attention.getByRole('link', { name: /refunds: .* of the budget/ }).click()
    await page.waitForURL('**/budgets')
  })

  it('pauses with a reason and resumes, in every window at once', async () => {
    const page = await belay.open()
    const other = await belay.open({ as: 'viewer@example.com', roles: ['viewer'] })
    await row(page, 'researcher').getByRole('button', { name: 'Pause researcher' }).click()
    const dialog = page.getByRole('dialog', { name: 'Pause researcher' })
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await dialog.getByText('Say why in a few words.').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    await dialog.getByLabel('Reason').fill('looking into odd reads')
    await keepPicture(page, 'overview-pause')
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await dialog.waitFor({ state: 'detached' })

    for (const each of [page, other]) {
      await each.getByText('researcher is paused', { exact: true }).waitFor()
      await each.getByText('looking into odd reads (admin)').waitFor()
      await each.getByRole('link', { name: '1 agent held back' }).waitFor()
    }
    // Who may only look is offered nothing to press.
    expect(await other.getByRole('button', { name: /researcher/ }).count()).toBe(0)
    expect((await act({ agent: 'researcher', action: 'page.read' })).state).toBe('denied')

    await page
      .getByRole('region', { name: 'What needs attention' })
      .getByRole('button', { name: 'Resume researcher' })
      .click()
    await page.getByRole('dialog').getByLabel('Reason').fill('they were asked for')
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click()
    await other.getByText('researcher is paused', { exact: true }).waitFor({ state: 'detached' })
  })

  it('says so when the change is refused', async () => {
    const page = await belay.open({ as: 'gone@example.com', roles: ['operator'] })
    await row(page, 'translator').getByRole('button', { name: 'Stop translator' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('no longer needed')
    await page.route('**/v1/agents/translator', async (route) =>
      route.fulfill({
        status: 409,
        contentType: 'application/problem+json',
        body: JSON.stringify({ code: 'action:conflict', title: 'Conflict', detail: 'Somebody was faster.' }),
      }),
    )
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await dialog.getByRole('alert').getByText('Somebody was faster.').waitFor()
    await page.unroute('**/v1/agents/translator')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await row(page, 'translator').getByText('active').waitFor()
  })

  it('shows decisions over time, in words too', async () => {
    const page = await belay.open()
    await page.getByRole('img', { name: /^\d+ decisions: allowed \d+%/ }).waitFor()
    await page.locator('.chart canvas').waitFor()
    await page.getByText('As a table').click()
    await page.getByRole('table', { name: 'Decisions over time' }).getByRole('row').last().waitFor()
    await page.getByLabel('Time', { exact: true }).selectOption('7d')
    await page.waitForURL('**/?span=7d')
  })

  it('shows what happens while one looks', async () => {
    const page = await belay.open()
    await row(page, 'translator').waitFor()
    await act({ agent: 'translator', action: 'comment.write', cost: 3, outcome: 'succeeded' })
    await row(page, 'translator').getByText('$3.00 of $25.00').waitFor()
    await act({ agent: 'newcomer', action: 'page.read' })
    await row(page, 'newcomer').waitFor()
  })

  describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
    it('has no accessibility faults', async () => {
      const page = await belay.open({ size })
      await page.getByText('$1.20 of $10.00').waitFor()
      await page.locator('.chart canvas').waitFor()
      await keepPicture(page, `overview-${size}`)
      expect(await accessibilityFaults(page)).toEqual([])
      expect(await overflowsSideways(page)).toBe(false)
    })
  })
})
