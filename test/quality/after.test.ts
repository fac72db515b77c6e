import { afterEach, describe, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { openHarness } from '../../src/entry/harness.ts'
import { openJudge } from '../../src/entry/quality/open-judge.ts'
import { agreementOf } from '../../src/flow/quality/agreement.ts'
import { isSampled } from '../../src/flow/quality/sample.ts'
import { judgedPolicy, question, startJudged, verdict, type Judged, type JudgedHarness } from './drive.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function start(options: Judged, more: Parameters<typeof startJudged>[1] = {}): Promise<JudgedHarness> {
  const judged = await startJudged(options, more)
  closing.push(() => judged.close())
  // What it begins with is what comes after.
  await judged.harness.scoring.caughtUp()
  return judged
}

const AFTER = '{ action: post, rubric: house }'
const TEAM = 'approvers: { team: { members: [a@example.com] } }'

async function did(judged: JudgedHarness, text: string, result?: JsonObject): Promise<Action> {
  const action = await judged.propose({ text })
  await judged.succeed(action, result)
  return action
}

/** What the ledger says was scored, by action. */
async function recorded(judged: JudgedHarness, action: Action): Promise<readonly JsonObject[]> {
  const records = await judged.harness.store.recordsOf(action.id)
  return records.filter(({ kind }) => kind === 'quality').map(({ text }) => JSON.parse(text) as JsonObject)
}

describe.each(['sqlite', 'postgres'] as const)('on %s, after it', (store) => {
  test('what succeeded is scored with its result; low scores alert', async () => {
    const judged = await start({ rules: [AFTER] }, { store })
    judged.provider.script((request) => verdict(request, question(request).content.includes('BUY') ? 4 : 88))
    const good = await did(judged, 'Hello', { id: 'p-1' })
    const bad = await did(judged, 'BUY')
    const failed = await judged.propose({ text: 'Failed' })
    await judged.harness.flow.start(failed.id)
    await judged.harness.flow.report(failed.id, { outcome: 'failed' })
    await judged.harness.scoring.caughtUp()

    expect(judged.provider.requests).toHaveLength(2)
    const contents = judged.provider.requests.map(
      (request) => JSON.parse(question(request).content.split('\n')[1]!) as JsonObject,
    )
    expect(contents).toContainEqual({
      action: 'post',
      effect: 'write',
      input: { text: 'Hello' },
      result: { id: 'p-1' },
    })
    const [said] = await recorded(judged, bad)
    expect(said).toMatchObject({
      name: 'post',
      facts: {
        quality: [{ timing: 'after', rubric: 'house', score: 4, verdict: 'rejected', label: 'theirs' }],
      },
    })
    expect(JSON.stringify(said)).not.toContain('Worth 4.')
    const payloads = await judged.harness.store.payloads(bad.id)
    expect(payloads.find(({ kind }) => kind === 'quality:house')?.text).toContain('Worth 4.')
    expect(judged.scores.filter(({ alerts }) => alerts).map(({ about }) => about)).toEqual([bad.id])
    // Its own record is followed too, a moment later.
    await judged.harness.scoring.caughtUp()
    const rows = await judged.harness.store.scores.list({ limit: 10 })
    expect(new Map(rows.map(({ action, score }) => [action, score]))).toEqual(
      new Map([
        [good.id, 88],
        [bad.id, 4],
      ]),
    )
    expect(judged.faults).toEqual([])
  })

  test('a harness that ends in the middle of a question scores it when it is up again, and nothing twice', async () => {
    const judged = await start({ rules: [AFTER] }, { store })
    const gate = Promise.withResolvers<void>()
    judged.provider.script((request) =>
      question(request).content.includes('slow') && request.number < 2
        ? { ...verdict(request, 70), head: gate.promise }
        : verdict(request, 70),
    )
    const quick = await did(judged, 'quick')
    const slow = await did(judged, 'slow')
    await expect.poll(async () => (await recorded(judged, quick)).length).toBe(1)
    await judged.provider.arrived(1)
    await judged.reopen()
    gate.resolve()
    await judged.harness.scoring.caughtUp()
    await judged.harness.scoring.caughtUp()
    await judged.reopen()
    await judged.harness.scoring.caughtUp()
    expect(await recorded(judged, quick)).toHaveLength(1)
    expect(await recorded(judged, slow)).toHaveLength(1)
    const rows = await judged.harness.store.scores.list({ limit: 10 })
    expect(rows.filter(({ verdict: said }) => said === 'accepted')).toHaveLength(2)
  })

  test('what people decided stands beside what the judge said', async () => {
    const judged = await start(
      {
        rules: [AFTER],
        actions: "  asked: { effect: write, approve: [{ when: 'true', by: [team] }] }",
        more: TEAM,
      },
      { store },
    )
    await judged.setPolicy(
      judgedPolicy(judged.provider, {
        rules: [
          '{ action: asked, rubric: house }',
          '{ action: gate, rubric: house, timing: before, then: require_approval }',
        ],
        actions:
          "  asked: { effect: write, approve: [{ when: 'true', by: [team] }] }\n  gate: { effect: write }",
        more: TEAM,
      }),
    )
    judged.provider.script((request) => verdict(request, question(request).content.includes('bad') ? 5 : 95))
    const decide = async (action: string, text: string, outcome: 'approve' | 'reject'): Promise<void> => {
      const held = await judged.propose({ text }, { action })
      if (held.state.name !== 'held') throw new Error(`${text} is ${held.state.name}`)
      await judged.harness.flow.vote(held.state.approval.id, { by: 'a@example.com', outcome, reason: 'so' })
      if (outcome === 'approve') await judged.succeed(held)
    }
    await decide('asked', 'good 1', 'approve')
    await decide('asked', 'good 2', 'approve')
    await decide('asked', 'good 3', 'reject')
    await decide('asked', 'bad 1', 'reject')
    await decide('gate', 'bad 2', 'reject')
    await decide('gate', 'bad 3', 'approve')
    // The start asks again, which the judge has answered already: it counts for nothing.
    await judged.harness.scoring.caughtUp()
    await judged.harness.scoring.caughtUp()
    const [agreement] = agreementOf(await judged.harness.store.scores.agreement(0))
    expect(agreement).toMatchObject({
      rubric: 'house',
      judge: 'openai/gpt-4o',
      count: 6,
      bothAccept: 2,
      judgeLooser: 1,
      bothReject: 2,
      judgeStricter: 1,
    })
    expect(agreement!.kappa).toBeCloseTo(1 / 3, 10)
  })
})

