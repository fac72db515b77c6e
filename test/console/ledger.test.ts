import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

const AUDITOR = 'audit@example.com'
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let belay: ConsoleUnderTest
const ids: string[] = []

beforeAll(async () => {
  belay = await startConsole()
  for (let n = 0; n < 5; n++) {
    const more = n < 2 ? { subjects: ['customer-7'] } : {}
    ids.push((await belay.server.propose('note.add', undefined, more)).id)
  }
})
afterAll(() => belay.close())

const asAuditor = { path: '/ledger', as: AUDITOR, roles: ['auditor'] } as const

async function downloaded(page: Page, click: () => Promise<void>): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([page.waitForEvent('download'), click()])
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') }
}

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('everything is accessible and fits', async () => {
    const page = await belay.open({ ...asAuditor, size })
    await page.getByRole('rowheader', { name: 'main' }).waitFor()
    await page.getByRole('button', { name: 'Verify the ledger' }).click()
    await page.getByText('Nothing was changed, cut or reordered.').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
    await keepPicture(page, `ledger-${size}`)
  })
})

it('a kept checkpoint is verified against, and what is none is refused', async () => {
  const page = await belay.open(asAuditor)
  const kept = await downloaded(page, () => page.getByRole('button', { name: 'Keep a checkpoint' }).click())
  expect(kept.name).toMatch(/^belay-checkpoint-.*\.txt$/)
  const file = page.getByLabel('A checkpoint that was kept')
  await file.setInputFiles({ name: kept.name, mimeType: 'text/plain', buffer: Buffer.from(kept.text) })
  await page.getByRole('button', { name: 'Verify the ledger' }).click()
  await page.getByText('It continues what was kept or signed elsewhere.').waitFor()
  await file.setInputFiles({ name: 'x', mimeType: 'text/plain', buffer: Buffer.from('nonsense') })
  await page.getByRole('button', { name: 'Verify the ledger' }).click()
  await page.getByRole('alert').getByText('body.checkpoint').waitFor()
})

it('the proof of an action and the whole ledger can be downloaded', async () => {
  const page = await belay.open(asAuditor)
  await page.getByLabel('Action', { exact: true }).fill('act_none')
  await page.getByRole('button', { name: 'Download the proof' }).click()
  await page.getByRole('alert').getByText('act_none').waitFor()
  await page.getByLabel('Action', { exact: true }).fill(ids[0]!)
  const proof = await downloaded(page, () => page.getByRole('button', { name: 'Download the proof' }).click())
  expect(proof.name).toBe(`${ids[0]}.tlog-proof`)
  expect(proof.text.length).toBeGreaterThan(100)
  const link = page.getByRole('link', { name: 'Download the ledger' })
  const all = await downloaded(page, () => link.click())
  expect(all.text.split('\n').length).toBeGreaterThan(5)
})

it('one sees what would go before it goes, and the erasure is a record', async () => {
  const page = await belay.open(asAuditor)
  await page.getByLabel('Person, as the policy’s subject names them').fill('customer-7')
  await page.getByRole('button', { name: 'Show what would go' }).click()
  await page.getByText('2 payloads of 2 actions would go').waitFor()
  for (const id of ids.slice(0, 2)) await page.getByRole('link', { name: id }).waitFor()
  expect(await accessibilityFaults(page)).toEqual([])
  await keepPicture(page, 'ledger-erase')
  expect((await belay.server.call('GET', `/v1/actions/${ids[0]}`)).body.input).not.toBeNull()
  await page.getByRole('button', { name: 'Erase …' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'Erase …' }).click()
  await dialog.getByRole('button', { name: 'Erase', exact: true }).click()
  await page.getByText('It is erased.').waitFor()
  expect((await belay.server.call('GET', `/v1/actions/${ids[0]}`)).body.input).toBeNull()
  expect((await belay.server.call('GET', `/v1/actions/${ids[2]}`)).body.input).not.toBeNull()
  await page.getByRole('button', { name: 'Verify the ledger' }).click()
  await page.getByText('Nothing was changed, cut or reordered.').waitFor()
})

it('who only looks sees where it stands and proves, and nothing else', async () => {
  const page = await belay.open({ path: '/ledger', as: 'viewer@example.com', roles: ['viewer'] })
  await page.getByRole('rowheader', { name: 'main' }).waitFor()
  expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
    'Where it stands',
    'Prove one action',
  ])
})
