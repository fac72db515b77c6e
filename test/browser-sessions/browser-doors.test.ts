import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserDoor } from '../../src/entry/browser/browser-door.ts'
import { openHarness, type Harness } from '../../src/entry/harness.ts'
import { startHttpServer, type HttpServer } from '../../src/entry/http-api/server.ts'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { Belay } from '../../src/entry/sdk/belay.ts'
import { ActionDenied, ActionFailed, ActionHeld, ResultWithheld } from '../../src/entry/sdk/errors.ts'
import { findChromium } from '../setup/chromium.ts'
import { findSandboxPrograms } from '../setup/sandbox-programs.ts'
import { LEAD, policyFor } from './policy.ts'
import { startSite, type Site } from './site.ts'

const ADMIN = 'an-admin-token-for-tests'

let site: Site
beforeAll(async () => {
  await findSandboxPrograms()
  process.env['BELAY_CHROMIUM'] = await findChromium()
  process.env['BELAY_TEST_SHOP_PASSWORD'] = 'p4ss-of-the-shop'
  site = await startSite()
})
afterAll(() => site.close())

interface Opened {
  readonly belay: Belay
  readonly admin: ApiClient
  close(): Promise<void>
}

/** Serves the harness of a folder, so that a person can decide. */
async function serve(harness: Harness): Promise<HttpServer> {
  const { flow, store, policies, data } = harness
  const onFault = (error: unknown): void => {
    throw error
  }
  return startHttpServer({
    flow,
    store,
    policies,
    ledgerLog: harness.ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log: { level: 'silent' },
    doors: [browserDoor({ flow, store, policies, data, onFault })],
  })
}

async function openRemote(folder: string, config: string): Promise<Opened> {
  const harness = await openHarness({ config, data: join(folder, 'data'), watch: false })
  const server = await serve(harness)
  const admin = new ApiClient(server.url, ADMIN, LEAD)
  const { key } = await new ApiClient(server.url, ADMIN).object('POST', '/v1/keys', {
    body: { agent: 'buyer' },
  })
  const belay = await Belay.open({ url: server.url, key: key as string })
  return {
    belay,
    admin,
    async close() {
      await belay.close()
      await server.close()
      await harness.close()
    },
  }
}

