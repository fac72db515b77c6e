import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { openHarness } from '../../src/entry/harness.ts'

const SCHEDULES = Number(process.env['BELAY_KILLS'] ?? 12)
const SEED = Number(process.env['BELAY_SEED'] ?? Date.now() & 0x7fffffff)
const AGENTS = ['one', 'two'] as const
/** After so many schedules the harness is killed if chance has not chosen it. */
const LONGEST_LIFE = 40
const PATIENCE = 30_000

/** mulberry32: small, and the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Told {
  readonly started?: string
  readonly exited?: string
  readonly closed?: string
  readonly failed?: string
  readonly open?: boolean
  readonly run?: string
  readonly pid?: number
  readonly cause?: string
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const begun = performance.now()
  while (!holds()) {
    if (performance.now() - begun > PATIENCE) throw new Error(`not within ${PATIENCE} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Processes of the machine whose command line names the run. */
function alive(run: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(run)
      } catch {
        return false
      }
    })
    .map(Number)
}

it(
  `${SCHEDULES} random kills of agents, gateways and the harness (seed ${SEED})`,
  { timeout: 600_000 + SCHEDULES * 20_000 },
  async () => {
    console.log(`contained kills: ${SCHEDULES} schedules, seed ${SEED}`)
    const next = random(SEED)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!
    const folder = mkdtempSync(join(tmpdir(), 'belay-kills-'))
    const seen = new Set<string>()
    const seenOf = new Map<string, number>()
    const server = createServer((request, response) => {
      const url = request.url!
      seen.add(url)
      const run = url.split('/')[1]!
      seenOf.set(run, (seenOf.get(run) ?? 0) + 1)
      response.end('ok')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const entry = `{ egress: [{ host: api.example.com, upstream: 'http://127.0.0.1:${port}' }] }`
    writeFileSync(join(folder, 'belay.yaml'), `version: 1\nagents: { one: ${entry}, two: ${entry} }\n`)

    let told: Told[] = []
    let child = null as ChildProcess | null
    const runs = new Map<string, string>()
    let serial = 0
    const counts = { agent: 0, gateway: 0, harness: 0 }
    let recorded = 0
    const checked = new Set<string>()

    const send = (command: object): void => void child!.stdin!.write(`${JSON.stringify(command)}\n`)
    const start = (agent: string): string => {
      const run = `run-${SEED}-${++serial}-${agent}`
      runs.set(agent, run)
      send({ start: agent, run })
      return run
    }
    const works = async (agent: string): Promise<void> => {
      const run = runs.get(agent)!
      const before = seenOf.get(run) ?? 0
      await until(
        `${agent} (${run}) goes on: ${JSON.stringify(told.slice(-3))}`,
        () => (seenOf.get(run) ?? 0) > before,
      )
    }
    const open = async (): Promise<void> => {
      told = []
      child = spawn(process.execPath, [join(import.meta.dirname, '../egress/kill-program.ts'), folder], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      createInterface({ input: child.stdout! }).on('line', (line) => told.push(JSON.parse(line) as Told))
      await until('the harness opens', () => told.some((event) => event.open))
      for (const agent of AGENTS) start(agent)
    }
    /** Every request that the server has seen was on disk before: nothing is lost, and nothing is left open. */
    const audit = async (): Promise<void> => {
      const harness = await openHarness({ config: null, data: join(folder, 'data'), watch: false })
      try {
        const known = new Set<string>()
        for (const agent of AGENTS) {
          let before: string | undefined
          let fresh = true
          while (fresh) {
            const page = await harness.store.actions({
              agent,
              limit: 200,
              ...(before !== undefined && { before }),
            })
            for (const action of page) {
              expect(['succeeded', 'failed', 'unknown']).toContain(action.state.name)
              if (checked.has(action.id)) fresh = false
              else {
                checked.add(action.id)
                const path = (await harness.flow.input(action))?.['path']
                if (typeof path === 'string') known.add(path)
              }
            }
            before = page.at(-1)?.id
            if (page.length < 200) fresh = false
          }
        }
        expect([...seen].filter((path) => !known.has(path))).toEqual([])
        recorded += known.size
        seen.clear()
      } finally {
        await harness.close()
      }
    }

    try {
      let life = 0
      for (let schedule = 0; schedule < SCHEDULES; schedule++) {
        if (child === null) {
          await open()
          life = 0
        }
        life++
        const agent = pick(AGENTS)
        const sibling = AGENTS.find((name) => name !== agent)!
        const roll = next()
        const what =
          schedule === SCHEDULES - 1 || life > LONGEST_LIFE || roll < 0.12
            ? 'harness'
            : roll < 0.4
              ? 'gateway'
              : 'agent'
        counts[what]++
        const run = runs.get(agent)!
        // At any moment, that of the start included.
        await new Promise((resolve) => setTimeout(resolve, next() * 400))
        if (what === 'harness') {
          const died = new Promise((resolve) => child!.once('exit', resolve))
          child!.kill('SIGKILL')
          await died
          for (const each of runs.values())
            await until(`no orphan of ${each}`, () => alive(each).length === 0)
          child = null
          await audit()
          continue
        }
        await until('the agent has started', () =>
          told.some((event) => event.started === agent && event.run === run),
        )
        if (what === 'gateway') {
          send({ close: agent, run })
          await until('the gateway is closed', () =>
            told.some((event) => event.closed === agent && event.run === run),
          )
          const after = seenOf.get(run) ?? 0
          await works(sibling)
          await works(sibling)
          expect(seenOf.get(run) ?? 0).toBe(after)
        }
        const inside = alive(run)
        const victim =
          next() < 0.5
            ? told.find((event) => event.started === agent && event.run === run)!.pid!
            : pick(inside)
        try {
          process.kill(victim, 'SIGKILL')
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
        }
        // A child of the agent may die and the agent go on; then its first process follows.
        if (alive(run).length > 0) {
          try {
            process.kill(told.find((event) => event.started === agent && event.run === run)!.pid!, 'SIGKILL')
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
          }
        }
        await until('its end is told', () =>
          told.some((event) => event.exited === agent && event.run === run),
        )
        expect(alive(run)).toEqual([])
        await works(sibling)
        start(agent)
      }
      console.log(`contained kills: ${JSON.stringify(counts)}, ${recorded} requests recorded, none lost`)
      expect(recorded).toBeGreaterThan(0)
    } finally {
      child?.kill('SIGKILL')
      server.closeAllConnections()
      server.close()
      for (const run of runs.values()) await until(`no orphan of ${run}`, () => alive(run).length === 0)
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
