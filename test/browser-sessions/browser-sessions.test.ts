import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openHarness, type Harness } from '../../src/entry/harness.ts'
import { BrowserDesk } from '../../src/entry/browser/browser-desk.ts'
import type { CallEnd } from '../../src/entry/browser/running-call.ts'
import { chooseHome } from '../../src/entry/browser/choose-home.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { findChromium } from '../setup/chromium.ts'
import { findSandboxPrograms } from '../setup/sandbox-programs.ts'
import { LEAD, policyFor } from './policy.ts'
import { startSite, type Site } from './site.ts'

let folder: string
let site: Site
let harness: Harness
let desk: BrowserDesk
const faults: unknown[] = []

async function openDesk(): Promise<BrowserDesk> {
  const { flow, store, policies, data } = harness
  const options = { flow, store, policies, data, onFault: (error: unknown) => void faults.push(error) }
  return new BrowserDesk({
    ...options,
    folder: join(data, 'browsers'),
    home: await chooseHome(options),
    most: 3,
  })
}

beforeAll(async () => {
  await findSandboxPrograms()
  process.env['BELAY_CHROMIUM'] = await findChromium()
  process.env['BELAY_TEST_SHOP_PASSWORD'] = 'p4ss-of-the-shop'
  folder = await mkdtemp(join(tmpdir(), 'belay-browser-'))
  site = await startSite()
  await writeFile(join(folder, 'belay.yaml'), policyFor(site.host))
  harness = await openHarness({
    config: join(folder, 'belay.yaml'),
    data: join(folder, 'data'),
    watch: false,
  })
  desk = await openDesk()
})

beforeEach(() => {
  faults.length = 0
})

afterAll(async () => {
  await desk.closeAll()
  await harness.close()
  await site.close()
  await rm(folder, { recursive: true, force: true })
})

const open = (account = 'shop', agent = 'buyer') => desk.open({ account, agent })

async function call(id: string, body: JsonObject): Promise<CallEnd> {
  const running = await desk.begin(id, null, body)
  const end = await running.finished
  if (end === undefined) throw new Error('the call came to nothing')
  return end
}

async function done(id: string, body: JsonObject): Promise<JsonObject> {
  const end = await call(id, body)
  expect(end.action.state.name, `${JSON.stringify(body)}: ${end.error}`).toBe('succeeded')
  return end.result as JsonObject
}

async function logIn(id: string, user: string): Promise<void> {
  await done(id, { call: 'goto', url: `${site.url}/login` })
  await done(id, { call: 'fill', target: { label: 'Name' }, value: user })
  await done(id, { call: 'fill', target: { label: 'Password' }, secret: 'SHOP_PASSWORD' })
  await done(id, { call: 'click', target: { role: 'button', name: 'Log in' } })
}

const who = async (id: string): Promise<unknown> => {
  await done(id, { call: 'goto', url: `${site.url}/account` })
  return (await done(id, { call: 'text', target: { selector: '#who' } }))['text']
}

