import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { confinement } from '../../src/entry/replay/confine.ts'
import { AGENT, BOX, RecordedWorld } from './recorded.ts'

const network = 'unavailable' in confinement() ? ['--allow-network'] : []
const RUN = ['--', process.execPath, AGENT]

let world: RecordedWorld

beforeAll(async () => {
  world = await RecordedWorld.open()
  await world.record('run-1', BOX, 4)
})
afterAll(() => world.close())

const replay = (args: readonly string[], name: string, env: Record<string, string> = {}) =>
  world.belay(['replay', ...args, ...network, ...RUN], { SESSION: 'run-1', OUT: world.out(name), ...env })
    .done

describe('belay replay', () => {
  test('runs the agent against the recording: the same bytes, exit code 0', async () => {
    const { code, out, err } = await replay(['run-1'], 'same')
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(out).toContain('exact  4 of 4 steps')
    expect(world.said('same')).toEqual(world.said('run-1'))
  })

  test('names the first difference of another run, exit code 1', async () => {
    const { code, out } = await replay(['run-1', '--json'], 'other', { QUESTION: 'Which box is it?' })
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      exact: false,
      divergence: {
        step: 1,
        differences: [{ pointer: '/body/messages/0/content', came: 'Which box is it?' }],
      },
    })
  })

  test('what the policy calls volatile may differ', async () => {
    const dated = await RecordedWorld.open('replay: { volatile: [dates, /metadata/run] }\n')
    process.env['QUESTION'] = 'It is 2026-11-23T10:00:00Z. What is in the box?'
    await dated.record('dated', BOX, 4)
    delete process.env['QUESTION']
    const env = {
      SESSION: 'dated',
      OUT: dated.out('later'),
      QUESTION: 'It is 2027-01-01T00:00:00Z. What is in the box?',
    }
    const { code, out } = await dated.belay(['replay', 'dated', ...network, ...RUN], env).done
    expect({ code, out }).toMatchObject({ code: 0 })
    await dated.close()
  })

  test('forks at a step: recorded before, live after, in a session of its own', async () => {
    world.provider.script([{ text: 'A live word.' }])
    const { code, out, err } = await replay(
      ['run-1', '--fork', '4', '--model', 'gpt-4o-mini', '--json'],
      'fork',
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    const { fork, answered } = JSON.parse(out)
    expect({ answered, at: fork.at }).toEqual({ answered: 3, at: 4 })
    expect(world.said('fork').messages.at(-1)).toMatchObject({ content: 'A live word.' })
    const { items } = await world.client.object('GET', '/v1/actions', { query: { session: fork.session } })
    expect(items).toMatchObject([{ action: 'model.generate', agent: 'opener' }])
    expect(world.provider.requests.at(-1)?.body).toMatchObject({ model: 'gpt-4o-mini' })
    const keys = (await world.client.object('GET', '/v1/keys'))['items'] as { revoked_at: string | null }[]
    expect(keys.filter(({ revoked_at: at }) => at === null).length).toBe(1)
  })

  test('forks with another answer of a step', async () => {
    const file = join(world.folder, 'answer.txt')
    const { steps } = await world.whole('run-1', 4)
    const last = steps.at(-1)?.recording.answer?.body ?? ''
    writeFileSync(file, last.replaceAll('hat', 'cat'))
    const { code } = await replay(['run-1', '--fork', '4', '--set-answer', file], 'set')
    expect(code).toBe(0)
    expect(world.said('set').messages.at(-1)?.content).toContain('cat')
    writeFileSync(file, '{}')
    const wrong = await replay(['run-1', '--fork', '4', '--set-answer', file], 'wrong')
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('server-sent events') })
  })

  test('asks the recorded questions again and counts how the answers differ', async () => {
    const again = { toolCalls: [{ name: 'open', arguments: { box: 'red' } }] }
    const text = 'There is a hat in the box: a very fine one, grün und groß.'
    world.provider.script([again, again, { text }, { text: `${text.replace('There', 'THERE')}!` }])
    const { code, out } = await world.belay(['replay', 'run-1', '--live', '2', '--json']).done
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      skipped: 2,
      stopped: null,
      total: { answers: 4, failed: 0, exact: 3, words: 4, toolCalls: 4, finishReason: 4 },
    })
  })

  test('without an agent judges the session by the policy of today', async () => {
    writeFileSync(
      join(world.folder, 'strict.yaml'),
      'version: 1\nactions: { model.generate: {}, tool.open: {} }\n',
    )
    const config = ['--config', join(world.folder, 'strict.yaml'), '--json']
    const { code, out } = await world.belay(['replay', 'run-1', ...config]).done
    expect(code).toBe(1)
    const found = JSON.parse(out)
    expect(found).toMatchObject({ judged: 4, changed: 1, changes: [{ action: 'box.open' }] })
  })

  test('says what it cannot do, exit code 2', async () => {
    const outcome = async (...args: string[]) => (await world.belay(['replay', ...args]).done).code
    expect(await outcome('no-such-session', ...RUN)).toBe(2)
    expect(await outcome('run-1', '--fork', '9', ...network, ...RUN)).toBe(2)
    expect(await outcome('run-1', '--model', 'x', ...RUN)).toBe(2)
    expect(await outcome('run-1', '--live', '1', ...RUN)).toBe(2)
  })

  test('leaves nothing behind when it is killed in the middle', async () => {
    const marker = `marker-${process.pid}-${Date.now()}`
    const program = `fetch(process.env.BELAY_URL + '/healthz').then(() => setInterval(() => {}, 1000)) // ${marker}`
    const { child, done } = world.belay([
      'replay',
      'run-1',
      ...network,
      '--',
      process.execPath,
      '-e',
      program,
    ])
    await vi.waitFor(() => expect(running(marker).length).toBeGreaterThan(1), { timeout: 60_000 })
    child.kill('SIGKILL')
    await done
    await vi.waitFor(() => expect(running(marker)).toEqual([]), { timeout: 60_000 })
  })
})

/** Processes whose command line has the word. */
function running(marker: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker)
    } catch {
      return false
    }
  })
}
