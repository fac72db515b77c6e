import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts'
import { cloudEventFault, cloudEvents } from './backends.ts'
import { startReceiver, type Receiver } from './receiver.ts'

const LIVE = join(import.meta.dirname, 'live.ts')
const KILLS = 5

let folder: string
let bus: Receiver
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-export-kill-'))
  bus = await startReceiver(cloudEvents)
  writeFileSync(
    join(folder, 'belay.yaml'),
    `version: 1
agents: { writer: {} }
actions: { note.add: {} }
export:
  bus: { format: cloudevents, url: "${bus.url}/in", headers: { Authorization: Bearer t-1 }, from: start }
  lake: { format: cloudevents, file: events.ndjson, from: start, max_bytes: 200000, keep: 1000 }
`,
  )
})
afterAll(async () => {
  await bus.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A process that acts and exports; killed when it is in the midst of both. */
async function liveAndDie(): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [LIVE, folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await bus.took(bus.taken.length + 3)
  child.kill('SIGKILL')
  await once(child, 'exit')
}

test(
  'killed in the midst, again and again: every record arrives, whole, and under one id',
  { timeout: 180_000 },
  async () => {
    for (let kill = 0; kill < KILLS; kill++) await liveAndDie()
    const last = spawn(process.execPath, [LIVE, folder, 'end'], { stdio: ['ignore', 'ignore', 'inherit'] })
    const [code] = (await once(last, 'exit')) as [number]
    expect(code).toBe(0)

    const store = await openSqlite({ folder: join(folder, 'data') })
    const [chain] = await store.chains()
    await store.close()
    expect(chain!.seq).toBeGreaterThan(500)
    const wanted = Array.from({ length: chain!.seq }, (_, index) => `main/${index + 1}`)

    const sent = bus.taken.flatMap(({ body }) => JSON.parse(body.toString()) as { id: string }[])
    expect(new Set(sent.map(({ id }) => id))).toEqual(new Set(wanted))

    const files = readdirSync(folder).filter((name) => name.startsWith('events.ndjson'))
    const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    const events = lines.map((line) => JSON.parse(line) as { id: string })
    expect(new Set(events.map(({ id }) => id))).toEqual(new Set(wanted))
    expect(events.map(cloudEventFault).filter(Boolean)).toEqual([])
    expect(files.length).toBeGreaterThan(1)
  },
)
