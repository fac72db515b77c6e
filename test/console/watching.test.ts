import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { AlarmBook } from '../../src/flow/alarm-book.ts'
import type { Raised } from '../../src/flow/alarm-book.ts'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

const POLICY = `
version: 1
agents:
  clerk:
    anomaly: { then: pause, expect: 50 per hour }
    budget: [{ limit_usd: 10, per: day, then: pause }]
    downgrade: { at: 0.8, model: gpt-4o-mini }
  worker: { budget: [{ limit_usd: 5, per: month }] }
  plain: {}
providers: { openai: { base_url: https://api.openai.com/v1, api_key: sk-test } }
actions: { 'http.*': { effect: read }, note.add: { effect: write } }
`

const PROCESS = {
  state: 'frozen',
  provider: 'bubblewrap',
  pid: 4711,
  running_since: new Date(Date.now() - 3_600_000).toISOString(),
  restarts: 2,
  next_start_at: null,
  last_exit: {
    at: new Date(Date.now() - 7_200_000).toISOString(),
    cause: 'memory',
    code: null,
    signal: 'SIGKILL',
    detail: 'it needed more than 512 MiB',
  },
  usage: {
    memory_bytes: 104_857_600,
    memory_peak_bytes: 209_715_200,
    cpu_ms: 64_000,
    processes: 3,
    wall_ms: 3_600_000,
    forks_refused: 0,
    throttled_ms: 0,
  },
  quotas: {
    memory_bytes: 536_870_912,
    cpu_cores: 0.5,
    processes: 64,
    wall_ms: null,
    disk_bytes: null,
    open_files: null,
    requests: 1_000,
    usd: null,
  },
}

let belay: ConsoleUnderTest
let book: AlarmBook

const raised = (key: string, more: Partial<Raised> = {}): Raised => ({
  key,
  kind: 'anomaly',
  agent: 'clerk',
  urgent: true,
  title: `clerk does not behave as it does (${key})`,
  facts: ['50 an hour is normal at this time (99.9% of hours are below 78); 312 came in 4 min.'],
  act: 'belay agents normal clerk',
  session: 'run-1',
  action: null,
  at: belay.server.harness.store.now(),
  times: 1,
  ...more,
})

beforeAll(async () => {
  belay = await startConsole({
    policy: POLICY,
    supervision: { process: (agent) => (agent === 'worker' ? PROCESS : undefined) },
  })
  const { server } = belay
  book = new AlarmBook(server.harness.store)
  for (let index = 0; index < 5; index++) {
    const { id } = await server.propose('http.GET', undefined, {
      agent: 'clerk',
      session: 'run-1',
      cost_usd: 0.25,
      start: true,
      input: { host: index === 4 ? 'files.example.com' : 'api.example.com', path: `/${index}` },
    })
    await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded', cost_usd: 0.25 })
  }
})
afterAll(() => belay.close())

const item = (page: Page, title: string) => page.getByRole('article').filter({ hasText: title })

describe('alarms', () => {
  beforeAll(async () => {
    await book.raise(raised('anomaly:rate'))
    await book.raise(
      raised('budget:worker', {
        kind: 'budget',
        agent: 'worker',
        urgent: false,
        title: 'worker has 12 % of a budget left',
        facts: ['88.0 % is spent or reserved; told above 80 %.'],
        session: null,
      }),
    )
    await book.raise(
      raised('ledger:w', {
        kind: 'ledger',
        agent: null,
        session: null,
        title: 'The witness w does not sign the ledger',
      }),
    )
  })

  it('are shown by agent, with what leads to them, and counted beside the page’s name', async () => {
    const page = await belay.open({ path: '/alarms' })
    await page.getByRole('heading', { level: 2, name: 'clerk (1)' }).waitFor()
    expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
      'About no agent (1)',
      'clerk (1)',
      'worker (1)',
    ])
    const clerk = item(page, 'anomaly:rate')
    await clerk.getByText('312 came in 4 min').waitFor()
    await clerk.getByText('urgent', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Alarms 3 open' }).waitFor()
    await clerk.getByRole('link', { name: 'session run-1' }).click()
    await page.waitForURL('**/sessions/run-1?agent=clerk')
  })

  it('can be filtered, grouped, and sent to somebody so', async () => {
    const page = await belay.open({ path: '/alarms?kind=budget&group=kind' })
    await page.getByRole('heading', { level: 2, name: 'budgets and rates (1)' }).waitFor()
    expect(await page.getByRole('article').count()).toBe(1)
    await page.getByLabel('Agent').selectOption('clerk')
    await page.getByText('No alarm is like that.').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    await page.getByRole('button', { name: 'Show all that are open' }).click()
    await page.waitForURL((url) => url.search === '')
    await item(page, 'anomaly:rate').waitFor()
  })

  it('are acknowledged and resolved by the keyboard, live in every window', async () => {
    await book.raise(raised('anomaly:cost', { at: belay.server.harness.store.now() }))
    const page = await belay.open({ path: '/alarms?agent=clerk' })
    const other = await belay.open({
      path: '/alarms?agent=clerk',
      as: 'viewer@example.com',
      roles: ['viewer'],
    })
    await item(other, 'anomaly:cost').waitFor()
    // Who may only look is offered nothing to press.
    expect(await other.getByRole('button', { name: /Acknowledge|Resolve|Pause/ }).count()).toBe(0)
    await item(page, 'anomaly:cost').waitFor()
    await page.keyboard.press('j')
    await page.waitForFunction("document.activeElement.textContent.includes('anomaly:cost')")
    await page.keyboard.press('a')
    await item(other, 'anomaly:cost').getByText('acknowledged by admin').waitFor()
    await item(page, 'anomaly:cost').getByText('acknowledged by admin').waitFor()
    await page.getByRole('link', { name: /anomaly:cost/ }).focus()
    await page.keyboard.press('r')
    await item(other, 'anomaly:cost').waitFor({ state: 'detached' })
    await book.raise(raised('anomaly:errors', { at: belay.server.harness.store.now() }))
    await item(other, 'anomaly:errors').waitFor()
    await book.over('anomaly:errors', belay.server.harness.store.now())
    await item(other, 'anomaly:errors').waitFor({ state: 'detached' })
  })

  it('lead to one that pauses its agent, and to what it was about', async () => {
    const { items } = (await belay.server.call('GET', '/v1/alarms?state=open&kind=anomaly')).body
    const page = await belay.open({ path: `/alarms/${items[0].id}` })
    await page.getByText('How often').waitFor()
    await page.getByRole('button', { name: 'Pause clerk' }).click()
    const dialog = page.getByRole('dialog', { name: 'Pause clerk' })
    await dialog.getByLabel('Reason').fill('too many requests')
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('link', { name: '1 agent held back' }).waitFor()
    await page.getByRole('button', { name: 'Mark as normal for clerk' }).click()
    const accept = page.getByRole('dialog', { name: 'What clerk does now is normal' })
    await accept.getByLabel('Reason').fill('a campaign')
    await accept.getByRole('button', { name: 'Mark as normal' }).click()
    await page.getByRole('link', { name: '1 agent held back' }).waitFor({ state: 'detached' })
    const { body } = await belay.server.call('GET', '/v1/agents')
    expect(body.items.find(({ name }: { name: string }) => name === 'clerk')).toMatchObject({
      state: 'active',
      reason: 'accepted as normal: a campaign',
      changed_by: 'admin',
    })
    await page.getByRole('link', { name: 'agent clerk' }).click()
    await page.getByRole('heading', { level: 1, name: 'clerk' }).waitFor()
  })

  it('says so when one is gone', async () => {
    const page = await belay.open({ path: '/alarms/alm_00000000-0000-0000-0000-000000000000' })
    await page
      .getByRole('alert')
      .getByText(/alm_0000/)
      .waitFor()
  })
})

