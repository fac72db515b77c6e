import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHarness } from '../src/entry/harness.ts'
import { startHttpServer } from '../src/entry/http-api/server.ts'
import { PeopleReach } from '../src/entry/reach-people.ts'
import { BOT_TOKEN, SIGNING_SECRET, startSlack } from '../test/setup/slack-server.ts'
import { machine, percentiles } from './policy-100.ts'

/**
 * Clicks on Approve at a steady rate, each on an approval of its own: until the click is acknowledged (Slack waits
 * three seconds), and until the agent that waits for it goes on. The stand-in for Slack runs in the same process.
 *
 *   node bench/slack.ts [--rate 100] [--seconds 10]
 */
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? otherwise : Number(process.argv[at + 1])
}
const rate = option('rate', 100)
const seconds = option('seconds', 10)

const folder = mkdtempSync(join(tmpdir(), 'belay-bench-slack-'))
let url = ''
const slack = await startSlack(() => url)
writeFileSync(
  join(folder, 'belay.yaml'),
  `version: 1
agents: { writer: {} }
actions: { note.publish: { effect: write, approve: [{ by: [editors] }] } }
approvers: { editors: { members: [lead@example.com] } }
notify: { slack: { channel: '#agents', api_url: '${slack.url}', people: { U0LEAD: lead@example.com } } }
`,
)
const data = join(folder, 'data')
const onFault = (fault: unknown): void => console.error(String(fault))
const people = new PeopleReach({
  data,
  onFault,
  note: (text) => console.error(text),
  env: { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET },
})
const harness = await openHarness({
  config: join(folder, 'belay.yaml'),
  data,
  watch: false,
  channels: [people],
  onMoved: (action) => people.moved(action),
  onFault,
})
const { flow, store, policies } = harness
const server = await startHttpServer({
  flow,
  store,
  policies,
  ledgerLog: harness.ledgerLog,
  port: 0,
  adminToken: 'bench-admin-token-0123456789',
  version: '0',
  doors: [(app) => people.doors(app)],
})
url = server.url
people.open(harness, server.url)

const count = rate * seconds
for (let i = 0; i < count; i++) {
  await flow.propose(
    { agent: 'writer', action: 'note.publish', input: { text: `Note ${i}: open from nine to six.` } },
    { venue: 'agent', start: false },
  )
}
await slack.until(() => slack.messages.length === count)

const acknowledged: number[] = []
const resumed: number[] = []
const running: Promise<void>[] = []
const started = performance.now()
for (let i = 0; i < count; i++) {
  const due = started + (i * 1_000) / rate
  const wait = due - performance.now()
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  running.push(click(i))
}
await Promise.all(running)

const words = (name: string, times: number[], limit: number): string => {
  const { p50, p99 } = percentiles(times)
  return `${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (at most ${limit})${p99 > limit ? ' MISSED' : ''}`
}
console.log(machine())
console.log(`${count} clicks, ${rate} a second`)
console.log(words('acknowledged', acknowledged, 250))
console.log(words('agent goes on', resumed, 1_000))
process.exitCode = percentiles(acknowledged).p99 > 250 || percentiles(resumed).p99 > 1_000 ? 1 : 0
await server.close()
await people.close()
await harness.close()
await slack.close()
rmSync(folder, { recursive: true, force: true })

async function click(index: number): Promise<void> {
  const message = slack.messages[index]!
  const id = String(message.metadata.event_payload.key).split(' ')[0]!
  const { version } = (await store.action(id))!
  const at = performance.now()
  const goesOn = flow.waitForChange(id, version, 60_000).then(async (action) => {
    if (action.state.name !== 'ready') throw new Error(action.state.name)
    await flow.start(id)
    resumed.push(performance.now() - at)
  })
  const answer = await slack.click('U0LEAD', message, 'belay_approve')
  await answer.arrayBuffer()
  acknowledged.push(performance.now() - at)
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`)
  await goesOn
}
