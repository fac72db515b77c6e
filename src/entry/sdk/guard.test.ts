import { describe, expect, test } from 'vitest'
import type { OutcomeReport, StateName } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import type { JudgedResult } from '../judged-report.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Undoer } from '../../flow/contain/undoers.ts'
import {
  ActionCancelled,
  ActionDenied,
  ActionExpired,
  ActionHeld,
  ActionNotRepeated,
  ActionTimedOut,
  HarnessUnreachable,
  OutcomeUnknown,
  OutcomeUnrecorded,
} from './errors.ts'
import { guardWith } from './guard.ts'
import type { GuardOptions } from './guard.ts'
import type { HarnessDoor, Standing } from './harness-door.ts'

const STANDING: Standing = {
  id: 'act_1',
  decision: 'allow',
  effective: 'allow',
  reasons: [],
  state: 'executing',
  input: { text: 'enforced' },
  approval: null,
  limitMs: 1000,
}

/** A harness that answers what it is told, and remembers what was said to it. */
class ScriptedDoor implements HarnessDoor {
  readonly said: string[] = []
  readonly reports: OutcomeReport[] = []
  readonly undos = new Map<string, Undoer>()
  /** The states that the action goes through, from the proposal on. */
  states: StateName[]
  failures: Partial<Record<'propose' | 'start' | 'report' | 'cancel', Error>> = {}
  storedResult: JsonValue = null
  judged: JudgedResult | null = null

  constructor(...states: StateName[]) {
    this.states = states
  }

  #next(what: keyof ScriptedDoor['failures'] | 'wait' | 'get'): Standing {
    this.said.push(what)
    const failure = what === 'wait' || what === 'get' ? undefined : this.failures[what]
    if (failure !== undefined) throw failure
    const state = this.states.length > 1 ? (this.states.shift() as StateName) : (this.states[0] as StateName)
    return {
      ...STANDING,
      state,
      limitMs: state === 'executing' ? 1000 : null,
      approval: state === 'held' ? { id: 'apr_1', expiresAt: 1 } : null,
    }
  }

  async propose(): Promise<Standing> {
    return this.#next('propose')
  }
  async get(): Promise<Standing> {
    return this.#next('get')
  }
  async wait(): Promise<Standing> {
    return this.#next('wait')
  }
  async start(): Promise<Standing> {
    return this.#next('start')
  }
  async report(_id: string, _name: string, outcome: OutcomeReport): Promise<JudgedResult | null> {
    this.said.push('report')
    if (this.failures.report !== undefined) throw this.failures.report
    this.reports.push(outcome)
    return this.judged
  }
  async cancel(): Promise<void> {
    this.said.push('cancel')
  }
  async result(): Promise<JsonValue> {
    return this.storedResult
  }
  async undo(): Promise<Standing> {
    return STANDING
  }
  register(action: string, { undo }: { readonly undo?: Undoer }): void {
    if (undo !== undefined) this.undos.set(action, undo)
  }
  async close(): Promise<void> {
    this.said.push('close')
  }
}

function guarded(
  door: HarnessDoor,
  options: Partial<GuardOptions<JsonObject, unknown>> & { runs?: unknown[] } = {},
) {
  const runs: unknown[] = []
  const call = guardWith<JsonObject, unknown>(door, new Set(), 'post.create', {
    run: (input) => {
      runs.push(input)
      return { posted: true }
    },
    ...options,
  })
  return { call, runs }
}

const AGENT = { agent: 'writer' }

