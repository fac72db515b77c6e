import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../action/json.ts'
import { openHarness, type Harness } from '../harness.ts'
import { startHttpServer, type HttpServer } from '../http-api/server.ts'
import { hookDoor } from './hook-door.ts'

const ADMIN = 'test-admin-token-0123456789'
const PROGRAMS = join(import.meta.dirname, '../../../bin')
/** As installed, and by Node alone where there is no shell or no curl. */
const HOOKS = {
  curl: ['/bin/sh', join(PROGRAMS, 'belay-hook.sh'), process.execPath],
  node: [process.execPath, join(PROGRAMS, 'belay-hook.js')],
}
const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
agents: { coder: {} }
actions:
  shell.run:
    effect: irreversible
    verify: [{ shell: { destructive: require_approval } }]
    approve: [{ when: 'input.programs.exists(p, p == "npm")', by: [owners], expires: 1h }]
  file.*: { effect: write, undo: { within: 1h }, verify: [{ banned_phrases: { field: text, phrases: [top secret] } }] }
  mcp.github.*: { effect: write }
  http.GET: { effect: read, verify: [{ rule: { when: 'input.host != "example.com"', then: deny, code: 'http:host', message: Only example.com may be read. } }] }
approvers: { owners: { members: [owner@example.com], quorum: 1 } }
`

let folder: string
let harness: Harness
let server: HttpServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belay-hooks-'))
  const config = join(folder, 'belay.yaml')
  await writeFile(config, POLICY)
  harness = await openHarness({ config, data: join(folder, 'data') })
  const { flow, store, policies } = harness
  server = await startHttpServer({
    flow,
    store,
    policies,
    ledgerLog: harness.ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log: { level: 'silent' },
    doors: [hookDoor({ flow, store, policies })],
  })
})
afterAll(async () => {
  await server.close()
  await harness.close()
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function hook(
  kind: string,
  event: JsonObject | string,
  {
    args = [],
    env = {},
    by = 'curl',
  }: {
    readonly args?: readonly string[]
    readonly env?: Record<string, string>
    readonly by?: keyof typeof HOOKS
  } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const [program, ...words] = HOOKS[by]
    const child = spawn(program!, [...words, kind, '--agent', 'coder', ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', BELAY_URL: server.url, BELAY_TOKEN: ADMIN, ...env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString()))
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(typeof event === 'string' ? event : JSON.stringify(event))
  })
}

async function actions(session: string): Promise<readonly (readonly [string, string])[]> {
  const found = await harness.store.actions({ session, limit: 50 })
  return found.map((action) => [action.name, action.state.name] as const).toReversed()
}

let calls = 0
function claude(tool: string, input: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    session_id: 'c1',
    transcript_path: '/x',
    cwd: folder,
    hook_event_name: 'PreToolUse',
    tool_name: tool,
    tool_input: input,
    tool_use_id: `toolu_${++calls}`,
    ...more,
  }
}

describe('claude-code', () => {
  test('an allowed command runs under the own rules of the agent, and its outcome is reported', async () => {
    const event = claude('Bash', { command: 'ls -la' }, { session_id: 's-allowed' })
    expect(await hook('claude-code', event)).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await actions('s-allowed')).toEqual([['shell.run', 'executing']])
    await hook('claude-code', { ...event, hook_event_name: 'PostToolUse', tool_response: { stdout: 'a' } })
    expect(await actions('s-allowed')).toEqual([['shell.run', 'succeeded']])
  })

  test('a failure of the tool is one of the action', async () => {
    const event = claude('Bash', { command: 'false' }, { session_id: 's-failed' })
    await hook('claude-code', event)
    await hook('claude-code', { ...event, hook_event_name: 'PostToolUseFailure', error: 'exit 1' })
    expect(await actions('s-failed')).toEqual([['shell.run', 'failed']])
  })

  test('what the policy denies is denied in the words of the agent', async () => {
    const ended = await hook('claude-code', claude('WebFetch', { url: 'https://evil.example/x' }))
    expect(ended.code).toBe(0)
    expect(JSON.parse(ended.stdout)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: 'Belay refused this: Only example.com may be read.',
      },
    })
  })

  test('a held call is denied, and let through once it is approved', async () => {
    const event = (): JsonObject =>
      claude('Bash', { command: 'npm install left-pad' }, { session_id: 's-held' })
    const first = JSON.parse((await hook('claude-code', event())).stdout).hookSpecificOutput
    expect(first.permissionDecision).toBe('deny')
    const id = /approve (\S+)\)/.exec(first.permissionDecisionReason)![1]!
    expect(
      JSON.parse((await hook('claude-code', event())).stdout).hookSpecificOutput.permissionDecision,
    ).toBe('deny')
    await harness.flow.vote(id, { by: 'owner@example.com', outcome: 'approve' })
    expect((await hook('claude-code', event())).stdout).toBe('')
    expect(await actions('s-held')).toEqual([['shell.run', 'executing']])
  })

  test('waits for the person where told to', async () => {
    const waiting = hook('claude-code', claude('Bash', { command: 'npm ci' }, { session_id: 's-wait' }), {
      args: ['--wait', '30'],
    })
    let approval: string | undefined
    while (approval === undefined) {
      await new Promise((resolve) => setImmediate(resolve))
      const [action] = await harness.store.actions({ session: 's-wait', limit: 1 })
      if (action?.state.name === 'held') approval = action.state.approval.id
    }
    await harness.flow.vote(approval, { by: 'owner@example.com', outcome: 'approve' })
    expect(await waiting).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('asks at the terminal only whom the hook names, and that the tool ran is their vote', async () => {
    const event = claude('Bash', { command: 'git reset --hard' }, { session_id: 's-ask' })
    const args = ['--approver', 'owner@example.com']
    const npm = { ...event, tool_input: { command: 'npm ci' }, session_id: 's-ask-2', tool_use_id: 'ask-2' }
    expect(
      JSON.parse((await hook('claude-code', npm, { args })).stdout).hookSpecificOutput.permissionDecision,
    ).toBe('ask')
    await hook('claude-code', { ...npm, hook_event_name: 'PostToolUse', tool_response: 'ok' }, { args })
    expect(await actions('s-ask-2')).toEqual([['shell.run', 'succeeded']])
  })

  test('words in a file, another tool, another event', async () => {
    const secret = await hook('claude-code', claude('Write', { file_path: '/x/a', content: 'a top secret' }))
    expect(secret.stdout).toContain('"deny"')
    expect((await hook('claude-code', claude('Task', { prompt: 'x' }))).stdout).toContain('"deny"')
    expect((await hook('claude-code', claude('mcp__github__create_issue', { title: 'x' }))).stdout).toBe('')
    expect(await hook('claude-code', { hook_event_name: 'SessionStart', session_id: 'x' })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
  })

  test('the same call again is the same action', async () => {
    const event = claude('Bash', { command: 'date' }, { session_id: 's-twice' })
    await hook('claude-code', event)
    await hook('claude-code', event)
    expect(await actions('s-twice')).toEqual([['shell.run', 'executing']])
    await hook('claude-code', { ...event, hook_event_name: 'PostToolUse', tool_response: 'x' })
    expect((await hook('claude-code', event)).stdout).toContain('made before and is succeeded')
  })
})

describe('the others', () => {
  test('codex: silence allows, deny denies, never ask; a patch is every file in it', async () => {
    const base = { session_id: 'x1', cwd: folder, hook_event_name: 'PreToolUse', turn_id: 't' }
    const run = (tool: string, command: string): Promise<Ended> =>
      hook(
        'codex',
        { ...base, tool_name: tool, tool_input: { command }, tool_use_id: `x${++calls}` },
        { args: ['--approver', 'owner@example.com'] },
      )
    expect(await run('Bash', 'ls')).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(JSON.parse((await run('Bash', 'npm ci')).stdout).hookSpecificOutput.permissionDecision).toBe(
      'deny',
    )
    const patch = `*** Begin Patch\n*** Add File: a.ts\n+const a = 1\n*** Update File: b.ts\n*** Move to: c.ts\n-x\n+a top secret\n*** Delete File: d.ts\n*** End Patch`
    expect((await run('apply_patch', patch)).stdout).toContain('"deny"')
    expect(await actions('x1')).toEqual([
      ['shell.run', 'executing'],
      ['shell.run', 'held'],
      ['file.write', 'failed'],
      ['file.delete', 'failed'],
      ['file.write', 'denied'],
    ])
  })

  test('gemini: without an id, before and after meet by what is called', async () => {
    const event = {
      session_id: 'g1',
      cwd: folder,
      hook_event_name: 'BeforeTool',
      tool_name: 'run_shell_command',
      tool_input: { command: 'ls' },
    }
    expect(JSON.parse((await hook('gemini', event)).stdout)).toEqual({ decision: 'allow' })
    await hook('gemini', {
      ...event,
      hook_event_name: 'AfterTool',
      tool_response: { llmContent: 'x', error: 'broken' },
    })
    expect(await actions('g1')).toEqual([['shell.run', 'failed']])
    const denied = await hook('gemini', {
      ...event,
      tool_name: 'mcp_evil_x',
      mcp_context: { server_name: 'evil', tool_name: 'x' },
    })
    expect(JSON.parse(denied.stdout)).toMatchObject({ decision: 'deny' })
    expect(await actions('g1')).toContainEqual(['mcp.evil.x', 'denied'])
  })

  test('opencode', async () => {
    const event = {
      hook_event_name: 'tool.execute.before',
      tool: 'bash',
      sessionID: 'o1',
      callID: 'c',
      cwd: folder,
      args: { command: 'ls' },
    }
    expect(JSON.parse((await hook('opencode', event)).stdout)).toEqual({ decision: 'allow' })
    await hook('opencode', { ...event, hook_event_name: 'tool.execute.after', output: 'x' })
    expect(await actions('o1')).toEqual([['shell.run', 'succeeded']])
  })

  test('cursor: its own names, and a person at its terminal', async () => {
    const event = {
      hook_event_name: 'beforeShellExecution',
      conversation_id: 'u1',
      command: 'ls',
      cwd: folder,
    }
    expect(JSON.parse((await hook('cursor', event)).stdout)).toEqual({ permission: 'allow' })
    const asked = await hook(
      'cursor',
      { ...event, command: 'npm ci' },
      { args: ['--approver', 'owner@example.com'] },
    )
    expect(JSON.parse(asked.stdout).permission).toBe('ask')
    const read = await hook('cursor', {
      hook_event_name: 'beforeReadFile',
      conversation_id: 'u1',
      file_path: '/x',
      content: '',
    })
    expect(JSON.parse(read.stdout)).toEqual({ permission: 'allow' })
  })
})

const geminiRead: JsonObject = {
  session_id: 'g2',
  hook_event_name: 'BeforeTool',
  tool_name: 'read_file',
  tool_input: { absolute_path: '/tmp/a.txt' },
}

describe.each(['curl', 'node'] as const)('what goes wrong is a refusal, by %s', (by) => {
  const event = claude('Bash', { command: 'ls' })
  test.each<[string, JsonObject | string, { args?: string[]; env?: Record<string, string> }]>([
    ['no harness', event, { env: { BELAY_URL: 'http://127.0.0.1:9' } }],
    ['a wrong token', event, { env: { BELAY_TOKEN: 'wrong-token-0123456789' } }],
    ['no token', event, { env: { BELAY_TOKEN: '' } }],
    ['nothing here', event, { env: { BELAY_URL: '' } }],
    ['an event that is no JSON', '{"hook', {}],
    ['no event', '', {}],
    ['an option that does not exist', event, { args: ['--allow', 'all'] }],
  ])('%s', async (_what, sent, how) => {
    const ended = await hook('claude-code', sent, { ...how, by })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain('must not run')
  })

  test('an agent that Belay does not know', async () => {
    expect(await hook('nobody', event, { by })).toMatchObject({ code: 2 })
  })

  test('a tool called without what it needs', async () => {
    expect((await hook('claude-code', claude('Bash', {}), { by })).stdout).toContain('cannot read this call')
  })

  test.each([
    ['another server', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'],
    ['a server that says nothing', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['an answer cut short', 'HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\nbelay\n'],
    ['no HTTP', 'belay\n'],
  ])('%s where the harness was', async (_what, answer) => {
    const stray = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(answer))
    })
    await new Promise<void>((resolve) => stray.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(stray.address() as AddressInfo).port}`
    expect(await hook('claude-code', event, { env: { BELAY_URL: url }, by })).toMatchObject({
      code: 2,
      stdout: '',
    })
    await new Promise((resolve) => stray.close(resolve))
  })

  test('the harness of the folder it is told, whatever the environment says', async () => {
    const data = await mkdtemp(join(folder, 'data-'))
    await writeFile(join(data, 'server.json'), `${JSON.stringify({ url: server.url, pid: process.pid })}\n`)
    await writeFile(join(data, 'admin.token'), `${ADMIN}\n`)
    const asked = await hook('gemini', geminiRead, {
      args: ['--data', data],
      env: { BELAY_URL: 'http://127.0.0.1:9' },
      by,
    })
    expect(asked).toEqual({ code: 0, stdout: '{"decision":"allow"}\n', stderr: '' })
  })

  test('asking instead is an option for agents that can', async () => {
    const ended = await hook('claude-code', event, {
      env: { BELAY_URL: 'http://127.0.0.1:9' },
      args: ['--unreachable', 'ask'],
      by,
    })
    expect(ended.code).toBe(0)
    expect(JSON.parse(ended.stdout).hookSpecificOutput.permissionDecision).toBe('ask')
    const other = await hook('codex', event, {
      env: { BELAY_URL: 'http://127.0.0.1:9' },
      args: ['--unreachable', 'ask'],
      by,
    })
    expect(other.code).toBe(2)
  })

  test("an agent's key speaks for that agent and votes for nobody", async () => {
    const response = await fetch(`${server.url}/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: 'coder' }),
    })
    const { key } = (await response.json()) as { key: string }
    const held = await hook('claude-code', claude('Bash', { command: 'npm ci' }), {
      env: { BELAY_TOKEN: key },
      args: ['--approver', 'owner@example.com'],
      by,
    })
    expect(held.stdout).toContain('"deny"')
    const other = await fetch(`${server.url}/v1/hooks/codex?agent=somebody`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(other.status).toBe(403)
  })
})

describe('a file that a tool has written', () => {
  /** What the tool and both calls of its hook do; `text` `null`: it lies on another machine. */
  async function write(path: string, text: string | null): Promise<string> {
    const event = claude('Write', { file_path: path, content: text ?? 'elsewhere' }, { session_id: path })
    expect(await hook('claude-code', event)).toMatchObject({ code: 0, stdout: '' })
    if (text !== null) await writeFile(join(folder, path), text)
    await hook('claude-code', { ...event, hook_event_name: 'PostToolUse', tool_response: 'written' })
    const [action] = await harness.store.actions({ session: path, limit: 1 })
    expect([action!.name, action!.state.name]).toEqual(['file.write', 'succeeded'])
    return action!.id
  }
  const textOf = (path: string): Promise<string> => readFile(join(folder, path), 'utf8')

  test('is put back as it was, step by step, and removed where there was none', async () => {
    await writeFile(join(folder, 'notes.md'), 'mine')
    const first = await write('notes.md', 'one')
    const second = await write('notes.md', 'two')
    await expect(harness.flow.undo(first, 'ann')).rejects.toMatchObject({ code: 'undo:conflict' })
    expect(
      (await harness.flow.previewUndo({ agent: 'coder', session: 'notes.md' })).undoable.slice(0, 1),
    ).toMatchObject([{ id: second, how: 'belay', compared: true }])
    for (const [id, text] of [
      [second, 'one'],
      [first, 'mine'],
    ] as const) {
      expect((await harness.flow.undo(id, 'ann')).state.name).toBe('undone')
      expect(await textOf('notes.md')).toBe(text)
    }
    const made = await write('made.md', 'new')
    await harness.flow.undo(made, 'ann')
    await expect(textOf('made.md')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is not put back over what somebody wrote since, unless a person says so', async () => {
    await writeFile(join(folder, 'shared.md'), 'mine')
    const id = await write('shared.md', 'its own')
    await writeFile(join(folder, 'shared.md'), 'of a person')
    await expect(harness.flow.undo(id, 'ann')).rejects.toMatchObject({ code: 'undo:conflict' })
    expect(await textOf('shared.md')).toBe('of a person')
    await harness.flow.undo(id, 'ann', { overwrite: true })
    expect(await textOf('shared.md')).toBe('mine')
  })

  test('on another machine, too large, or erased since, is said not to be kept', async () => {
    const code = 'undo:not_kept'
    await writeFile(join(folder, 'far.md'), 'of this machine')
    const far = await write('far.md', null)
    await expect(harness.flow.undo(far, 'ann')).rejects.toMatchObject({ code })
    expect(await textOf('far.md')).toBe('of this machine')
    await writeFile(join(folder, 'large.md'), 'x'.repeat(1024 * 1024 + 1))
    const large = await write('large.md', 'small')
    await expect(harness.flow.undo(large, 'ann')).rejects.toThrow('larger than')
    await writeFile(join(folder, 'secret.md'), 'of Ann')
    const erased = await write('secret.md', 'of nobody')
    await harness.flow.erase({ action: erased }, 'ann')
    await expect(harness.flow.undo(erased, 'ann')).rejects.toMatchObject({ code })
    const records = (await harness.store.recordsOf(erased)).map(({ text }) => text).join()
    expect(records).toContain('file:before')
    expect(records).not.toContain('of Ann')
  })
})
