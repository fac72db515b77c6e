import type { Page } from 'playwright-core'
import type { AccountBrowser } from './account-browser.ts'

export interface Settling {
  /** When what was done has led where it leads, or after `ms`. Never rejects. */
  settled(ms: number): Promise<void>
  close(): void
}

/**
 * Watches what a call sets off in a page. A form is sent and a window opened in tasks after the click, so the page is
 * asked for two more of its tasks; the browser says in the same order what they began, and later that it has ended.
 */
export async function watchSettling(account: AccountBrowser, page: Page): Promise<Settling> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Page.enable')
  const { frameTree } = await cdp.send('Page.getFrameTree')
  const main = frameTree.frame.id
  const windows = account.windows()
  let under = false
  let onEnd: () => void = () => undefined
  cdp.on('Page.frameRequestedNavigation', ({ frameId, disposition }) => {
    under ||= frameId === main && disposition === 'currentTab'
  })
  cdp.on('Page.frameStoppedLoading', ({ frameId }) => {
    if (frameId !== main) return
    under = false
    onEnd()
  })
  const gone = new Promise<void>((resolve) => page.once('close', () => resolve()))

  async function tasks(): Promise<void> {
    // A page that goes elsewhere meanwhile takes the question with it.
    await cdp
      .send('Runtime.evaluate', {
        expression: 'new Promise((done) => setTimeout(() => setTimeout(done)))',
        awaitPromise: true,
      })
      .catch(() => undefined)
    while (under) await new Promise<void>((resolve) => (onEnd = resolve))
    await page.waitForLoadState('load').catch(() => undefined)
    await account.opened(windows)
  }

  return {
    async settled(ms) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
      await Promise.race([tasks().catch(() => undefined), gone, late])
      clearTimeout(timer)
    },
    close() {
      cdp.detach().catch(() => undefined)
    },
  }
}
