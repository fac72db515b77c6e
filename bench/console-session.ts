import type { Page } from 'playwright-core'
import { startConsole } from '../test/setup/browser.ts'
import type { ConsoleUnderTest } from '../test/setup/browser.ts'
import { machine, percentiles } from './policy-100.ts'

/**
 * A session of many spans in a real browser, from a real harness that holds them: from the click on it in the list
 * until its first rows are there and answer a key, until all of it is there, how long a key takes then, and how even it
 * scrolls from the first to the last row. Harness and browser share the machine.
 *
 *   node bench/console-session.ts [--spans 10000] [--runs 5]
 */
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? otherwise : Number(process.argv[at + 1])
}
const spans = option('spans', 10_000)
const runs = option('runs', 5)
const GOAL_MS = 1_000
const AT_ONCE = 200

const POLICY = `
version: 1
agents: { writer: {} }
actions: { note.add: { effect: write }, note.read: { effect: read } }
`

interface Measured {
  /** From the click, ms. */
  readonly interactive: number
  readonly complete: number
  /** From a key to the frame that shows what it did. */
  readonly key: number
  /** Between the frames of a scroll through everything. */
  readonly frames: readonly number[]
}

/** Runs in the page. */
const MEASURE = `(async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now())))
  const until = async (holds) => { for (;;) { const at = await frame(); if (holds()) return at } }
  const grid = () => document.querySelector('[role=treegrid]')
  const active = () => grid()?.querySelector('[data-active=true]')?.getAttribute('aria-rowindex')
  const press = (key) => grid().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
  const clicked = performance.now()
  document.querySelector('.table tbody th a').click()
  await until(() => document.querySelectorAll('.span-row').length > 5)
  press('ArrowDown')
  const interactive = (await until(() => active() === '2')) - clicked
  const complete = (await until(() => Number(grid().getAttribute('aria-rowcount')) > ${spans})) - clicked
  await frame()
  const pressed = performance.now()
  press('ArrowDown')
  const key = (await until(() => active() === '3')) - pressed
  const frames = []
  const step = (grid().scrollHeight - grid().clientHeight) / 120
  let before = await frame()
  for (let n = 1; n <= 120; n++) {
    grid().scrollTop = n * step
    const now = await frame()
    frames.push(now - before)
    before = now
  }
  return { interactive, complete, key, frames }
})()`

const belay = await startConsole({ policy: POLICY })
try {
  await fill(belay)
  console.log(machine())
  const measured: Measured[] = []
  for (let run = 0; run < runs; run++) measured.push(await visit(belay))
  const line = (name: string, times: readonly number[], goal?: number): void => {
    const { p50, p95, max } = percentiles([...times])
    const missed = goal !== undefined && max > goal ? ' MISSED' : ''
    const limit = goal === undefined ? '' : ` (at most ${goal})`
    console.log(
      `${name}: median ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, max ${max.toFixed(0)} ms${limit}${missed}`,
    )
    if (missed !== '') process.exitCode = 1
  }
  console.log(`${spans} actions in one session, ${runs} visits`)
  line(
    'interactive',
    measured.map(({ interactive }) => interactive),
    GOAL_MS,
  )
  line(
    'everything loaded',
    measured.map(({ complete }) => complete),
  )
  line(
    'a key when everything is loaded',
    measured.map(({ key }) => key),
  )
  line(
    'between frames while scrolling',
    measured.flatMap(({ frames }) => frames),
  )
} finally {
  await belay.close()
}

async function fill({ server }: ConsoleUnderTest): Promise<void> {
  const { flow, followers } = server.harness
  for (let done = 0; done < spans; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, spans - done) }, async (_, n) => {
        const action = n % 3 === 0 ? 'note.add' : 'note.read'
        const input = { text: `${done + n}` }
        const proposal = { agent: 'writer', action, input, session: 'bench', costUsd: 0.001 }
        const { action: admitted } = await flow.propose(proposal, { venue: 'agent', start: true })
        await flow.report(admitted.id, { outcome: n % 50 === 0 ? 'failed' : 'succeeded' })
      }),
    )
  }
  await followers.caughtUp()
}

async function visit(under: ConsoleUnderTest): Promise<Measured> {
  const page: Page = await under.open({ path: '/sessions' })
  // Where the mouse is, the code of the page is loaded already, as with any visitor who clicks.
  await page.getByRole('link', { name: 'bench' }).hover()
  await page.waitForLoadState('networkidle').catch(() => undefined)
  const measured = (await page.evaluate(MEASURE)) as Measured
  await page.context().close()
  return measured
}
