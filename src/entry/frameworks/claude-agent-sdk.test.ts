import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { serveBelay } from '../../../test/frameworks/served-belay.ts'
import type { ServedBelay } from '../../../test/frameworks/served-belay.ts'
import { guardQuery } from './claude-agent-sdk.ts'
import type { GuardedQuery, HookInput, HookOutput } from './claude-agent-sdk.ts'

let folder: string
let served: ServedBelay
const ran: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-claude-'))
  served = await serveBelay(folder)
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => void ran.splice(0))

const guarded = () => guardQuery(served.belay, { agent: 'helper', actions: { refund: 'payments.refund' } })

const NEVER = new AbortController().signal

function hook(
  query: GuardedQuery,
  event: keyof GuardedQuery['hooks'],
  input: Omit<HookInput, 'hook_event_name'>,
  signal = NEVER,
): Promise<HookOutput> {
  const [matcher] = query.hooks[event]
  return matcher?.hooks[0]?.({ hook_event_name: event, ...input }, undefined, {
    signal,
  }) as Promise<HookOutput>
}

/** What Claude Code does with one tool call: asks the hook, runs the tool, tells the hook. Answers what the model reads. */
async function callTool(
  query: GuardedQuery,
  session_id: string,
  tool_name: string,
  tool_input: unknown,
  run: (input: unknown) => unknown = (input) => ran.push(input),
  tool_use_id = 'toolu_1',
): Promise<unknown> {
  const fields = { session_id, tool_name, tool_input, tool_use_id }
  const { hookSpecificOutput: decided } = await hook(query, 'PreToolUse', fields)
  if (decided?.hookEventName !== 'PreToolUse') throw new Error('the hook gave no decision')
  if (decided.permissionDecision !== 'allow') return decided.permissionDecisionReason
  let tool_response: unknown
  try {
    tool_response = run(decided.updatedInput)
  } catch (error) {
    await hook(query, 'PostToolUseFailure', { ...fields, error: (error as Error).message })
    return 'failed'
  }
  const { hookSpecificOutput: rewritten } = await hook(query, 'PostToolUse', { ...fields, tool_response })
  return rewritten?.hookEventName === 'PostToolUse' ? rewritten.updatedToolOutput : tool_response
}

test('an allowed call runs, with the input that may be executed, and is recorded', async () => {
  const said = await callTool(guarded(), 's1', 'post', { text: 'Mail jane@example.com' }, (input) => {
    ran.push(input)
    return { stdout: 'ok' }
  })
  expect(said).toEqual({ stdout: 'ok' })
  expect(JSON.stringify(ran)).not.toContain('jane@example.com')
  expect((await served.actions())[0]).toMatchObject({ state: 'succeeded', result: { stdout: 'ok' } })
})

test('denials reach the model in words, and nothing runs', async () => {
  expect(await callTool(guarded(), 's2', 'post', { text: 'x'.repeat(41) })).toContain('at most 40 characters')
  expect(await callTool(guarded(), 's2', 'Bash', { command: 'rm -rf /' })).toContain('Denied')
  expect(await callTool(guarded(), 's2', 'post', 'no object')).toContain('must be a JSON object')
  expect(await callTool(guarded(), 's2', 7 as never, {})).toContain('cannot be read')
  expect(ran).toEqual([])
})

test('outputs are replaced where the policy changes or withholds them', async () => {
  const redacted = await callTool(guarded(), 's3', 'lookup', {}, () => ({
    stdout: 'jane@example.com',
    code: 0,
  }))
  expect(redacted).toMatchObject({ code: 0 })
  expect(JSON.stringify(redacted)).not.toContain('jane@example.com')
  const withheld = await callTool(guarded(), 's4', 'lookup', {}, () => ({
    content: [{ type: 'text', text: 'top secret' }, { type: 'text' }],
    bytes: 10,
    truncated: false,
  }))
  expect(withheld).toEqual({
    content: [{ type: 'text', text: expect.stringContaining('its result is withheld') as string }],
    bytes: 0,
    truncated: false,
  })
})

