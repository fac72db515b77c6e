import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Belay } from '../../src/entry/sdk/belay.ts'
import { findChromium } from '../setup/chromium.ts'
import { findSandboxPrograms } from '../setup/sandbox-programs.ts'
import { policyFor } from './policy.ts'
import { startSite } from './site.ts'

it('kill -9 of the harness ends the browser, frees the profile and loses no log-in', async () => {
  await findSandboxPrograms()
  process.env['BELAY_CHROMIUM'] = await findChromium()
  process.env['BELAY_TEST_SHOP_PASSWORD'] = 'p4ss-of-the-shop'
  const site = await startSite()
  const folder = await mkdtemp(join(tmpdir(), 'belay-browser-killed-'))
  try {
    await writeFile(join(folder, 'belay.yaml'), policyFor(site.host))
    const harness = spawn(
      process.execPath,
      [join(import.meta.dirname, 'doomed-harness.ts'), folder, site.url],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    expect((await once(harness, 'exit'))[1]).toBe('SIGKILL')
    const marks = await readdir(join(folder, 'data', 'browsers', 'shop'))
    const browser = marks.find((name) => name.startsWith('chromium.'))?.split('.')[1]
    expect(browser).toBeDefined()
    await expect.poll(() => existsSync(`/proc/${browser}/exe`), { timeout: 60_000 }).toBe(false)

    const belay = await Belay.open({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })
    try {
      const shop = await belay.browser('shop', { agent: 'buyer' })
      await shop.goto(`${site.url}/account`)
      expect((await shop.text({ target: '#who' })).text).toBe('hello eve')
    } finally {
      await belay.close()
    }
  } finally {
    await site.close()
    await rm(folder, { recursive: true, force: true })
  }
}, 120_000)