describe('a guarded function', () => {
  test('runs the enforced input once and reports the result', async () => {
    const door = new ScriptedDoor('executing')
    const { call, runs } = guarded(door)
    expect(await call({ text: 'proposed' }, AGENT)).toEqual({ posted: true })
    expect(runs).toEqual([{ text: 'enforced' }])
    expect(door.reports).toEqual([{ outcome: 'succeeded', result: { posted: true } }])
  })

  test.each([
    ['denied', ActionDenied],
    ['expired', ActionExpired],
    ['cancelled', ActionCancelled],
    ['failed', ActionNotRepeated],
    ['undone', ActionNotRepeated],
    ['unknown', ActionNotRepeated],
  ] as const)('does not run when the action is %s', async (state, error) => {
    const { call, runs } = guarded(new ScriptedDoor(state))
    await expect(call({}, AGENT)).rejects.toBeInstanceOf(error)
    expect(runs).toEqual([])
  })

  test('waits while it is held, then takes the permission', async () => {
    const door = new ScriptedDoor('held', 'held', 'ready', 'executing')
    const { call, runs } = guarded(door)
    await call({}, AGENT)
    expect(door.said).toEqual(['propose', 'wait', 'wait', 'start', 'report'])
    expect(runs).toHaveLength(1)
  })

  test('does not run when a person says no', async () => {
    const { call, runs } = guarded(new ScriptedDoor('held', 'denied'))
    await expect(call({}, AGENT)).rejects.toBeInstanceOf(ActionDenied)
    expect(runs).toEqual([])
  })

  test('gives up waiting when the caller said how long', async () => {
    const { call, runs } = guarded(new ScriptedDoor('held'))
    await expect(call({}, { ...AGENT, wait: 0 })).rejects.toMatchObject({
      name: 'ActionHeld',
      approval: 'apr_1',
    })
    await expect(call({}, { ...AGENT, wait: 0 })).rejects.toBeInstanceOf(ActionHeld)
    expect(runs).toEqual([])
  })

  test('withdraws what waits when the caller aborts', async () => {
    const door = new ScriptedDoor('held')
    const abort = new AbortController()
    door.wait = async () => {
      abort.abort(new Error('user left'))
      return { ...STANDING, state: 'ready', limitMs: null }
    }
    const { call, runs } = guarded(door)
    await expect(call({}, { ...AGENT, signal: abort.signal })).rejects.toMatchObject({
      name: 'ActionCancelled',
      cause: { message: 'user left' },
    })
    expect(door.said).toEqual(['propose', 'cancel'])
    expect(runs).toEqual([])
  })

  test('never runs what executes under the same idempotency key', async () => {
    const door = new ScriptedDoor('executing', 'succeeded')
    door.storedResult = { posted: 'before' }
    const { call, runs } = guarded(door)
    expect(await call({}, { ...AGENT, idempotencyKey: 'k1' })).toEqual({ posted: 'before' })
    expect(runs).toEqual([])
  })

  test('reconciles an unknown outcome instead of running again', async () => {
    const door = new ScriptedDoor('unknown')
    const { call, runs } = guarded(door, {
      reconcile: () => ({ outcome: 'succeeded', result: { posted: 'found' } }),
    })
    expect(await call({}, { ...AGENT, idempotencyKey: 'k1' })).toEqual({ posted: 'found' })
    expect(door.reports).toEqual([{ outcome: 'succeeded', result: { posted: 'found' } }])
    expect(runs).toEqual([])
  })

  test('does not run when the harness cannot be reached, whenever that is', async () => {
    for (const step of ['propose', 'start'] as const) {
      const door = new ScriptedDoor('ready')
      door.failures[step] = new HarnessUnreachable('http://127.0.0.1:1')
      const { call, runs } = guarded(door)
      await expect(call({}, AGENT)).rejects.toBeInstanceOf(HarnessUnreachable)
      expect(runs).toEqual([])
    }
  })

  test('says that nothing ran when the permission was lost on its way', async () => {
    const door = new ScriptedDoor('ready')
    door.failures.start = new HarnessUnreachable('http://127.0.0.1:1')
    await expect(guarded(door).call({}, AGENT)).rejects.toBeInstanceOf(HarnessUnreachable)
    expect(door.reports).toMatchObject([{ outcome: 'failed' }])

    const shared = new ScriptedDoor('ready')
    shared.failures.start = new HarnessUnreachable('http://127.0.0.1:1')
    await expect(guarded(shared).call({}, { ...AGENT, idempotencyKey: 'k1' })).rejects.toBeInstanceOf(
      HarnessUnreachable,
    )
    // Another call may own the permission.
    expect(shared.reports).toEqual([])
  })

  test('is denied when it is refused at its start', async () => {
    const door = new ScriptedDoor('ready', 'denied')
    door.failures.start = new BelayError('action:refused_at_start', { id: 'act_1', cause: 'paused' })
    const { call, runs } = guarded(door)
    await expect(call({}, AGENT)).rejects.toBeInstanceOf(ActionDenied)
    expect(runs).toEqual([])
  })

  test.each([
    [new Error('no such post'), 'failed'],
    [new OutcomeUnknown('connection reset after sending'), 'unknown'],
    [new DOMException('late', 'TimeoutError'), 'unknown'],
    [new DOMException('aborted', 'AbortError'), 'unknown'],
  ] as const)('rethrows %s and reports %s', async (thrown, outcome) => {
    const door = new ScriptedDoor('executing')
    const { call } = guarded(door, {
      run: () => {
        throw thrown
      },
    })
    await expect(call({}, AGENT)).rejects.toBe(thrown)
    expect(door.reports).toMatchObject([{ outcome }])
  })

  test('ends at its time limit as unknown, and corrects that when the effect ends after all', async () => {
    const door = new ScriptedDoor('executing')
    const late = Promise.withResolvers<string>()
    const seen: AbortSignal[] = []
    const { call } = guarded(door, {
      timeout: 5,
      run: (_input, { signal }) => {
        seen.push(signal)
        return late.promise
      },
    })
    await expect(call({}, AGENT)).rejects.toBeInstanceOf(ActionTimedOut)
    expect(seen[0]?.aborted).toBe(true)
    expect(door.reports).toMatchObject([{ outcome: 'unknown' }])
    late.resolve('done')
    await expect.poll(() => door.reports.at(-1)).toEqual({ outcome: 'succeeded', result: 'done' })
  })

  test('hands over the result when its outcome cannot be recorded', async () => {
    const door = new ScriptedDoor('executing')
    door.failures.report = new HarnessUnreachable('http://127.0.0.1:1')
    const thrown = await guarded(door)
      .call({}, AGENT)
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    expect(thrown).toBeInstanceOf(OutcomeUnrecorded)
    expect(thrown).toMatchObject({ id: 'act_1', result: { posted: true } })
  })

  test('records the outcome of a result that is no JSON', async () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    for (const result of [circular, 10n, undefined, () => 1]) {
      const door = new ScriptedDoor('executing')
      expect(await guarded(door, { run: () => result }).call({}, AGENT)).toBe(result)
      expect(door.reports).toMatchObject([{ outcome: 'succeeded' }])
    }
  })

  test('registers its undo', async () => {
    const door = new ScriptedDoor('executing')
    const undone: unknown[] = []
    guarded(door, { undo: (input, result) => undone.push([input, result]) })
    await door.undos.get('post.create')?.({ a: 1 }, 'r', {
      id: 'act_1',
      idempotencyKey: 'u',
      signal: new AbortController().signal,
    })
    expect(undone).toEqual([[{ a: 1 }, 'r']])
  })
})