describe('the browser in the SDK, of a harness elsewhere', () => {
  let folder: string
  let opened: Opened

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'belay-browser-doors-'))
    const config = join(folder, 'belay.yaml')
    await writeFile(config, policyFor(site.host))
    opened = await openRemote(folder, config)
  })
  afterAll(async () => {
    await opened.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('does what it may, waits for a person, and shows that person the page', async () => {
    const { belay, admin } = opened
    const browser = await belay.browser('shop', { agent: 'buyer', session: 'errand' })
    expect(await browser.goto(`${site.url}/login`)).toMatchObject({ status: 200, title: 'Log in' })
    await browser.fill({ label: 'Name' }, 'dora')
    await browser.fill({ label: 'Password' }, { secret: 'SHOP_PASSWORD' })
    expect(await browser.click({ role: 'button', name: 'Log in' })).toMatchObject({
      url: `${site.url}/account`,
    })
    expect((await browser.text({ target: '#who' })).text).toBe('hello dora')

    await browser.goto(`${site.url}/tools`)
    const clicking = browser.click('form button', { reason: 'the customer asked for it', confidence: 0.8 })
    const pending = async () => {
      const page = await admin.object('GET', '/v1/approvals', { query: { state: 'pending' } })
      return (page['items'] as readonly { id: string; pictures: readonly string[]; plain: string }[])[0]
    }
    await expect.poll(async () => (await pending())?.pictures.length, { timeout: 60_000 }).toBe(1)
    const { id, pictures, plain } = (await pending())!
    expect(plain).toContain('browser.click')
    const picture = await fetch(`${admin.url}${pictures[0]}`, {
      headers: { authorization: `Bearer ${ADMIN}` },
    })
    expect(picture.headers.get('content-type')).toBe('image/jpeg')
    expect(
      Buffer.from(await picture.arrayBuffer())
        .subarray(0, 3)
        .toString('hex'),
    ).toBe('ffd8ff')
    expect(site.requests).not.toContain('POST /remove')
    await admin.json('POST', `/v1/approvals/${id}`, {
      body: { outcome: 'approve', reason: 'looked at the page' },
    })
    expect(await clicking).toMatchObject({ title: 'Removed' })
    expect(site.requests.filter((one) => one === 'POST /remove')).toHaveLength(1)
    await expect(browser.text()).rejects.toBeInstanceOf(ResultWithheld)

    await browser.goto(`${site.url}/tools`)
    await expect(browser.click('#shifty')).rejects.toBeInstanceOf(ActionDenied)
    await expect(browser.press('Enter')).rejects.toBeInstanceOf(ActionDenied)
    await expect(browser.click('form button', { wait: 0.2 })).rejects.toBeInstanceOf(ActionHeld)
    await expect(browser.click('#nowhere')).rejects.toMatchObject({ code: 'browser:element' })
    await expect(browser.goto('http://abroad.test/')).rejects.toMatchObject({ code: 'browser:host' })
    expect((await browser.download({ text: 'Get the file' })).content.toString()).toBe('the content')
    expect((await browser.screenshot()).subarray(0, 3).toString('hex')).toBe('ffd8ff')
    await expect(belay.browser('shop', { agent: 'buyer' })).rejects.toMatchObject({ code: 'browser:in_use' })
    await browser.close()
    await expect(browser.text()).rejects.toMatchObject({ code: 'browser:not_found' })
    const { items } = await admin.object('GET', '/v1/browsers')
    expect(items).toEqual([])
  })

  it('tells an agent nothing of another', async () => {
    const { belay, admin } = opened
    const { key } = await new ApiClient(admin.url, ADMIN).object('POST', '/v1/keys', {
      body: { agent: 'other' },
    })
    const other = await Belay.open({ url: admin.url, key: key as string })
    const browser = await belay.browser('second', { agent: 'buyer' })
    await browser.goto(`${site.url}/tools`)
    const call = (path: string, method = 'GET') =>
      fetch(`${admin.url}${path}`, { method, headers: { authorization: `Bearer ${key as string}` } })
    expect(await (await call('/v1/browsers')).json()).toEqual({ items: [] })
    expect((await call(`/v1/browsers/${browser.id}`, 'DELETE')).status).toBe(404)
    await expect(other.browser('second', { agent: 'other' })).rejects.toMatchObject({
      code: 'browser:unknown_account',
    })
    await expect(other.browser('second', { agent: 'buyer' })).rejects.toMatchObject({
      code: 'auth:forbidden',
    })
    await expect(other.browser('no-such', { agent: 'other' })).rejects.toMatchObject({
      code: 'browser:unknown_account',
    })
    const [action] = ((
      await admin.object('GET', '/v1/actions', { query: { action: 'browser.goto', limit: 1 } })
    )['items'] ?? []) as readonly { id: string }[]
    expect((await call(`/v1/actions/${action!.id}/pictures/after`)).status).toBe(404)
    await other.close()
    await browser.close()
  })
})

describe('the browser in the SDK, of a harness in this process', () => {
  it('is the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'belay-browser-embedded-'))
    const config = join(folder, 'belay.yaml')
    await writeFile(config, policyFor(site.host))
    const belay = await Belay.open({ config, data: join(folder, 'data') })
    try {
      const browser = await belay.browser('shop', { agent: 'buyer' })
      expect(await browser.goto(`${site.url}/tools`)).toMatchObject({ title: 'Tools' })
      expect(await browser.select({ label: 'Colour' }, ['blue'])).toMatchObject({ selected: ['blue'] })
      await browser.upload({ label: 'Upload' }, [{ name: 'x.txt', content: Buffer.from('embedded') }])
      await expect.poll(() => site.sent['/uploaded']).toContain('embedded')
      await expect(browser.select({ label: 'Colour' }, ['green'])).rejects.toThrow(/not known/)
      await expect(browser.fill('h1', 'x')).rejects.toBeInstanceOf(ActionFailed)
      await expect(browser.click('#shifty')).rejects.toBeInstanceOf(ActionDenied)
      await expect(browser.click({ text: 'Remove everything' }, { wait: 0 })).rejects.toBeInstanceOf(
        ActionHeld,
      )
      expect(site.requests.filter((one) => one === 'POST /remove').length).toBeLessThanOrEqual(1)
    } finally {
      // The browser goes with the harness.
      await belay.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
