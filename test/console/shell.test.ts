import { get } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consoleDoor, PAGES } from '../../src/entry/console/console-door.ts'
import { accessibilityFaults, keepPicture, startConsole } from '../setup/browser.ts'
import type { ConsoleUnderTest } from '../setup/browser.ts'
import { buildConsole } from '../setup/build-console.ts'
import { startTestServer } from '../setup/http-server.ts'

let belay: ConsoleUnderTest

beforeAll(async () => {
  belay = await startConsole()
})
afterAll(() => belay.close())

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** As it comes over the wire: `fetch` would decompress it. */
async function fetchRaw(path: string, headers: Record<string, string> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    get(belay.server.url + path, { headers }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) }),
      )
    }).once('error', reject)
  })
}

describe('serving', () => {
  it.each(['/', ...PAGES.map((page) => `/${page}`), '/approvals/ap_1', '/sessions/a/b/c'])(
    'answers %s with the page',
    async (path) => {
      const { status, headers, body } = await fetchRaw(path)
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('text/html; charset=utf-8')
      expect(headers['cache-control']).toBe('no-store')
      expect(body.toString()).toContain('<div id="console">')
    },
  )

  it('lets the page load its own files and nothing else', async () => {
    const { headers } = await fetchRaw('/')
    const policy = headers['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  it.each(['/v1/nothing', '/openai/v1/nothing', '/approve', '/console', '/approvalsX', '/index.html'])(
    'does not answer %s with the page',
    async (path) => {
      const { status, headers } = await fetchRaw(path)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(headers['content-type']).toContain('json')
    },
  )

  it('sends files as they were compressed, to be kept for good', async () => {
    const folder = await buildConsole()
    const script = (await readdir(join(folder, 'assets'))).find((name) => /^index-.*\.js$/.test(name))!
    const plain = await fetchRaw(`/assets/${script}`)
    const br = await fetchRaw(`/assets/${script}`, { 'accept-encoding': 'gzip, deflate, br' })
    const gz = await fetchRaw(`/assets/${script}`, { 'accept-encoding': 'gzip' })
    for (const { status, headers } of [plain, br, gz]) {
      expect(status).toBe(200)
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
      expect(headers['content-type']).toBe('text/javascript; charset=utf-8')
      expect(headers['vary']).toBe('accept-encoding')
    }
    expect(br.headers['content-encoding']).toBe('br')
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true)
    expect(gz.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(gz.body).equals(plain.body)).toBe(true)
  })

  it('keeps names without a digest only briefly', async () => {
    const { headers } = await fetchRaw('/assets/theme.js')
    expect(headers['cache-control']).toBe('public, max-age=300')
  })

  it.each([
    '/assets/nothing-12345678.js',
    '/assets/..%2findex.html',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e%2findex.html',
    '/assets/theme.js%00.svg',
    '/assets/..%5cindex.html',
    '/assets/index.html',
  ])('does not send %s', async (path) => {
    expect((await fetchRaw(path)).status).toBeGreaterThanOrEqual(400)
  })

  it('says how to build it when it is not built', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'belay-unbuilt-'))
    const server = await startTestServer({ doors: [consoleDoor({ folder })] })
    try {
      const answer = await server.call('GET', '/', undefined, { token: null })
      expect(answer.status).toBe(503)
      expect(answer.body).toContain('npm run build:console')
    } finally {
      await server.close()
      await rm(folder, { recursive: true })
    }
  })
})

