import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { consoleDoor } from '../../src/entry/console/console-door.ts'
import type { Role } from '../../src/policy/compile-people.ts'
import { buildConsole } from './build-console.ts'
import { startChromium } from './chromium.ts'
import { startTestServer } from './http-server.ts'
import type { TestServer } from './http-server.ts'
import { logIn } from './people.ts'

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
  /** A browser of its own, logged in. */
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
      page.setDefaultTimeout(60_000)
      page.on('pageerror', (error) => errors.push(`${page.url()}: ${error.message}`))
      page.on('console', (message) => {
        // A refused request says so by itself; the test that asked for one looks at the page.
        if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return
        errors.push(`${page.url()}: ${message.text()}`)
      })
      const { cookie } = await logIn(server, as, roles)
      const [name = '', value = ''] = cookie.split('=', 2)
      await context.addCookies([{ name, value, url: server.url, httpOnly: true, sameSite: 'Strict' }])
      await page.goto(server.url + path)
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

type AxeResults = Awaited<ReturnType<AxeBuilder['analyze']>>

const AXE = createRequire(createRequire(import.meta.url).resolve('@axe-core/playwright')).resolve(
  'axe-core/axe.min.js',
)
const EVERY_RULE = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What another theme can break: it changes colours alone. */
const RULES_OF_COLOURS = ['color-contrast', 'link-in-text-block']
const OTHER_THEME = "matchMedia('(prefers-color-scheme: dark)').matches ? 'light' : 'dark'"
/** Where Chromium has made a text larger for a phone, it would keep the colour of the theme before. */
const STYLE_ANEW =
  "{ const all = new CSSStyleSheet(); all.replaceSync('* { --anew: 1 }'); document.adoptedStyleSheets.push(all) }"
/** The first may have been drawn with the colours before. */
const TWO_FRAMES = 'new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))'
let axe: Promise<string> | undefined

/** What axe finds against WCAG 2.2 A and AA, in both themes, as text; empty when there is nothing. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') {
    axe ??= readFile(AXE, 'utf8')
    await page.evaluate(await axe)
  }
  const faults = await runAxe(page, { type: 'tag', values: EVERY_RULE })
  await inOtherTheme(page, async (theme) => {
    const more = await runAxe(page, { type: 'rule', values: RULES_OF_COLOURS })
    if (more.length === 0) return
    // A fault is what lasts: the page may have been drawn half in the theme before.
    await page.evaluate(TWO_FRAMES)
    const still = new Set(await runAxe(page, { type: 'rule', values: RULES_OF_COLOURS }))
    faults.push(...more.filter((fault) => still.has(fault)).map((fault) => `${theme}: ${fault}`))
  })
  return faults
}

async function inOtherTheme(page: Page, work: (theme: 'light' | 'dark') => Promise<void>): Promise<void> {
  const theme: 'light' | 'dark' = await page.evaluate(OTHER_THEME)
  await page.emulateMedia({ colorScheme: theme })
  await page.evaluate(STYLE_ANEW)
  await page.evaluate(TWO_FRAMES)
  await work(theme)
  await page.emulateMedia({ colorScheme: theme === 'dark' ? 'light' : 'dark' })
  await page.evaluate('document.adoptedStyleSheets.pop()')
}

/** The package for Playwright gathers the same in another page, which costs ten times as much. */
async function runAxe(
  page: Page,
  runOnly: { readonly type: 'tag' | 'rule'; readonly values: readonly string[] },
): Promise<string[]> {
  const options = JSON.stringify({ runOnly, resultTypes: ['violations'] })
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, ${options})`)
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)}: ${node.failureSummary ?? ''}`),
  )
}

/** Whether the page is wider than the window, so that one has to scroll sideways. */
export async function overflowsSideways(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
}

/** Keeps pictures for people to look at, in the folder that BELAY_SCREENSHOTS names; without one, none. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env['BELAY_SCREENSHOTS']
  if (folder === undefined || folder === '') return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  await inOtherTheme(page, async (theme) => {
    await page.screenshot({ path: join(folder, `${name}-${theme}.png`), fullPage: true })
  })
}