describe('an agent', () => {
  it('shows its process: whether it runs, why it ended, what it uses and may', async () => {
    const page = await belay.open({ path: '/agents/worker' })
    const process = page.locator('section').filter({ has: page.getByRole('heading', { name: /^Process/ }) })
    await process.getByText('frozen: its agent is paused').waitFor()
    const text = await process.innerText()
    expect(text).toContain('2 since Belay began')
    expect(text).toContain('by SIGKILL it needed more than 512 MiB')
    expect(text).toContain('100 MiB of memory (at most 200 MiB), 1 min 4 s of processor time, 3 processes')
    expect(text).toContain('memory 512 MiB, processors 0.5 cores, processes 64, requests 1,000')
    await process.getByRole('button', { name: 'Show what it writes' }).click()
    await process.getByText('It has written nothing yet.').waitFor()
    await page.getByText('It is not watched.').waitFor()
  })

  it('shows what is normal, what it uses, what was unlike it, and what its limits do', async () => {
    const page = await belay.open({ path: '/agents/clerk' })
    const normal = page.getByRole('table', { name: 'What is normal for clerk' })
    await normal.getByRole('row', { name: /all actions: actions an hour/ }).waitFor()
    await page.getByRole('button', { name: 'Each action by itself' }).click()
    await normal
      .getByRole('row', { name: /http\.GET: / })
      .first()
      .waitFor()
    await page.getByText('api.example.com (4), files.example.com (1)').waitFor()
    const found = page.getByRole('table', { name: 'What was found unlike clerk' })
    await found.getByText('312 came in 4 min').first().waitFor()
    await page.getByText('From 80% of a limit on its model calls go to gpt-4o-mini.').waitFor()
    await page.getByRole('cell', { name: 'pauses the agent' }).waitFor()
    // What happens is on the screen while one looks.
    const tile = page.locator('.tile').filter({ hasText: 'Actions in a day' })
    await tile.getByText('5', { exact: true }).waitFor()
    await belay.server.propose('note.add', undefined, { agent: 'clerk', cost_usd: 8 })
    await tile.getByText('6', { exact: true }).waitFor()
    await page.getByText('Its model calls go to gpt-4o-mini now.').waitFor()
  })

  it('says so of one that nobody knows', async () => {
    const page = await belay.open({ path: '/agents/nobody' })
    await page.getByText('Belay has not met this agent.').waitFor()
    await page.goto(`${belay.server.url}/agents`)
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  })
})

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  const look = async (page: Page, name: string): Promise<void> => {
    await keepPicture(page, `${name}-${size}`)
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
  }

  it('the alarms have no accessibility faults', async () => {
    const page = await belay.open({ path: '/alarms?state=all', size })
    await item(page, 'anomaly:rate').waitFor()
    await look(page, 'alarms')
  })

  it('an agent has no accessibility faults', async () => {
    const page = await belay.open({ path: '/agents/clerk', size })
    await page.getByRole('table', { name: 'What was found unlike clerk' }).waitFor()
    await page.getByRole('table', { name: 'Actions of clerk' }).waitFor()
    await look(page, 'agent')
  })

  it('its process has no accessibility faults', async () => {
    const page = await belay.open({ path: '/agents/worker', size })
    await page.getByText('frozen: its agent is paused').waitFor()
    await look(page, 'agent-process')
  })
})