describe('the browser of an account', () => {
  it('logs in with a secret that stands in no record, and keeps pictures', async () => {
    const { id } = await open()
    await logIn(id, 'ann')
    expect(site.sent['/login']?.at(-1)).toBe('user=ann&pass=p4ss-of-the-shop')
    expect(await who(id)).toBe('hello ann')

    const actions = await harness.store.actions({ agent: 'buyer', limit: 50 })
    const payloads = await harness.store.payloadsOf(actions.map((one) => one.id))
    expect(payloads.map(({ text }) => text ?? '').join()).not.toContain('p4ss-of-the-shop')
    const click = actions.find(({ name }) => name === 'browser.click')!
    const pictures = payloads.filter(({ action, kind }) => action === click.id && kind.startsWith('picture:'))
    expect(pictures.map(({ kind }) => kind).toSorted()).toEqual(['picture:after', 'picture:before'])
    for (const { text } of pictures) {
      const jpeg = Buffer.from((JSON.parse(text ?? '') as { base64: string }).base64, 'base64')
      expect(jpeg.subarray(0, 3).toString('hex')).toBe('ffd8ff')
    }
    await desk.close(id, null)
  })

  it('is logged in after kill -9 of the browser, with what its pages stored, and says that it was started again', async () => {
    const { id } = await open()
    await logIn(id, 'ben')
    await done(id, { call: 'goto', url: `${site.url}/notes` })
    await done(id, { call: 'click', target: { role: 'button', name: 'Keep' } })
    const state = join(folder, 'data', 'browsers', 'shop', 'state.json')
    await expect.poll(() => readFileSync(state, 'utf8'), { timeout: 60_000 }).toContain('in the database')
    expect(readFileSync(state, 'utf8')).toContain('"ben"')
    expect(statSync(state).mode & 0o777).toBe(0o600)
    expect(statSync(join(state, '..')).mode & 0o777).toBe(0o700)

    const pid = chromiumOf('shop')
    expect(networksOfBrowsers()).not.toContain(readlinkSync('/proc/self/ns/net'))
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => existsSync(`/proc/${pid}/exe`)).toBe(false)
    // Whichever call meets it says so, before it is an action or as the reason why it failed.
    const told = (): Promise<string | undefined> =>
      desk.begin(id, null, { call: 'text' }).then(
        async (running) => (await running.finished)?.error,
        (error: Error) => error.message,
      )
    await expect.poll(told, { timeout: 60_000 }).toContain('was started again')
    expect(await who(id)).toBe('hello ben')
    await done(id, { call: 'goto', url: `${site.url}/notes` })
    await expect
      .poll(async () => (await done(id, { call: 'text' }))['text'], { timeout: 60_000 })
      .toMatch(/in the storage\s+in the database/)
    await desk.close(id, null)
  })

  it('is another one for each account, and opens again logged in', async () => {
    const first = await open('shop')
    const second = await open('second')
    await logIn(first.id, 'cat')
    expect(await who(second.id)).toBe('a stranger')
    expect(await who(first.id)).toBe('hello cat')
    await desk.close(first.id, null)
    await desk.close(second.id, null)
    const again = await open('shop')
    expect(await who(again.id)).toBe('hello cat')
    await desk.close(again.id, null)
  })

  it('is used by one agent at a time, and only by those that the policy names', async () => {
    const { id } = await open()
    await expect(open('shop', 'other')).rejects.toMatchObject({ code: 'browser:in_use' })
    await expect(open('shop', 'reader')).rejects.toMatchObject({ code: 'browser:unknown_account' })
    await expect(open('second', 'other')).rejects.toMatchObject({ code: 'browser:unknown_account' })
    await expect(open('constructor')).rejects.toMatchObject({ code: 'browser:unknown_account' })
    await expect(desk.begin(id, 'other', { call: 'text' })).rejects.toMatchObject({
      code: 'browser:not_found',
    })
    // Another process with the same data folder meets the lock of the profile.
    const rival = await openDesk()
    await expect(rival.open({ account: 'shop', agent: 'buyer' })).rejects.toMatchObject({
      code: 'browser:in_use',
    })
    await rival.closeAll()
    const waiting = desk.open({ account: 'shop', agent: 'other', wait: 20_000 })
    await desk.close(id, null)
    await desk.close((await waiting).id, null)
    expect(
      readdirSync(join(folder, 'data', 'browsers', 'shop')).filter((name) => /^(lock|chromium)\./.test(name)),
    ).toEqual([])
  })
})

