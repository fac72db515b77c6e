import { createHash } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { JsonObject } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import { OutcomeUnknown } from '../execute.ts'
import type { AccountBrowser, BegunDownload } from './account-browser.ts'
import { find, type Element, type Target } from './locate.ts'
import { watchSettling } from './settling.ts'

export const PAGE_CALLS = [
  'goto',
  'click',
  'fill',
  'press',
  'select',
  'upload',
  'download',
  'text',
  'screenshot',
] as const

export type PageCallName = (typeof PAGE_CALLS)[number]

/** One call as it will be carried out: shaped, bounded, and with its secrets in it. */
export interface PageCall {
  readonly call: PageCallName
  readonly target?: Target
  readonly url?: string
  readonly value?: string
  readonly key?: string
  readonly values?: readonly string[]
  readonly files?: readonly UploadedFile[]
  readonly fullPage?: boolean
  readonly dialog?: 'accept' | 'dismiss'
}

export interface UploadedFile {
  readonly name: string
  readonly type: string
  readonly content: Buffer
}

/** What a call gives beside what is recorded: bytes for the agent. */
export interface PageAnswer {
  readonly result: JsonObject
  readonly content?: Buffer
}

/** What an element may take to appear. */
export const FIND_MS = 5_000
const NAVIGATION_MS = 30_000
const SETTLE_MS = 10_000
const DOWNLOAD_MS = 60_000
const MAX_TEXT = 100_000
const MAX_DOWNLOAD = 8 * 1024 * 1024

/**
 * Does one call on the page. What fails before anything was done rejects plainly; what may have been done rejects
 * with `OutcomeUnknown`.
 */
export async function performCall(
  account: AccountBrowser,
  page: Page,
  call: PageCall,
  expected: Element | undefined,
  signal: AbortSignal,
): Promise<PageAnswer> {
  account.takeDialogs()
  account.dialogAnswer = call.dialog ?? 'dismiss'
  try {
    const answer = await CALLS[call.call]({ account, page, call, expected, signal })
    if (account.pid === null) throw new OutcomeUnknown('the browser ended')
    const front = await account.page()
    if (front !== page)
      await front.waitForLoadState('domcontentloaded', { timeout: SETTLE_MS }).catch(() => undefined)
    await leaveForbidden(account, front)
    const dialogs = account.takeDialogs()
    return {
      ...answer,
      result: {
        ...answer.result,
        ...(await placeOf(front)),
        ...(front !== page && { opened: true }),
        ...(dialogs.length > 0 && { dialogs }),
        provenance: `untrusted:web:${hostOf(front.url())}`,
      },
    }
  } finally {
    account.dialogAnswer = 'dismiss'
    account.touched(page)
  }
}

interface Doing {
  readonly account: AccountBrowser
  readonly page: Page
  readonly call: PageCall
  readonly expected: Element | undefined
  readonly signal: AbortSignal
}

