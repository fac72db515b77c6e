import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { PAGES } from '../src/entry/console/console-door.ts'
import { buildConsole } from '../test/setup/build-console.ts'
import { startConsole } from '../test/setup/browser.ts'
import type { ConsoleUnderTest } from '../test/setup/browser.ts'
import { machine, percentiles } from './policy-100.ts'

/**
 * What a browser loads for each page, and how long it takes until something that happened is on the screen: from when an
 * action was proposed over HTTP, and from when that was answered, until the frame after the page has changed. Harness,
 * proposer and browser share the machine.
 *
 *   node bench/console.ts [--only sizes|time] [--events 200] [--rate 20]
 */
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? otherwise : Number(process.argv[at + 1])
}
const events = option('events', 200)
/** Actions a second beside those that are measured. */
const rate = option('rate', 20)

const GOAL_KB = 150
const GOAL_MS = 300

const POLICY = `
version: 1
agents: { writer: { budget: [{ limit_usd: 100, per: day }] }, busy: { budget: [{ limit_usd: 1000, per: day }] } }
actions:
  note.add: { effect: write }
  note.publish: { effect: write, approve: [{ by: [editors], expires: 1h }] }
approvers: { editors: { members: [lead@example.com], quorum: 1 } }
`

const belay = await startConsole({ policy: POLICY })
try {
  console.log(machine())
  const only = process.argv.indexOf('--only') === -1 ? '' : process.argv[process.argv.indexOf('--only') + 1]
  if (only !== 'time' && !(await sizes(belay))) process.exitCode = 1
  if (only !== 'sizes' && !(await eventToScreen(belay))) process.exitCode = 1
} finally {
  await belay.close()
}

/** Files that a page has asked for when it stands, each counted as it was compressed with gzip when it was built. */
async function sizes(belay: ConsoleUnderTest): Promise<boolean> {
  const { server } = belay
  const folder = await buildConsole()
  console.log('\nFirst load, gzip:')
  let holds = true
  const page = await belay.open()
  const files = new Set<string>()
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (pathname.startsWith('/assets/')) files.add(pathname)
  })
  for (const path of ['/', ...PAGES.map((page) => `/${page}`)]) {
    files.clear()
    await page.goto(server.url + path, { waitUntil: 'load' })
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' })
    await page.waitForTimeout(700)
    const bytes = [...files].reduce((sum, file) => sum + sizeOf(join(folder, file)), 0)
    const kb = bytes / 1_000
    if (kb > GOAL_KB) holds = false
    console.log(`  ${path.padEnd(12)} ${kb.toFixed(1).padStart(6)} kB in ${files.size} files`)
  }
  await page.context().close()
  console.log(`  goal: ≤ ${GOAL_KB} kB`)
  return holds
}

function sizeOf(path: string): number {
  return (statSync(`${path}.gz`, { throwIfNoEntry: false }) ?? statSync(path)).size
}

async function eventToScreen(belay: ConsoleUnderTest): Promise<boolean> {
  const { server } = belay
  const page = await belay.open()
  await page.getByText('Live', { exact: true }).waitFor()
  const changed = await watchWaiting(page)
  const load = setInterval(() => {
    server.propose('note.add', undefined, { agent: 'busy', cost_usd: 0.01 }).catch(() => undefined)
  }, 1_000 / rate)
  const times: number[] = []
  const fromAnswer: number[] = []
  try {
    for (let index = 0; index < events; index++) {
      const shown = changed()
      const at = Date.now()
      const { approval } = await server.propose('note.publish', undefined, { agent: 'writer' })
      const answered = Date.now()
      const seen = await shown
      times.push(seen - at)
      fromAnswer.push(seen - answered)
      const gone = changed()
      await server.call('POST', `/v1/approvals/${approval.id}`, { outcome: 'reject', reason: 'bench' })
      await gone
    }
  } finally {
    clearInterval(load)
  }
  console.log(`\nEvent to screen, ${events} proposals that need approval, ${rate} other actions a second:`)
  const line = (name: string, values: number[]): number => {
    const { p50, p95, p99 } = percentiles(values)
    console.log(
      `  ${name.padEnd(34)} p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
    )
    return p95
  }
  line('from the request on', times)
  const p95 = line('from its answer, when it is on disk', fromAnswer)
  console.log(`  goal: p95 ≤ ${GOAL_MS} ms`)
  return p95 <= GOAL_MS
}

/** Each call waits for the next change of the count of approvals that wait: the time of the frame after it. */
async function watchWaiting(page: Page): Promise<() => Promise<number>> {
  let next = Promise.withResolvers<number>()
  await page.exposeBinding('tellChange', (_source, at: number) => next.resolve(at))
  await page.evaluate(`(() => {
    const text = () => document.querySelector('.nav .nav-count')?.textContent ?? ''
    let last = text()
    new MutationObserver(() => {
      if (text() === last) return
      last = text()
      requestAnimationFrame(() => requestAnimationFrame(() => window.tellChange(Date.now())))
    }).observe(document.querySelector('.nav'), { subtree: true, childList: true, characterData: true })
  })()`)
  return async () => {
    next = Promise.withResolvers<number>()
    return next.promise
  }
}
