import { readFile, writeFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { accessibilityFaults, keepPicture, overflowsSideways, SIZES, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let belay: ConsoleUnderTest
let path: string
let good: string

beforeAll(async () => {
  belay = await startConsole()
  path = belay.server.harness.policies.current().path!
  good = await readFile(path, 'utf8')
  for (let n = 0; n < 6; n++) await belay.server.propose(n < 4 ? 'note.add' : 'note.read')
})
afterAll(() => belay.close())

const editor = (page: Page) => page.getByRole('textbox', { name: 'A policy to try' })

describe.each(Object.keys(SIZES) as (keyof typeof SIZES)[])('on a %s', (size) => {
  it('the file and the trial are accessible and fit', async () => {
    const page = await belay.open({ size, path: '/policy' })
    await page.getByText('This file is in force.').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
    await keepPicture(page, `policy-file-${size}`)
    await page.goto(`${belay.server.url}/policy?view=what-if`)
    await page.getByText('Nothing is wrong with it.').waitFor()
    await editor(page).fill(good.replace('note.add: { effect: write', 'note.add: { efect: write'))
    await page.getByRole('list', { name: 'What is wrong with it' }).getByRole('button').first().waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    expect(await overflowsSideways(page)).toBe(false)
    await keepPicture(page, `policy-what-if-${size}`)
  })
})

it('a bad file is not taken: its errors stand where they are, and the one before stays in force', async () => {
  const page = await belay.open({ path: '/policy' })
  await page.getByText('This file is in force.').waitFor()
  const lines = good.split('\n')
  const at = lines.findIndex((line) => line.includes('note.read'))
  const bad = lines.with(at, lines[at]!.replace('effect: read', 'effect: reed')).join('\n')
  await writeFile(
    path,
    `${bad}people: { oidc: { issuer: 'https://id.example.com', client_id: b, client_secret: tell-nobody } }\n`,
  )
  await page.getByText('was not taken').waitFor()
  const line = page.locator(`#policy-line-${at + 1}`)
  expect(await line.getAttribute('data-fault')).toBe('error')
  expect(await line.textContent()).toContain('expected')
  expect(await page.content()).not.toContain('tell-nobody')
  expect(await accessibilityFaults(page)).toEqual([])
  await keepPicture(page, 'policy-file-bad')
  await page.getByRole('list', { name: 'What is wrong with it' }).getByRole('button').first().click()
  expect(await page.evaluate('document.activeElement.id')).toBe(`policy-line-${at + 1}`)
  expect((await belay.server.propose('note.read')).state).not.toBe('denied')
  await writeFile(path, good)
  await page.getByText('This file is in force.').waitFor()
})

it('another policy is tried on what agents did, and nothing is saved', async () => {
  const page = await belay.open({ path: '/policy?view=what-if' })
  await page.getByText('Nothing is wrong with it.').waitFor()
  const without = good.split('\n').filter((line) => !line.includes('note.add'))
  await editor(page).fill(without.join('\n'))
  const tried = page.getByRole('button', { name: 'Try it' })
  await page.getByText('Nothing is wrong with it.').waitFor()
  await tried.click()
  const row = page.getByRole('row').filter({ hasText: 'note.add' })
  await row.getByText('denied').waitFor()
  expect(await row.textContent()).toContain('4')
  expect(await accessibilityFaults(page)).toEqual([])
  await keepPicture(page, 'policy-what-if-result')
  expect(await readFile(path, 'utf8')).toBe(good)
  expect((await belay.server.propose('note.add')).state).not.toBe('denied')
  await page.getByRole('button', { name: 'Back to the file' }).click()
  expect(await editor(page).inputValue()).toBe(good)
})

it('an error leads to its place in the editor and keeps the text from being tried', async () => {
  const page = await belay.open({ path: '/policy?view=what-if' })
  await editor(page).fill('version: 1\nmode: sometimes\n')
  await page.getByRole('list', { name: 'What is wrong with it' }).getByRole('button').first().click()
  const selected = 'const a = document.activeElement; a.value.slice(a.selectionStart, a.selectionEnd)'
  expect(await page.evaluate(`(() => { ${selected.replace('; a.', '; return a.')} })()`)).toBe('sometimes')
  expect(await page.getByRole('button', { name: 'Try it' }).isDisabled()).toBe(true)
})