test('two replicas score each action once', async () => {
  const judged = await start({ rules: [AFTER] }, { store: 'postgres' })
  judged.provider.script((request) => verdict(request, 70))
  const second = await openHarness({
    config: `${judged.folder}/belay.yaml`,
    data: `${judged.folder}/other`,
    databaseUrl: judged.databaseUrl!,
    judge: openJudge({ env: {} }),
    onFault: (fault) => judged.faults.push(fault),
  })
  closing.push(() => second.close())
  const actions: Action[] = []
  for (let n = 0; n < 6; n++) {
    const flow = n % 2 === 0 ? judged.harness.flow : second.flow
    const { action } = await flow.propose(
      { agent: 'clerk', action: 'post', input: { text: `x ${n}` } },
      { venue: 'agent', start: true },
    )
    await flow.report(action.id, { outcome: 'succeeded' })
    actions.push(action)
  }
  await Promise.all([judged.harness.scoring.caughtUp(), second.scoring.caughtUp()])
  const counts = await Promise.all(actions.map(async (action) => (await recorded(judged, action)).length))
  expect(counts).toEqual([1, 1, 1, 1, 1, 1])
  expect(judged.provider.requests).toHaveLength(6)
})

test('a share of them, which the action’s id says', async () => {
  const judged = await start({ rules: ['{ action: post, rubric: house, sample: 50% }'] })
  judged.provider.script((request) => verdict(request, 70))
  const actions: Action[] = []
  for (let n = 0; n < 12; n++) actions.push(await did(judged, `x ${n}`))
  await judged.harness.scoring.caughtUp()
  for (const action of actions)
    expect(await recorded(judged, action)).toHaveLength(isSampled(action.id, 'house', 0.5) ? 1 : 0)
})

test('what happened before the policy said so is not scored', async () => {
  const judged = await startJudged({ rules: [AFTER] }, { watch: false })
  closing.push(() => judged.close())
  judged.provider.script((request) => verdict(request, 70))
  // A process that does not follow the policy scores nothing that has happened.
  const earlier = await did(judged, 'earlier')
  await judged.reopen({ watch: true })
  await judged.harness.scoring.caughtUp()
  const later = await did(judged, 'later')
  await judged.harness.scoring.caughtUp()
  expect(
    [await recorded(judged, earlier), await recorded(judged, later)].map(({ length }) => length),
  ).toEqual([0, 1])
})

test('what was erased meanwhile is not scored', async () => {
  const judged = await start({ rules: [AFTER] })
  judged.provider.script((request) => verdict(request, 70))
  await judged.reopen({ watch: false })
  const action = await judged.propose({ text: 'x' }, { subjects: ['sam'] })
  await judged.succeed(action)
  await judged.harness.flow.erase({ subject: 'sam' }, 'me')
  await judged.reopen({ watch: true })
  await judged.harness.scoring.caughtUp()
  expect(await recorded(judged, action)).toEqual([])
  expect(judged.provider.requests).toEqual([])
})

test('a judge that does not answer is asked again, then said to have given no score, and people are told', async () => {
  const judged = await start({ rules: [AFTER] })
  judged.provider.script((request) =>
    request.number === 0
      ? { fault: 'server_error' }
      : question(request).content.includes('never')
        ? { text: 'no' }
        : verdict(request, 70),
  )
  const healed = await did(judged, 'once more')
  await judged.harness.scoring.caughtUp()
  const never = await did(judged, 'never')
  await judged.harness.scoring.caughtUp()
  expect((await recorded(judged, healed))[0]).toMatchObject({ facts: { quality: [{ verdict: 'accepted' }] } })
  expect((await recorded(judged, never))[0]).toMatchObject({
    facts: { quality: [{ verdict: 'unscored', error: 'quality:nonsense' }] },
  })
  expect(judged.scores.at(-1)).toMatchObject({ about: never.id, alerts: true })
})

test('the judge’s own calls are not scored, whatever rules match them', async () => {
  const judged = await start({ rules: ['{ action: "*", rubric: house, timing: after }'] })
  judged.provider.script((request) => verdict(request, 70))
  await did(judged, 'x')
  await judged.harness.scoring.caughtUp()
  await judged.harness.scoring.caughtUp()
  await judged.harness.scoring.caughtUp()
  expect(judged.provider.requests).toHaveLength(1)
})
