import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

const POLICY = `
version: 1
budget: [{ limit_usd: 500, per: month }]
agents:
  commenter: { budget: [{ limit_usd: 10, per: day }], rate: [{ limit: 200, per: hour }] }
  refunds: { budget: [{ limit_usd: 2, per: day }, { limit_usd: 40, per: month }] }
  reader: {}
actions: { comment.write: { effect: write } }
`

let belay: ConsoleUnderTest

async function spend(agent: string, cost: number, outcome?: 'succeeded'): Promise<void> {
  const { server } = belay
  const { id } = await server.propose('comment.write', undefined, { agent, cost_usd: cost, start: true })
  if (outcome !== undefined)
    await server.call('POST', `/v1/actions/${id}/outcome`, { outcome, cost_usd: cost })
}

beforeAll(async () => {
  belay = await startConsole({ policy: POLICY })
  await spend('commenter', 1.2, 'succeeded')
  await spend('commenter', 0.8)
  await spend('refunds', 1.75, 'succeeded')
})
afterAll(() => belay.close())

it('shows what is spent, reserved and left in every window, the fullest first', async () => {
  const page = await belay.open({ path: '/budgets' })
  const limits = page.getByRole('table', { name: 'Limits of' })
  await limits.first().waitFor()
  expect(await limits.locator('caption').allInnerTexts()).toEqual([
    'Limits of All agents together',
    'Limits of refunds',
    'Limits of commenter',
  ])
  const day = page
    .getByRole('table', { name: 'Limits of commenter' })
    .getByRole('row', { name: 'Money per day' })
  expect(await day.getByRole('cell').allInnerTexts()).toEqual([
    expect.stringMatching(/^\$2\.00 of \$10\.00\s+20% per day$/),
    '$1.20',
    '$0.80',
    '$8.00',
    expect.stringMatching(/^in \d+ (?:h|min|s)$/),
    expect.any(String),
  ])
  const meter = day.getByRole('meter', { name: 'commenter, budget per day' })
  expect(await meter.getAttribute('aria-valuetext')).toBe('$1.20 spent, $0.80 reserved, of $10.00')
  expect(await meter.getAttribute('aria-valuenow')).toBe('20')
  await page.getByText('nearly used up').waitFor()
  await page.getByText('Without limits of their own: reader.').waitFor()
})

it('follows what is spent meanwhile', async () => {
  const page = await belay.open({ path: '/budgets' })
  const refunds = page.getByRole('table', { name: 'Limits of refunds' })
  await refunds.getByText('$1.75 of $2.00').waitFor()
  await spend('refunds', 0.25, 'succeeded')
  await refunds.getByText('$2.00 of $2.00').waitFor()
  await page.getByText('used up', { exact: true }).waitFor()
})

it('says how to give a budget when there is none', async () => {
  const free = await startConsole({ policy: 'version: 1\nagents: { free: {} }\n' })
  try {
    const page = await free.open({ path: '/budgets' })
    await page.getByText('No agent has a budget yet').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
  } finally {
    await free.close()
  }
})

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('has no accessibility faults', async () => {
    const page = await belay.open({ path: '/budgets', size })
    await page.getByText(/of \$10\.00/).waitFor()
    await keepPicture(page, `budgets-${size}`)
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
  })
})
