import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import { installPrograms } from './system-programs.ts'

const SHELL = '/usr/bin/chromium-headless-shell'
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A browser to look at pages with, without windows: `CHROMIUM` names one. */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: await findShell(),
    args: FLAGS,
    chromiumSandbox: false,
    // A signal ends this program, and with its pipe the browser; handled, it would end the browser alone.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
}

/**
 * Chromium without what draws windows, which opens a page in a third of the time; installed when there is none. Where
 * there is no such package, the whole of it.
 */
async function findShell(): Promise<string> {
  const named = process.env['CHROMIUM']
  if (named !== undefined && named !== '') return named
  if (existsSync(SHELL)) return SHELL
  return installPrograms('chromium-headless-shell').then(
    () => SHELL,
    () => findChromium(),
  )
}

/** The system's Chromium; Debian's is installed when there is none. `CHROMIUM` names another. */
export async function findChromium(): Promise<string> {
  const named = process.env['CHROMIUM']
  if (named !== undefined && named !== '') return named
  const found = PLACES.find((path) => existsSync(path))
  if (found !== undefined) return found
  try {
    await installPrograms('chromium')
  } catch (error) {
    throw new Error(
      'The tests of the console need Chromium: apt-get install chromium, or name one in CHROMIUM.',
      {
        cause: error,
      },
    )
  }
  return PLACES[0]!
}