test('failed and interrupted tools are told apart in the record', async () => {
  await callTool(guarded(), 's5', 'post', { text: 'a' }, () => {
    throw new RangeError('no room')
  })
  expect((await served.actions())[0]?.state).toBe('failed')
  const query = guarded()
  const fields = { session_id: 's6', tool_name: 'post', tool_input: { text: 'b' }, tool_use_id: 't' }
  await hook(query, 'PreToolUse', fields)
  await hook(query, 'PostToolUseFailure', { ...fields, error: 'stopped', is_interrupt: true })
  expect((await served.actions())[0]?.state).toBe('unknown')
})

test('what a session leaves behind is unknown, and closing waits for nothing', async () => {
  const query = guarded()
  await hook(query, 'PreToolUse', {
    session_id: 's7',
    tool_name: 'post',
    tool_input: { text: 'c' },
    tool_use_id: 't',
  })
  await hook(query, 'SessionEnd', { session_id: 'another' })
  expect((await served.actions())[0]?.state).toBe('executing')
  await hook(query, 'SessionEnd', { session_id: 's7' })
  await expect.poll(async () => (await served.actions())[0]?.state).toBe('unknown')
})

test('what needs a person waits in the hook', async () => {
  const waiting = callTool(guarded(), 's8', 'refund', { order: 'o1', amount: 500 })
  await served.decide('approve')
  expect(await waiting).toBe(1)
  const refused = callTool(guarded(), 's9', 'refund', { order: 'o1', amount: 500 })
  await served.decide('reject')
  expect(await refused).toContain('Denied, nothing was done')
  expect(ran).toHaveLength(1)
})

test('a hook that is given up withdraws what waits', async () => {
  const gone = new AbortController()
  const fields = {
    session_id: 's10',
    tool_name: 'refund',
    tool_input: { order: 'o', amount: 500 },
    tool_use_id: 't',
  }
  const waiting = hook(guarded(), 'PreToolUse', fields, gone.signal)
  await expect.poll(async () => (await served.actions())[0]?.state).toBe('held')
  gone.abort()
  expect(await waiting).toMatchObject({ hookSpecificOutput: { permissionDecision: 'deny' } })
  expect((await served.actions())[0]?.state).toBe('cancelled')
})

test('a call that comes again, also at the same time or after a restart, runs once and its result is told', async () => {
  const query = guarded()
  const post = () =>
    callTool(query, 's11', 'post', { text: 'hello' }, (input) => (ran.push(input), 'published'))
  const answers = await Promise.all(Array.from({ length: 50 }, post))
  expect(ran).toEqual([{ text: 'hello' }])
  expect(answers.filter((answer) => answer === 'published')).toHaveLength(1)
  await served.close()
  served = await serveBelay(folder)
  expect(await callTool(guarded(), 's11', 'post', { text: 'hello' })).toBe(
    'It was done before and is not done again. Its result was: published',
  )
  expect(ran).toHaveLength(1)
})

test('canUseTool lets through what the hook has allowed, as it was allowed, and nothing else', async () => {
  const query = guarded()
  const ask = (toolUseID: string) => query.canUseTool('post', { text: 'forged' }, { toolUseID })
  await hook(query, 'PreToolUse', {
    session_id: 's12',
    tool_name: 'post',
    tool_input: { text: 'real' },
    tool_use_id: 'known',
  })
  expect(await ask('known')).toEqual({ behavior: 'allow', updatedInput: { text: 'real' } })
  expect(await ask('other')).toMatchObject({ behavior: 'deny' })
  await hook(query, 'PermissionDenied', { session_id: 's12', tool_use_id: 'known' })
  expect(await ask('known')).toMatchObject({ behavior: 'deny' })
  expect((await served.actions())[0]?.state).toBe('failed')
})

test('the output of a call that was never allowed is withheld', async () => {
  const answer = await hook(guarded(), 'PostToolUse', {
    session_id: 's13',
    tool_name: 'post',
    tool_use_id: 'stray',
    tool_response: 'data',
  })
  expect(answer.hookSpecificOutput).toMatchObject({
    updatedToolOutput: expect.stringContaining('did not allow') as string,
  })
})

test('when the harness is gone nothing runs', async () => {
  await served.close()
  expect(await callTool(guarded(), 's14', 'post', { text: 'a' })).toContain('Nothing was done')
  expect(ran).toEqual([])
  served = await serveBelay(folder)
})
