import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

const FIRST = 'You answer customers of a shop.\n\nBe polite.\nNever promise a refund.\nSign as {{name}}.'
const SECOND =
  'You answer customers of a shop.\n\nBe polite and short.\nNever promise a refund.\nAsk for the order number.\nSign as {{name}}.'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let belay: ConsoleUnderTest

beforeAll(async () => {
  belay = await startConsole()
  const { server } = belay
  const push = (body: Record<string, string | readonly string[]>) => server.call('POST', '/v1/prompts', body)
  await push({ name: 'support-answer', text: FIRST, note: 'as it was', labels: ['production'] })
  await push({
    name: 'support-answer',
    text: SECOND,
    note: 'shorter; asks for the order',
    labels: ['canary'],
  })
  await push({ name: 'greeting', text: 'Say hello to {{name}}.' })
  const { flow, followers } = server.harness
  for (let n = 0; n < 9; n++) {
    const facts = {
      model: { provider: 'anthropic', requested: n % 3 === 0 ? 'claude-haiku' : 'claude-sonnet' },
      prompt: { name: 'support-answer', version: n < 6 ? '1' : '2', digest: (n < 6 ? 'a' : 'b').repeat(64) },
    }
    const call = { agent: 'writer', action: 'note.add', input: { n }, costUsd: 0.01, facts }
    const { action } = await flow.propose(call, { venue: 'agent', start: true })
    await flow.report(action.id, { outcome: n === 5 ? 'failed' : 'succeeded' })
  }
  await followers.caughtUp()
})
afterAll(() => belay.close())

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('list, models and versions are accessible and fit', async () => {
    const page = await belay.open({ size, path: '/prompts' })
    for (const [path, sign] of [
      ['/prompts', 'greeting'],
      ['/prompts?view=models', 'Model'],
      ['/prompts/support-answer', 'Ask for the order number.'],
    ] as const) {
      await page.goto(belay.server.url + path)
      await page.getByText(sign).first().waitFor({ state: 'attached' })
      await page.getByText('Loading …').first().waitFor({ state: 'hidden' })
      expect(await accessibilityFaults(page)).toEqual([])
      expect(await overflowsSideways(page)).toBe(false)
      await keepPicture(page, `prompts-${path.split('/').pop()!.replace('?', '-')}-${size}`)
    }
  })
})

it('each version has its labels and what became of its calls', async () => {
  const page = await belay.open({ path: '/prompts' })
  await page.getByRole('link', { name: 'support-answer' }).click()
  const row = (version: string) =>
    page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: version, exact: true }) })
  await row('1').getByText('production').waitFor()
  await row('2').getByText('canary').waitFor()
  await row('1').getByRole('cell', { name: '6', exact: true }).first().waitFor()
  await row('1').getByText('83%').waitFor()
  await row('2').getByText('100%').waitFor()
})

it('what changed between two versions is shown line by line, and the choice stands in the address', async () => {
  const page = await belay.open({ path: '/prompts/support-answer' })
  await page.getByText('2 lines added, 1 removed.').waitFor()
  expect(await page.locator('.prompt-line[data-kind=removed]').allTextContents()).toEqual([
    expect.stringContaining('removed: Be polite.'),
  ])
  await page.getByLabel('From version').selectOption('2')
  await page.waitForURL((url) => url.searchParams.get('before') === '2')
  await page.getByText('Ask for the order number.').waitFor()
  expect(await page.locator('.prompt-line[data-kind=added]').count()).toBe(0)
})
