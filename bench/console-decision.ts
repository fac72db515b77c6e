import { startConsole } from '../test/setup/browser.ts'
import { machine, percentiles } from './policy-100.ts'

/**
 * A person decides in the inbox, a real browser on a real harness: from the key to the agent that waits for it going
 * on, to the screen saying so, and to the next approval standing there. The agent waits by
 * `GET /v1/actions/{id}?wait=…` over HTTP. Harness, agents and browser share the machine.
 *
 *   node bench/console-decision.ts [--decisions 40]
 */
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? otherwise : Number(process.argv[at + 1])
}
const decisions = option('decisions', 40)
const GOAL_MS = 1_000

const LEAD = 'lead@example.com'
const POLICY = `
version: 1
agents: { writer: {} }
actions: { note.publish: { effect: write, approve: [{ by: [editors] }] } }
approvers: { editors: { members: [${LEAD}] } }
`

/** Runs in the page before the key is pressed: `seen` is how long the screen took to show what, ms. */
const WATCH = `window.seen = (async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now())))
  const until = async (holds) => { for (;;) { const at = await frame(); if (holds()) return at } }
  const toast = () => document.querySelector('.toast')
  const before = toast()
  const address = location.pathname
  const pressed = await new Promise((resolve) =>
    document.addEventListener('keydown', () => resolve(performance.now()), { once: true, capture: true }))
  const said = until(() => toast() !== null && toast() !== before)
  const next = until(() => location.pathname !== address || document.querySelector('.decision-buttons') === null)
  return { said: (await said) - pressed, next: (await next) - pressed }
})(); undefined`

/** An agent that waits, as long as it takes; when it went on, by `performance.now()`. */
async function resumed(id: string, version: number): Promise<number> {
  for (;;) {
    const { body } = await belay.server.call('GET', `/v1/actions/${id}?wait=60&version=${version}`)
    if (body.state === 'ready') return performance.now()
    if (body.state !== 'held') throw new Error(`it is ${body.state}`)
  }
}

const belay = await startConsole({ policy: POLICY })
try {
  const { server } = belay
  const waiting = new Map<string, Promise<number>>()
  for (let n = 0; n < decisions; n++) {
    const held = await server.propose('note.publish', undefined, { input: { text: `Note ${n}` } })
    waiting.set(held.approval.id, resumed(held.id, held.version))
  }
  const page = await belay.open({ as: LEAD, roles: ['approver'], path: '/approvals' })
  const toAgent: number[] = []
  const toScreen: number[] = []
  const toNext: number[] = []
  for (let n = 0; n < decisions; n++) {
    await page.waitForURL('**/approvals/apr_*')
    const id = page.url().split('/').at(-1)!
    await page.locator(`.inbox-row[data-at] #row-${id}`).waitFor()
    // A key that decides waits until what it decides on has been there long enough to be read.
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 500))')
    await page.evaluate(WATCH)
    const pressed = performance.now()
    await page.keyboard.press('a')
    toAgent.push((await waiting.get(id)!) - pressed)
    const { said, next } = (await page.evaluate('seen')) as { said: number; next: number }
    toScreen.push(said)
    if (n < decisions - 1) toNext.push(next)
  }
  console.log(machine())
  console.log(`${decisions} decisions by key, one after another`)
  const line = (name: string, times: number[], goal?: number): void => {
    const { p50, p95, max } = percentiles(times)
    const missed = goal !== undefined && p95 > goal ? ' MISSED' : ''
    const limit = goal === undefined ? '' : ` (p95 at most ${goal})`
    console.log(
      `${name}: median ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, max ${max.toFixed(0)} ms${limit}${missed}`,
    )
    if (missed !== '') process.exitCode = 1
  }
  line('until the agent goes on', toAgent, GOAL_MS)
  line('until the screen says that it is recorded', toScreen)
  line('until the next approval is there', toNext)
} finally {
  await belay.close()
}
