import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { consoleDoor } from '../../src/entry/console/console-door.ts'
import type { Role } from '../../src/policy/compile-people.ts'
import { buildConsole } from './build-console.ts'
import { startChromium } from './chromium.ts'
import { startTestServer } from './http-server.ts'
import type { TestServer } from './http-server.ts'
import { linkFor } from './people.ts'

export const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
} as const

export interface OpenOptions {
  /** Where to go after the log-in. Default `/`. */
  readonly path?: string
  readonly size?: keyof typeof SIZES
  readonly theme?: 'light' | 'dark'
  /** Who logs in. Default `admin`, with every role. */
  readonly as?: string
  readonly roles?: readonly Role[]
}

export interface ConsoleUnderTest {
  readonly server: TestServer
  readonly browser: Browser
  /** A browser of its own, logged in by a one-time link. */
  open(options?: OpenOptions): Promise<Page>
  /** Closes everything. Throws when a page wrote an error to its console, broke its security policy, or threw. */
  close(): Promise<void>
}

/** A harness of its own with the console built from source, and a browser to look at it with. */
export async function startConsole(
  options: Parameters<typeof startTestServer>[0] = {},
): Promise<ConsoleUnderTest> {
  const [folder, browser] = await Promise.all([buildConsole(), startChromium()])
  const server = await startTestServer({
    ...options,
    doors: [...(options.doors ?? []), consoleDoor({ folder })],
  })
  const contexts: BrowserContext[] = []
  const errors: string[] = []
  return {
    server,
    browser,
    async open({ path = '/', size = 'desktop', theme = 'light', as = 'admin', roles } = {}) {
      const context = await browser.newContext({
        viewport: SIZES[size],
        colorScheme: theme,
        hasTouch: size === 'phone',
        isMobile: size === 'phone',
        locale: 'en-US',
        reducedMotion: 'reduce',
      })
      // A page that is left open draws again with every event of the tests that follow.
      if (expect.getState().currentTestName === undefined) contexts.push(context)
      else onTestFinished(() => context.close())
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      page.on('pageerror', (error) => errors.push(`${page.url()}: ${error.message}`))
      page.on('console', (message) => {
        // A refused request says so by itself; the test that asked for one looks at the page.
        if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return
        errors.push(`${page.url()}: ${message.text()}`)
      })
      const { token } = await linkFor(server, as, roles)
      await page.goto(`${server.url}/login?to=${encodeURIComponent(path)}#${token}`)
      await page.waitForURL((url) => url.pathname !== '/login')
      await page.getByRole('heading', { level: 1 }).waitFor()
      return page
    },
    async close() {
      for (const context of contexts) await context.close()
      await browser.close()
      await server.close()
      if (errors.length > 0) throw new Error(`Errors in the browser:\n${errors.join('\n')}`)
    },
  }
}

/** What axe finds against WCAG 2.2 A and AA, as text; empty when there is nothing. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)}: ${node.failureSummary ?? ''}`),
  )
}

/** Whether the page is wider than the window, so that one has to scroll sideways. */
export async function overflowsSideways(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
}

/** Keeps a picture for people to look at, in the folder that BELAY_SCREENSHOTS names; without one, none. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env['BELAY_SCREENSHOTS']
  if (folder === undefined || folder === '') return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
