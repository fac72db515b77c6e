import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CDPSession, Dialog, Page } from 'playwright-core'
import type { JsonObject } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'
import type { BrowserRule } from '../../../policy/compile-browser.ts'
import { mayGoTo, mayReach } from './allowed-hosts.ts'
import type { BrowserHome } from './browser-home.ts'
import { launchChromium, WINDOW, type Chromium } from './launch-chromium.ts'
import { SENSITIVE_SELECTOR } from './locate.ts'
import { takeProfile, type ProfileLock } from './profile-lock.ts'
import { StoredState } from './stored-state.ts'

export interface AccountBrowserOptions {
  readonly account: string
  readonly rule: BrowserRule
  /** Where the accounts lie; each has a folder of its own in it. */
  readonly folder: string
  readonly home: BrowserHome
  readonly onFault: (error: unknown) => void
}

export interface SeenDialog {
  readonly type: string
  readonly message: string
  readonly answer: 'accepted' | 'dismissed'
}

/** A download that Chromium has begun, by its own id. */
export interface BegunDownload {
  readonly guid: string
  readonly name: string
  readonly done: Promise<'completed' | 'canceled'>
}

const MAX_PAGES = 8
const MAX_PICTURE = 512 * 1024
const PICTURE_MS = 5_000
const MAX_DIALOGS = 20
const CLOSE_MS = 5_000

/**
 * The browser of one account: its profile, locked for this process, and the process that uses it. A browser that was
 * killed is started again with what it had; nothing of that is hidden from the caller.
 */
export class AccountBrowser {
  readonly account: string
  readonly rule: BrowserRule
  readonly #folder: string
  readonly #home: BrowserHome
  readonly #onFault: (error: unknown) => void
  readonly #state: StoredState
  readonly #lock: ProfileLock
  #chromium: Chromium | null = null
  #cdp: CDPSession | null = null
  #pages: Page[] = []
  #dialogs: SeenDialog[] = []
  /** Windows that Chromium has made, and those of them that can be spoken with by now. */
  #windows = { made: 0, here: 0 }
  #onWindow: () => void = () => undefined
  #closed = false
  /** What dialogs of the page are answered with during a call. */
  dialogAnswer: 'accept' | 'dismiss' = 'dismiss'
  onDownload: ((download: BegunDownload) => void) | null = null

  private constructor(options: AccountBrowserOptions, folder: string, lock: ProfileLock) {
    this.account = options.account
    this.rule = options.rule
    this.#folder = folder
    this.#home = options.home
    this.#onFault = options.onFault
    this.#lock = lock
    this.#state = new StoredState(join(folder, 'state.json'), options.onFault)
  }

  /** Throws `browser:in_use`, `browser:unavailable`. */
  static async open(options: AccountBrowserOptions): Promise<AccountBrowser> {
    const folder = join(options.folder, options.account)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const lock = await takeProfile(folder, options.account)
    const opened = new AccountBrowser(options, folder, lock)
    try {
      await opened.#start()
    } catch (error) {
      await opened.close()
      throw error
    }
    return opened
  }

  /** Of the browser's process on this machine; `null` while there is none. */
  get pid(): number | null {
    return this.#chromium?.sandbox.pid ?? null
  }

  get downloads(): Chromium['downloads'] {
    return this.#running().downloads
  }

  /** The page in front. Throws `browser:restarted` when the browser had ended: it runs again then, on an empty page. */
  async page(): Promise<Page> {
    if (this.#chromium === null) {
      await this.#start()
      throw new BelayError('browser:restarted', { account: this.account })
    }
    const page = this.#pages.at(-1)
    return page === undefined || page.isClosed() ? this.#chromium.context.newPage() : page
  }

  /** What the page shows, as JPEG of at most 512 KB with fields for secrets covered; `null` when it cannot be had. */
  async picture(page: Page, fullPage = false): Promise<Buffer | null> {
    for (const quality of [55, 25]) {
      try {
        const picture = await page.screenshot({
          type: 'jpeg',
          quality,
          fullPage,
          scale: 'css',
          animations: 'disabled',
          timeout: PICTURE_MS,
          mask: [page.locator(SENSITIVE_SELECTOR)],
        })
        if (picture.length <= MAX_PICTURE) return picture
      } catch {
        return null
      }
    }
    return null
  }

  /** How many windows the browser has made so far, for `opened`. */
  windows(): number {
    return this.#windows.made
  }