describe('a call', () => {
  let id: string
  beforeAll(async () => {
    id = (await open()).id
  })
  afterAll(() => desk.close(id, null))
  beforeEach(async () => {
    await done(id, { call: 'goto', url: `${site.url}/tools` })
    site.requests.length = 0
  })

  it('that waits for a person is done when that person says so, and not before', async () => {
    const running = await desk.begin(id, null, {
      call: 'click',
      target: { role: 'button', name: 'Remove everything' },
    })
    const held = await running.action()
    expect(held.state.name).toBe('held')
    expect(await harness.flow.input(held)).toMatchObject({
      account: 'shop',
      url: `${site.url}/tools`,
      element: { role: 'button', name: 'Remove everything' },
    })
    const kept = await harness.store.payloads(held.id)
    expect(kept.map(({ kind }) => kind)).toContain('picture:before')
    await expect(desk.begin(id, null, { call: 'text' })).rejects.toMatchObject({ code: 'browser:busy' })
    expect(site.requests).toEqual([])

    await vote(held, 'approve')
    const end = await running.finished
    expect(end?.action.state.name).toBe('succeeded')
    expect(site.requests).toEqual(['POST /remove'])
    expect(end?.result).toMatchObject({ title: 'Removed', provenance: `untrusted:web:${site.host}` })
    // What the page says goes through the checks of results.
    const text = await call(id, { call: 'text' })
    expect(text).toMatchObject({ result: null })
    expect(text.action.state).toMatchObject({ name: 'succeeded', judged: { effective: 'deny' } })
  })

  it('that a person rejects, or a rule denies, never reaches the page', async () => {
    const running = await desk.begin(id, null, { call: 'click', target: { text: 'Remove everything' } })
    await vote(await running.action(), 'reject')
    expect((await running.finished)?.action.state.name).toBe('denied')
    const shifty = await call(id, { call: 'click', target: { selector: '#shifty' } })
    expect(shifty.action).toMatchObject({ state: { name: 'denied' }, reasons: [{ code: 'shop:shifty' }] })
    const press = await call(id, { call: 'press', key: 'Enter' })
    expect(press.action.state.name).toBe('denied')
    expect(site.requests).toEqual([])
  })

  it('is withdrawn when its session closes', async () => {
    const own = await open('second')
    await done(own.id, { call: 'goto', url: `${site.url}/tools` })
    const running = await desk.begin(own.id, null, { call: 'click', target: { text: 'Remove everything' } })
    await desk.close(own.id, null)
    expect((await running.finished)?.action.state.name).toBe('cancelled')
    expect(site.requests).not.toContain('POST /remove')
  })

  it('answers questions of the page as it was decided to, and follows new windows', async () => {
    expect((await done(id, { call: 'click', target: { text: 'Ask me' } }))['dialogs']).toEqual([
      { type: 'confirm', message: 'Really?', answer: 'dismissed' },
    ])
    expect(site.requests).toEqual([])
    await done(id, { call: 'click', target: { text: 'Ask me' }, dialog: 'accept' })
    await expect.poll(() => site.requests).toEqual(['POST /confirmed'])
    expect(await done(id, { call: 'click', target: { text: 'New window' } })).toMatchObject({
      opened: true,
      url: `${site.url}/notes`,
    })
  })

  it('hands over what it downloads and gives what it uploads', async () => {
    const got = await call(id, { call: 'download', target: { text: 'Get the file' } })
    expect(got.content?.toString()).toBe('the content')
    expect(got.result).toMatchObject({ name: 'a file.txt', bytes: 11, text: 'the content' })
    const content = Buffer.from('from the agent').toString('base64')
    await done(id, { call: 'upload', target: { label: 'Upload' }, files: [{ name: 'a.txt', content }] })
    await expect.poll(() => site.sent['/uploaded']).toEqual(['from the agent'])
    expect(await done(id, { call: 'select', target: { label: 'Colour' }, values: ['blue'] })).toMatchObject({
      selected: ['blue'],
    })
    // A download that nobody asked for goes nowhere.
    await call(id, { call: 'click', target: { text: 'Get the file' } })
    expect(readdirSync(join(folder, 'data', 'browsers', 'shop', 'profile', 'downloads'))).toEqual([])
    const shot = await call(id, { call: 'screenshot' })
    expect(shot.content?.subarray(0, 3).toString('hex')).toBe('ffd8ff')
  })

  it.each([
    ['file:///etc/passwd', 'browser:host'],
    ['view-source:file:///etc/passwd', 'browser:host'],
    ['view-source:http://127.0.0.1/', 'browser:host'],
    ['blob:http://127.0.0.1/x', 'browser:host'],
    ['chrome://settings', 'browser:host'],
    ['javascript:alert(1)', 'browser:host'],
    ['data:text/html,hello', 'browser:host'],
    ['http://abroad.test/', 'browser:host'],
    ['http://127.0.0.1:9/', 'browser:host'],
    ['http://user:word@127.0.0.1/', 'browser:host'],
  ])('does not go to %s', async (url, code) => {
    await expect(desk.begin(id, null, { call: 'goto', url })).rejects.toMatchObject({ code })
  })

  it.each(['To a file', 'To the source of a file'])('%s no page leads', async (name) => {
    await call(id, { call: 'click', target: { text: name } })
    const { text, url } = await done(id, { call: 'text' })
    expect(JSON.stringify([text, url])).not.toMatch(/root:|file:|view-source:/)
  })

  it('does not stay where a page leads it that is not allowed', async () => {
    await call(id, { call: 'click', target: { text: 'Away' } })
    const { url } = await done(id, { call: 'text' })
    expect(url).not.toContain('abroad.test')
    await done(id, { call: 'goto', url: `${site.url}/abroad` })
    expect((await done(id, { call: 'text' }))['text']).toContain('done')
  })

  it.each<[string, JsonObject, string]>([
    ['two elements', { call: 'click', target: { selector: '.twin' } }, 'browser:element'],
    ['no element', { call: 'click', target: { text: 'Not there' } }, 'browser:element'],
    ['no target', { call: 'click' }, 'input:invalid'],
    ['two ways to name it', { call: 'click', target: { text: 'a', label: 'b' } }, 'input:invalid'],
    [
      'a chain of engines',
      { call: 'click', target: { selector: 'a >> internal:control=enter-frame' } },
      'input:invalid',
    ],
    ['another call', { call: 'evaluate', value: '1' }, 'input:invalid'],
    ['what does not belong to it', { call: 'text', value: 'x' }, 'input:invalid'],
    ['an unknown secret', { call: 'fill', target: { label: 'Name' }, secret: 'PATH' }, 'input:invalid'],
    ['a key that is none', { call: 'press', key: 'Enter Enter' }, 'input:invalid'],
    [
      'content that is not base64',
      { call: 'upload', target: { label: 'Upload' }, files: [{ name: 'a', content: '%%' }] },
      'input:invalid',
    ],
  ])('is refused for %s', async (_what, body, code) => {
    await expect(desk.begin(id, null, body)).rejects.toMatchObject({ code })
    expect(site.requests).toEqual([])
  })

  it('went without a fault', () => expect(faults).toEqual([]))
})

async function vote(held: Awaited<ReturnType<CallEndAction>>, outcome: 'approve' | 'reject'): Promise<void> {
  const approval = 'approval' in held.state ? held.state.approval : undefined
  await harness.flow.vote(approval!.id, { by: LEAD, outcome, reason: 'looked at the picture' })
}
type CallEndAction = () => Promise<CallEnd['action']>

function chromiumOf(account: string): number {
  const mark = readdirSync(join(folder, 'data', 'browsers', account)).find((name) =>
    name.startsWith('chromium.'),
  )
  return Number(mark?.split('.')[1])
}

/** Of every process of a browser whose profile is /workspace, as it is in a sandbox alone. */
function networksOfBrowsers(): readonly string[] {
  const found = readdirSync('/proc').flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      const isBrowser = command.includes('chromium') && command.includes('--user-data-dir=/workspace')
      return isBrowser && !command.startsWith('sh\0') ? [readlinkSync(`/proc/${pid}/ns/net`)] : []
    } catch {
      return []
    }
  })
  expect(found.length).toBeGreaterThan(0)
  return found
}
