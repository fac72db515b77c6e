import { LAUNCHER } from './demo-harness.ts'
import type { DemoHarness } from './demo-harness.ts'
import { INCIDENTS, compare, play } from './incidents.ts'
import type { Row } from './incidents.ts'
import { finish } from './child-process.ts'
import { damageAt, startWorld } from './world.ts'
import type { World } from './world.ts'

export interface DemoSetup {
  /** Starts a harness whose undo webhook reaches the given world. */
  readonly openHarness: (network: string) => Promise<DemoHarness>
  /** What to add to each command so that it finds the harness. */
  readonly commandOptions: readonly string[]
  /** Of these, what people have to type as well. */
  readonly shownOptions: readonly string[]
  /** One finished line of the story. */
  readonly say: (line: string) => void
  /** A line that the next one replaces; does nothing where there is no terminal. */
  readonly progress: (line: string) => void
  readonly signal?: AbortSignal
}

export interface DemoResult {
  readonly rows: readonly Row[]
  readonly undone: {
    readonly action: string
    readonly standing_before: number
    readonly standing_after: number
  } | null
  readonly erased: { readonly subject: string; readonly action: string } | null
  readonly ledger: { readonly verified: boolean; readonly summary: string }
  readonly pending_approvals: number
  /** Examples for `actions explain`: something stopped, something held. */
  readonly examples: { readonly denied: string | null; readonly held: string | null }
}

/** What the demo leaves running: the harness, and the world that it protects. */
export interface DemoScene {
  readonly result: DemoResult
  readonly harness: DemoHarness
  close(): Promise<void>
}

/** Plays the three incidents without and with the harness, then undoes, erases and verifies. */
export async function runDemo(setup: DemoSetup): Promise<DemoScene> {
  const unprotected = await startWorld(setup.signal)
  const world = await startWorld(setup.signal)
  try {
    const harness = await setup.openHarness(world.network)
    try {
      const result = await tell(setup, unprotected, world, harness)
      await unprotected.stop()
      return {
        result,
        harness,
        async close() {
          await harness.close()
          await world.stop()
        },
      }
    } catch (error) {
      await harness.close()
      throw error
    }
  } catch (error) {
    await Promise.all([unprotected.stop(), world.stop()])
    throw error
  }
}

async function tell(
  setup: DemoSetup,
  unprotected: World,
  world: World,
  harness: DemoHarness,
): Promise<DemoResult> {
  const { say, progress, signal } = setup
  const rows: Row[] = []
  let example: { posted?: string; denied?: string; held?: string; subject?: { id: string; action: string } } =
    {}

  for (const [index, incident] of INCIDENTS.entries()) {
    say('')
    say(`${index + 1}. ${incident.title}: ${incident.story}.`)
    const options = (side: string) => ({
      onAttempt: (count: number) => progress(`   ${side}: ${count} attempts`),
      ...(signal === undefined ? {} : { signal }),
    })
    const without = await play(incident, unprotected, options('without the harness'))
    say(`   without  ${incident.words(without.damage).join(', ')}`)
    const key = await harness.createKey(incident.agent)
    const protectedRun = await play(incident, world, {
      ...options('with the harness'),
      harness: { url: harness.url, key },
    })
    say(`   with     ${incident.words(protectedRun.damage).join(', ')}`)
    const row = await compare(incident, without, protectedRun, world)
    rows.push(row)
    say(`   reasons  ${row.reasons.map(([code, count]) => `${code} ${count}`).join(', ')}`)

    if (incident.name === 'comments') {
      const find = (state: string) =>
        protectedRun.attempts.find((attempt) => attempt.state === state)?.id ?? undefined
      example = {
        ...example,
        ...given({ posted: find('succeeded'), denied: find('denied'), held: find('held') }),
      }
    }
    if (incident.name === 'consent') {
      const stored = protectedRun.attempts.find(({ state }) => state === 'succeeded')
      if (stored?.id && stored.profile) example.subject = { id: stored.profile, action: stored.id }
    }
  }

  say('')
  say('Afterwards:')
  const undone = example.posted === undefined ? null : await undoOne(setup, world, example.posted)
  const erased = example.subject === undefined ? null : await eraseOne(setup, example.subject)
  const verified = await belay(setup, ['ledger', 'verify'])
  return {
    rows,
    undone,
    erased,
    ledger: { verified: verified.code === 0, summary: verified.lines.join(' ') },
    pending_approvals: rows.reduce((sum, { held }) => sum + held, 0),
    examples: { denied: example.denied ?? null, held: example.held ?? null },
  }
}

async function undoOne(setup: DemoSetup, world: World, action: string): Promise<DemoResult['undone']> {
  const before = (await damageAt(world.network))['standing'] ?? 0
  const { code } = await belay(setup, ['actions', 'undo', action])
  const after = (await damageAt(world.network))['standing'] ?? 0
  if (code !== 0) return null
  setup.say(`   the network showed ${before} replies before, and shows ${after} now`)
  return { action, standing_before: before, standing_after: after }
}

async function eraseOne(
  setup: DemoSetup,
  subject: { id: string; action: string },
): Promise<DemoResult['erased']> {
  const { code } = await belay(setup, ['ledger', 'erase', '--subject', subject.id])
  return code === 0 ? { subject: subject.id, action: subject.action } : null
}

/** Runs one command of Belay's own, as anybody would, and shows it. */
async function belay(
  setup: DemoSetup,
  args: readonly string[],
): Promise<{ code: number | null; lines: string[] }> {
  setup.say(`   $ belay ${[...args, ...setup.shownOptions].join(' ')}`)
  const { code, lines, said } = await finish({
    script: LAUNCHER,
    args: [...args, ...setup.commandOptions],
    ...(setup.signal === undefined ? {} : { signal: setup.signal }),
  })
  for (const line of lines.slice(0, 8)) setup.say(`     ${line}`)
  if (code !== 0) setup.say(`     ended with ${code}: ${said.trim()}`)
  return { code, lines }
}

function given<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}