  /** When the windows that were made since then can be spoken with. */
  async opened(since: number): Promise<void> {
    // Whatever was made by now has been told once this is answered.
    await this.#cdp?.send('Browser.getVersion')
    if (this.#windows.made === since) return
    while (this.#chromium !== null && this.#windows.here < this.#windows.made)
      await new Promise<void>((resolve) => (this.#onWindow = resolve))
  }

  /** The dialogs since they were last taken. */
  takeDialogs(): JsonObject[] {
    const seen = this.#dialogs
    this.#dialogs = []
    return seen.map((dialog) => ({ ...dialog }))
  }

  /** Downloads go where they can be read while one is asked for, and nowhere else. */
  async allowDownloads(allowed: boolean): Promise<void> {
    const { downloads } = this.#running()
    await this.#cdp?.send('Browser.setDownloadBehavior', {
      behavior: allowed ? 'allowAndName' : 'deny',
      downloadPath: downloads.inside,
      eventsEnabled: true,
    })
  }

  /** After a call: what it changed is saved soon. */
  touched(page: Page): void {
    this.#state.changed(page.url())
  }

  mayGoTo(address: string): boolean {
    return mayGoTo(this.rule.allow, address)
  }

  /** Saves, ends the browser and gives the profile back. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const chromium = this.#chromium
    if (chromium !== null) {
      await this.#state.save()
      await this.#state.detach()
      this.#chromium = null
      // Asked to close it writes what it has not written yet; one that does not is ended.
      const asked = this.#cdp?.send('Browser.close').catch(() => undefined)
      const orderly = Promise.all([asked, chromium.sandbox.exited]).then(() => true)
      if (await Promise.race([orderly, later(CLOSE_MS).then(() => false)]))
        await rm(this.#unclean, { force: true })
      await chromium.sandbox.kill()
    }
    await this.#state.detach()
    await this.#lock.release()
  }

  #running(): Chromium {
    if (this.#chromium === null) throw new BelayError('browser:restarted', { account: this.account })
    return this.#chromium
  }

  /** Lies there while a browser runs, and after one that did not end in order. */
  get #unclean(): string {
    return join(this.#folder, 'unclean')
  }

  async #start(): Promise<void> {
    const crashed = existsSync(this.#unclean)
    await writeFile(this.#unclean, '', { mode: 0o600 })
    const chromium = await launchChromium(this.account, this.#folder, this.rule, this.#home)
    try {
      await this.#lock.holds(chromium.sandbox.pid)
      const { browser, context } = chromium
      browser.on('disconnected', () => this.#ended(chromium))
      this.#cdp = await browser.newBrowserCDPSession()
      this.#watchDownloads(this.#cdp)
      await this.#watchWindows(this.#cdp, context.pages().length)
      await context.route(
        () => true,
        (route, request) =>
          mayReach(this.rule.allow, request.url()) ? route.fallback() : route.abort('blockedbyclient'),
      )
      await context.routeWebSocket(
        () => true,
        (socket) => {
          if (mayReach(this.rule.allow, socket.url())) socket.connectToServer()
          else void socket.close()
        },
      )
      await this.#state.restore(context, crashed)
      context.on('response', (response) => {
        if (['document', 'xhr', 'fetch'].includes(response.request().resourceType()))
          this.#state.changed(response.url())
      })
      context.on('page', (page) => {
        this.#watch(page)
        this.#windows.here++
        this.#onWindow()
      })
      this.#pages = []
      for (const page of context.pages()) this.#watch(page)
      this.#chromium = chromium
      await this.allowDownloads(false)
    } catch (error) {
      this.#chromium = null
      await chromium.sandbox.kill()
      throw error
    }
  }

  #ended(chromium: Chromium): void {
    if (this.#chromium !== chromium) return
    this.#chromium = null
    this.#cdp = null
    this.#pages = []
    this.#onWindow()
    void this.#state.detach()
    void chromium.sandbox.kill()
  }

  #watch(page: Page): void {
    if (this.#pages.length >= MAX_PAGES) {
      page.close().catch(() => undefined)
      return
    }
    this.#pages.push(page)
    page.setViewportSize(WINDOW).catch(() => undefined)
    page.on('close', () => (this.#pages = this.#pages.filter((one) => one !== page)))
    page.on('dialog', (dialog) => void this.#answer(dialog))
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) this.#state.changed(frame.url())
    })
    page.on('crash', () => void page.close().catch(() => undefined))
  }

  async #answer(dialog: Dialog): Promise<void> {
    // An alert has one answer. A page that wants to be left must not hold the agent back.
    const accepted =
      dialog.type() === 'alert' || dialog.type() === 'beforeunload' || this.dialogAnswer === 'accept'
    if (this.#dialogs.length < MAX_DIALOGS)
      this.#dialogs.push({
        type: dialog.type(),
        message: dialog.message().slice(0, 500).toWellFormed(),
        answer: accepted ? 'accepted' : 'dismissed',
      })
    await (accepted ? dialog.accept() : dialog.dismiss()).catch(this.#onFault)
  }

  async #watchWindows(cdp: CDPSession, here: number): Promise<void> {
    this.#windows = { made: 0, here }
    cdp.on('Target.targetCreated', ({ targetInfo }) => {
      // A page that is only prepared, in case somebody goes there, is no window.
      if (targetInfo.type === 'page' && targetInfo.subtype === undefined) this.#windows.made++
    })
    await cdp.send('Target.setDiscoverTargets', { discover: true })
  }

  #watchDownloads(cdp: CDPSession): void {
    const begun = new Map<string, (how: 'completed' | 'canceled') => void>()
    cdp.on('Browser.downloadWillBegin', ({ guid, suggestedFilename }) => {
      const done = new Promise<'completed' | 'canceled'>((resolve) => begun.set(guid, resolve))
      const name = suggestedFilename.replaceAll(/[^\p{L}\p{N} ._-]/gu, '_').slice(0, 200)
      this.onDownload?.({ guid, name, done })
    })
    cdp.on('Browser.downloadProgress', ({ guid, state }) => {
      if (state === 'inProgress') return
      begun.get(guid)?.(state)
      begun.delete(guid)
    })
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