describe('around the pages', () => {
  it('leads who is not logged in to the log-in, and from there to where he wanted to go', async () => {
    const context = await belay.browser.newContext()
    const page = await context.newPage()
    await page.goto(`${belay.server.url}/budgets?agent=writer`)
    await page.waitForURL('**/login?to=*')
    expect(new URL(page.url()).searchParams.get('to')).toBe('/budgets?agent=writer')
    await page.getByText('Log in with a link from').waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    await keepPicture(page, 'login')
    await context.close()
  })

  it('ends the log-in at the overview, and the log-out at the log-in', async () => {
    const page = await belay.open({ as: 'lead@example.com', roles: ['approver'] })
    expect(new URL(page.url()).pathname).toBe('/')
    await page.getByRole('button', { name: 'Account: lead@example.com' }).click()
    await page.getByText('approver', { exact: true }).waitFor()
    await keepPicture(page, 'account')
    expect(await accessibilityFaults(page)).toEqual([])
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.waitForURL('**/login*')
    await page.goto(belay.server.url)
    await page.waitForURL('**/login*')
  })

  it('goes from page to page, with the focus and the title', async () => {
    const page = await belay.open()
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the page')
    await page.getByRole('link', { name: 'Budgets' }).click()
    await page.getByRole('heading', { level: 1, name: 'Budgets' }).waitFor()
    expect(await page.title()).toBe('Budgets · Belay')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    expect(await page.getByRole('link', { name: 'Budgets' }).getAttribute('aria-current')).toBe('page')
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  })

  it('has every page within reach of the thumb on a phone', async () => {
    const page = await belay.open({ size: 'phone' })
    await page.getByRole('button', { name: 'More' }).click()
    await keepPicture(page, 'phone-more')
    expect(await accessibilityFaults(page)).toEqual([])
    await page.getByRole('group', { name: 'More pages' }).getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()
    await page.getByRole('link', { name: 'Policy' }).waitFor({ state: 'hidden' })
  })

  it('keeps the theme that was chosen', async () => {
    const page = await belay.open({ theme: 'light' })
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const light = await ground()
    await page.getByRole('button', { name: /^Account/ }).click()
    await page.getByRole('radio', { name: 'Dark' }).check()
    await expect.poll(ground).not.toBe(light)
    const dark = await ground()
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    await expect.poll(ground).toBe(dark)
  })

  it('says so when an address leads nowhere', async () => {
    const page = await belay.open()
    await page.goto(`${belay.server.url}/approvals/a/b/c`)
    await page.getByText('This address leads nowhere.').waitFor()
    await page.getByRole('link', { name: 'Go to the overview' }).click()
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  })
})

describe('live', () => {
  it('says when the connection is lost, and goes on where it was', async () => {
    const page = await belay.open()
    await page.getByText('Live', { exact: true }).waitFor()
    await belay.server.propose('note.publish', undefined, { agent: 'reader' })
    await page.getByRole('link', { name: /Approvals\s*1 waiting/ }).waitFor()
    await page.route('**/v1/events', async (route) => route.abort())
    belay.server.app.server.closeAllConnections()
    await page.getByRole('alert').getByText('The connection to Belay is lost.').waitFor()
    await belay.server.propose('note.publish', undefined, { agent: 'reader' })
    let resumed: string | undefined
    await page.unroute('**/v1/events')
    page.on('request', (request) => {
      if (request.url().endsWith('/v1/events')) resumed = request.headers()['last-event-id']
    })
    await page.getByText('Live', { exact: true }).waitFor()
    expect(resumed).toMatch(/^.+:\d+/)
    await page.getByRole('link', { name: /Approvals\s*2 waiting/ }).waitFor()
  })

  it('reads the events once for all tabs, and another tab takes over', async () => {
    const first = await belay.open()
    await first.getByText('Live', { exact: true }).waitFor()
    const streams: string[] = []
    first.context().on('request', (request) => {
      if (request.url().endsWith('/v1/events')) streams.push(request.url())
    })
    const second = await first.context().newPage()
    await second.goto(belay.server.url)
    await second.getByText('Live', { exact: true }).waitFor()
    expect(streams).toEqual([])
    await belay.server.call('PATCH', '/v1/agents/writer', { state: 'paused', reason: 'tabs' })
    await second.getByText('writer is paused', { exact: true }).waitFor()
    await first.close()
    await expect.poll(() => streams.length).toBe(1)
    await belay.server.call('PATCH', '/v1/agents/writer', { state: 'active', reason: 'tabs' })
    await second.getByText('writer is paused', { exact: true }).waitFor({ state: 'detached' })
  })
})
