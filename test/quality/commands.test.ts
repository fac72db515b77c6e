import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { CommandLine, type Outcome } from '../command-line.ts'
import { startProvider, type Provider } from '../model-gateway/provider/provider.ts'
import { judgedPolicy, question, RUBRIC, verdict } from './drive.ts'

let cli: CommandLine
let provider: Provider
let url: string
let running: ChildProcess

beforeAll(async () => {
  provider = await startProvider()
  provider.script((request) => verdict(request, question(request).content.includes('BUY') ? 4 : 88))
  const policy = judgedPolicy(provider, {
    rules: [
      '{ action: post, rubric: house, timing: before, then: require_approval }',
      '{ action: note, rubric: house }',
    ],
    actions: '  note: { effect: write }',
    more: 'approvers: { team: { members: [a@example.com] } }',
  })
  cli = new CommandLine(policy)
  writeFileSync(join(cli.folder, 'house.yaml'), RUBRIC)
  ;({ url, child: running } = await cli.up())
})
afterAll(async () => {
  await cli.clean()
  await provider.close()
})

/** Not at once: the judge answers from this process. */
function belay(...args: string[]): Promise<Outcome> {
  return cli.start(...args).done
}

async function propose(
  text: string,
): Promise<{ readonly id: string; readonly approval?: { readonly id: string } }> {
  const input = JSON.stringify({ text })
  const { out } = await belay(
    'propose',
    'post',
    '--agent',
    'clerk',
    '--input',
    input,
    '--wait',
    '0',
    '--json',
  )
  return JSON.parse(out) as { id: string; approval?: { id: string } }
}

test('scores, agreement and alarms are where people look', async () => {
  const fine = await propose('Hello Sam')
  const low = await propose('BUY NOW')
  expect(low.approval).toBeDefined()
  const rejected = await belay(
    'approvals',
    'reject',
    low.approval!.id,
    '--reason',
    'shouting',
    '--as',
    'a@example.com',
  )
  expect(rejected.code).toBe(0)

  await expect
    .poll(
      async () => (JSON.parse((await belay('quality', 'list', '--json')).out) as { items: unknown[] }).items,
      {
        timeout: 60_000,
      },
    )
    .toMatchObject([
      { action: low.id, verdict: 'rejected', score: 4, threshold: 30, label: 'theirs', person: 'reject' },
      {
        action: fine.id,
        verdict: 'accepted',
        score: 88,
        judge: 'openai/gpt-4o',
        cached: false,
        person: null,
      },
    ])
  const list = await belay('quality', 'list', '--verdict', 'rejected')
  expect(list.out).toMatch(/ACTION[^]*post +house \(before\) +4% theirs +rejected +reject/)
  const agreement = await belay('quality', 'agreement')
  expect(agreement.out).toMatch(/house +[0-9a-f]{8} +openai\/gpt-4o +1 +100% +0 +0 +–/)
  expect(JSON.parse((await belay('quality', 'agreement', '--days', '1', '--json')).out)).toMatchObject({
    items: [{ rubric: 'house', count: 1, both_reject: 1, same: 1, kappa: null, kappa_low: null }],
  })
  expect((await belay('quality', 'agreement', '--days', '0')).code).toBe(2)

  const explained = await belay('actions', 'explain', low.id)
  expect(explained.out).toContain('By the rubric house it scores 4% (theirs), which is below 30%.')
  expect(explained.out).toContain('Worth 4.')

  const token = readFileSync(join(cli.data, 'admin.token'), 'utf8').trim()
  const metrics = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  ).text()
  expect(metrics).toContain('belay_quality_scores_total{agent="clerk",rubric="house",verdict="rejected"} 1')
  expect(metrics).toMatch(
    /belay_model_cost_usd_total\{agent="belay\.judge",provider="openai",model="gpt-4o"\} 0\.0/,
  )
  const bad = await fetch(`${url}/v1/quality/scores?verdict=fine`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(bad.status).toBe(400)
})

test('a harness that is killed while the judge thinks scores the action when it is up again, once', async () => {
  const gate = Promise.withResolvers<void>()
  const before = provider.requests.length
  provider.script((request) =>
    request.number === before ? { ...verdict(request, 50), head: gate.promise } : verdict(request, 60),
  )
  const token = readFileSync(join(cli.data, 'admin.token'), 'utf8').trim()
  const post = async (path: string, body: JsonObject): Promise<JsonObject> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await answer.json()) as JsonObject
  }
  const note = await post('/v1/actions', { agent: 'clerk', action: 'note', input: { text: 'a note' } })
  const id = note['id'] as string
  await post(`/v1/actions/${id}/start`, {})
  await post(`/v1/actions/${id}/outcome`, { outcome: 'succeeded' })
  await provider.arrived(before)
  running.kill('SIGKILL')
  gate.resolve()
  ;({ url, child: running } = await cli.up())
  const scores = async (): Promise<unknown> =>
    (
      JSON.parse((await belay('quality', 'list', '--action', id, '--json')).out) as {
        items: unknown[]
      }
    ).items
  await expect
    .poll(scores, { timeout: 60_000 })
    .toMatchObject([{ verdict: 'accepted', score: 60, timing: 'after' }])
  const verified = await belay('ledger', 'verify')
  expect(verified.code).toBe(0)
})

test('a judge that gives no score is an alarm where the rule only alerts', async () => {
  writeFileSync(
    join(cli.folder, 'belay.yaml'),
    readFileSync(join(cli.folder, 'belay.yaml'), 'utf8').replace('then: require_approval', 'then: alert'),
  )
  provider.script(() => ({ text: 'no idea' }))
  const alarms = async (): Promise<unknown> => {
    await propose(`again ${Math.random()}`)
    return (JSON.parse((await belay('alarms', 'list', '--json')).out) as { items: unknown[] }).items
  }
  await expect
    .poll(alarms, { timeout: 60_000 })
    .toMatchObject([{ kind: 'quality', title: 'The judge gives no scores by the rubric house', agent: null }])
})
