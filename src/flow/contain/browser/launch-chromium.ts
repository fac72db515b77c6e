import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Browser, BrowserContext } from 'playwright-core'
import { BelayError } from '../../../errors/catalogue.ts'
import type { BrowserRule } from '../../../policy/compile-browser.ts'
import type { Sandbox } from '../sandbox/provider.ts'
import { resolverRules } from './allowed-hosts.ts'
import type { BrowserHome } from './browser-home.ts'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
]
const START_MS = 30_000
const MAX_MESSAGE = 128 * 1024 * 1024

export const WINDOW = { width: 1280, height: 800 } as const

const FLAGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--no-first-run',
  '--no-default-browser-check',
  '--no-service-autorun',
  '--no-pings',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--disable-breakpad',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-background-networking',
  '--disable-dev-shm-usage',
  '--metrics-recording-only',
  '--password-store=basic',
  '--use-mock-keychain',
  '--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,AutofillServerCommunication',
  // Peers and name servers of its own would go past the rules for hosts.
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  `--window-size=${WINDOW.width},${WINDOW.height}`,
]

export interface Chromium {
  readonly browser: Browser
  readonly context: BrowserContext
  readonly sandbox: Sandbox
  /** Where what it downloads lies, on this side and as it is called inside. */
  readonly downloads: { readonly host: string; readonly inside: string }
}

/** Starts a browser on the profile in `folder`, spoken with over its standard streams alone. Throws `browser:unavailable`. */
export async function launchChromium(
  account: string,
  folder: string,
  rule: BrowserRule,
  home: BrowserHome,
): Promise<Chromium> {
  const unavailable = (cause: string, error?: unknown): BelayError =>
    new BelayError('browser:unavailable', { account, cause }, { cause: error })
  const program = findChromium()
  if (program === undefined)
    throw unavailable(
      'there is no Chromium. Install it (apt-get install chromium), or name it in BELAY_CHROMIUM',
    )
  const { chromium } = await import('playwright-core').catch((error: unknown) => {
    throw unavailable('playwright-core is not installed (npm install playwright-core)', error)
  })
  const profile = join(folder, 'profile')
  await mkdir(join(profile, 'downloads'), { recursive: true, mode: 0o700 })
  // Chromium's own locks name a process of another sandbox; ours says who may be here.
  for (const name of await readdir(profile))
    if (name.startsWith('Singleton')) await rm(join(profile, name), { force: true })

  const inside = home.inside(profile)
  const hosts = home.resolves ? resolverRules(rule.allow) : null
  const sandbox = await home
    .launch(
      account,
      profile,
      [
        'sh',
        '-c',
        'exec "$@" 3<&0 4>&1 </dev/null >/dev/null',
        'sh',
        program,
        ...FLAGS,
        ...home.flags,
        ...(hosts === null ? [] : [`--host-resolver-rules=${hosts}`]),
        `--user-data-dir=${inside}`,
        'about:blank',
      ],
      rule,
    )
    .catch((error: unknown) => {
      throw unavailable(error instanceof Error ? error.message : String(error), error)
    })
  sandbox.stderr?.resume()
  try {
    if (sandbox.stdin === null || sandbox.stdout === null) throw new Error('it has no streams')
    const transport = pipeTransport(sandbox.stdin, sandbox.stdout, sandbox)
    const browser = await chromium.connectOverCDP(transport, { timeout: START_MS })
    const context = browser.contexts()[0]
    if (context === undefined) throw new Error('it has no profile')
    return {
      browser,
      context,
      sandbox,
      downloads: { host: join(profile, 'downloads'), inside: join(inside, 'downloads') },
    }
  } catch (error) {
    const { detail, code } = await sandbox.kill()
    const said = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
    throw unavailable(`it did not start (${detail === '' ? `exit code ${code}` : detail}): ${said}`, error)
  }
}

/** `BELAY_CHROMIUM`, else where distributions put it. */
export function findChromium(): string | undefined {
  const named = process.env['BELAY_CHROMIUM']
  return named !== undefined && named !== '' ? named : PLACES.find((path) => existsSync(path))
}

interface Transport {
  send(message: object): void
  close(): void
  onmessage?: (message: object) => void
  onclose?: (reason?: string) => void
}

/** The protocol of `--remote-debugging-pipe`: JSON texts, each ended by a zero byte. */
export function pipeTransport(
  input: Writable,
  output: Readable,
  sandbox: Pick<Sandbox, 'kill' | 'exited'>,
): Transport {
  let parts: Buffer[] = []
  let size = 0
  const transport: Transport = {
    send(message) {
      input.write(`${JSON.stringify(message)}\0`)
    },
    close() {
      void sandbox.kill()
    },
  }
  const deliver = (text: string): void => {
    try {
      transport.onmessage?.(JSON.parse(text) as object)
    } catch {
      // What says this is no browser any more, whatever runs in its place.
      void sandbox.kill()
    }
  }
  const complete = (part: Buffer): void => {
    const text = Buffer.concat([...parts, part]).toString('utf8')
    parts = []
    size = 0
    // Each in a turn of its own: what waits for an answer goes on before the event after it is told, or it misses it.
    setImmediate(deliver, text)
  }
  output.on('data', (chunk: Buffer) => {
    let from = 0
    for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, from)) {
      complete(chunk.subarray(from, at))
      from = at + 1
    }
    if (from === chunk.length) return
    const rest = chunk.subarray(from)
    parts.push(rest)
    size += rest.length
    if (size > MAX_MESSAGE) void sandbox.kill()
  })
  const ignore = (): void => undefined
  input.on('error', ignore)
  output.on('error', ignore)
  void sandbox.exited.then(() => transport.onclose?.('the browser ended'))
  return transport
}