const CALLS: Readonly<Record<PageCallName, (doing: Doing) => Promise<PageAnswer>>> = {
  async goto({ page, call }) {
    const response = await page
      .goto(call.url ?? '', { waitUntil: 'load', timeout: NAVIGATION_MS })
      .catch((error: unknown) => {
        if (error instanceof Error && error.name === 'TimeoutError')
          throw new OutcomeUnknown('the page did not load in time', { cause: error })
        throw new Error(`the page could not be loaded: ${netError(error)}`, { cause: error })
      })
    return { result: { status: response?.status() ?? 0 } }
  },

  async click(doing) {
    const locator = await meant(doing)
    await locator.click({ trial: true, timeout: FIND_MS })
    await begun(doing.account, doing.page, () => locator.click({ timeout: FIND_MS }))
    return { result: {} }
  },

  async fill(doing) {
    const locator = await meant(doing)
    if (!(await locator.isEditable({ timeout: FIND_MS }))) throw new Error('the element cannot be edited')
    await begun(doing.account, doing.page, () => locator.fill(doing.call.value ?? '', { timeout: FIND_MS }))
    return { result: {} }
  },

  async press(doing) {
    const { account, page, call } = doing
    const key = call.key ?? ''
    if (call.target === undefined) await begun(account, page, () => page.keyboard.press(key))
    else {
      const locator = await meant(doing)
      await begun(account, page, () => locator.press(key, { timeout: FIND_MS }))
    }
    return { result: {} }
  },

  async select(doing) {
    const locator = await meant(doing)
    let selected: string[] = []
    await begun(doing.account, doing.page, async () => {
      selected = await locator.selectOption([...(doing.call.values ?? [])], { timeout: FIND_MS })
    })
    return { result: { selected: selected.slice(0, 100).map((one) => one.slice(0, 300).toWellFormed()) } }
  },

  async upload(doing) {
    const locator = await meant(doing)
    const files = (doing.call.files ?? []).map(({ name, type, content }) => ({
      name,
      mimeType: type,
      buffer: content,
    }))
    await begun(doing.account, doing.page, () => locator.setInputFiles(files, { timeout: FIND_MS }))
    return { result: {} }
  },

  async download(doing) {
    const { account, page, signal } = doing
    const locator = await meant(doing)
    await locator.click({ trial: true, timeout: FIND_MS })
    const { host } = account.downloads
    let first: BegunDownload | undefined
    const starts = new Promise<BegunDownload>((resolve) => {
      account.onDownload = (download) => {
        first ??= download
        if (first === download) resolve(download)
        else void download.done.then(() => rm(join(host, download.guid), { force: true }))
      }
    })
    try {
      await account.allowDownloads(true)
      await begun(account, page, () => locator.click({ timeout: FIND_MS }))
      const download = await inTime(starts, FIND_MS, signal, 'no download began')
      const how = await inTime(download.done, DOWNLOAD_MS, signal, 'the download did not end in time')
      const file = join(host, download.guid)
      if (how !== 'completed') throw new OutcomeUnknown('the download was broken off')
      try {
        const { size } = await stat(file)
        if (size > MAX_DOWNLOAD)
          throw new Error(`the file has ${size} bytes; at most ${MAX_DOWNLOAD} are handed over`)
        const content = await readFile(file)
        const digest = createHash('sha256').update(content).digest('hex')
        const text = textIn(content)
        return {
          result: { name: download.name, bytes: size, sha256: digest, ...(text !== null && { text }) },
          content,
        }
      } finally {
        await rm(file, { force: true })
      }
    } finally {
      account.onDownload = null
      await account.allowDownloads(false).catch(() => undefined)
    }
  },

  async text({ page, call }) {
    const found =
      call.target === undefined ? page.locator('body') : (await find(page, call.target, FIND_MS)).locator
    const whole = await found.innerText({ timeout: FIND_MS })
    const text = whole.slice(0, MAX_TEXT).toWellFormed()
    return { result: { text, ...(whole.length > MAX_TEXT && { cut: whole.length }) } }
  },

  async screenshot({ account, page, call }) {
    const content = await account.picture(page, call.fullPage)
    if (content === null) throw new Error('the page could not be pictured')
    return { result: { type: 'image/jpeg', bytes: content.length }, content }
  },
}

/** The element of the call, which must be what was decided on. */
async function meant({ page, call, expected }: Doing) {
  const { locator, element } = await find(page, call.target ?? {}, FIND_MS)
  const { role, name, href, sensitive } = element
  const same =
    expected !== undefined &&
    expected.role === role &&
    expected.name === name &&
    expected.href === href &&
    expected.sensitive === sensitive
  if (!same)
    throw new BelayError('browser:element', {
      where: `${expected?.role ?? ''} ${expected?.name ?? ''}`,
      got: `another by now: ${role} ${name}`,
    })
  return locator
}

/** From here on something may have been done. Waits for the page or the window that it leads to. */
async function begun(account: AccountBrowser, page: Page, act: () => Promise<unknown>): Promise<void> {
  const settling = await watchSettling(account, page).catch((error: unknown) => {
    throw new Error('the page cannot be watched', { cause: error })
  })
  try {
    await act()
    await settling.settled(SETTLE_MS)
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
    throw new OutcomeUnknown(`the browser did not say that it was done: ${said}`, { cause: error })
  } finally {
    settling.close()
  }
}

async function inTime<T>(work: Promise<T>, ms: number, signal: AbortSignal, late: string): Promise<T> {
  let end: (() => void) | undefined
  const over = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new OutcomeUnknown(late))
    const timer = setTimeout(fail, ms)
    signal.addEventListener('abort', fail, { once: true })
    end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', fail)
    }
  })
  try {
    return await Promise.race([work, over])
  } finally {
    end?.()
  }
}

/** A page of a host that is not allowed (a redirect, a script) is not stayed on. */
async function leaveForbidden(account: AccountBrowser, page: Page): Promise<void> {
  const address = page.url()
  if (address === 'about:blank' || /^(blob|data):/.test(address) || account.mayGoTo(address)) return
  await page.goto('about:blank').catch(() => undefined)
  throw new OutcomeUnknown(`the page went to ${hostOf(address)}, which is not allowed, and was left`)
}

async function placeOf(page: Page): Promise<JsonObject> {
  const title = await page.title().catch(() => '')
  return { url: shownAddress(page.url()), title: title.slice(0, 300).toWellFormed() }
}

/** An address of bounded length, without the part that often holds tokens. */
export function shownAddress(address: string): string {
  return (address.split('#', 1)[0] ?? '').slice(0, 2_000).toWellFormed()
}

export function hostOf(address: string): string {
  return URL.parse(address)?.host ?? ''
}

function netError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /net::[A-Z0-9_]+/.exec(message)?.[0] ?? (message.split('\n', 1)[0] ?? '').slice(0, 200)
}

/** A file that is text is looked at by the checks of results. */
function textIn(content: Buffer): string | null {
  if (content.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content).slice(0, MAX_TEXT).toWellFormed()
  } catch {
    return null
  }
}
