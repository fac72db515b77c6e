import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JsonObject } from '../../action/json.ts'
import { openHarness, type Harness } from '../harness.ts'
import { HOOKED_AGENTS } from './agents/index.ts'
import { HookDesk } from './hook-desk.ts'

const POLICY = `
version: 1
defaults: { decision: deny }
agents: { coder: {} }
actions:
  file.*: { effect: write }
  code.change: { effect: write, verify: [{ code: { fail_on: error } }] }
`
const OLD = `import { execSync } from 'node:child_process'
import express from 'express'
const app = express()
app.get('/old', (req, res) => res.json(execSync('ls ' + req.query.d).toString()))
`
const BAD = "app.get('/new', (req, res) => res.json(execSync('ping ' + req.query.host).toString()))\n"

let folder = ''
let project = ''
let harness: Harness
let desk: HookDesk
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-code-change-'))
  project = join(folder, 'project')
  mkdirSync(project)
  execFileSync('git', ['init', '-q'], { cwd: project })
  writeFileSync(join(folder, 'belay.yaml'), POLICY)
  harness = await openHarness({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })
  desk = new HookDesk(harness)
  writeFileSync(join(project, 'app.ts'), OLD)
})
afterAll(async () => {
  await desk.close()
  await harness.close()
  rmSync(folder, { recursive: true, force: true })
})

let calls = 0
async function tell(kind: string, event: JsonObject): Promise<string> {
  const hooked = HOOKED_AGENTS.find((each) => each.kind === kind)!
  const signal = new AbortController().signal
  return desk.serve(hooked, {
    agent: 'coder',
    event,
    held: { wait: 0, approver: null },
    signal,
  })
}

/** What Claude Code is answered before one of its tools runs; '' is yes. */
function claude(tool: string, input: JsonObject, more: JsonObject = {}): Promise<string> {
  return tell('claude-code', {
    session_id: 's',
    tool_use_id: `t${(calls += 1)}`,
    cwd: project,
    hook_event_name: 'PreToolUse',
    tool_name: tool,
    tool_input: input,
    ...more,
  })
}

const file = (): string => join(project, 'app.ts')

it('refuses a write that adds an error, with where it is and what to do', async () => {
  const denied = await claude('Write', { file_path: join(project, 'new.ts'), content: OLD })
  expect(denied).toContain('The change adds 1 error to the code.')
  expect(denied).toContain('new.ts:4 value-flow/command-injection')
  expect(denied).toContain('Fix: ')
  const items = await harness.store.actions({ agent: 'coder', limit: 1 })
  expect(items[0]).toMatchObject({ name: 'code.change', state: { name: 'denied' } })
})

it('does not count what was there, wherever it moves to', async () => {
  expect(await claude('Edit', { file_path: file(), old_string: "'/old'", new_string: "'/older'" })).toBe('')
  expect(await claude('Write', { file_path: file(), content: `// moved\n\n${OLD}` })).toBe('')
})

it('reads an edit as the file that it makes', async () => {
  const edit = {
    file_path: file(),
    old_string: 'const app = express()\n',
    new_string: `const app = express()\n${BAD}`,
  }
  expect(await claude('Edit', edit)).toContain('app.ts:4 value-flow/command-injection')
  const edits = [
    { old_string: '/old', new_string: '/x' },
    { old_string: 'const app = express()\n', new_string: `const app = express()\n${BAD}` },
  ]
  expect(await claude('MultiEdit', { file_path: file(), edits })).toContain(
    'app.ts:4 value-flow/command-injection',
  )
  const patch = `*** Begin Patch\n*** Update File: app.ts\n@@\n const app = express()\n+${BAD.trimEnd()}\n*** End Patch\n`
  const event = {
    session_id: 's',
    tool_use_id: 'p1',
    cwd: project,
    hook_event_name: 'PreToolUse',
    tool_name: 'apply_patch',
    tool_input: { command: patch },
  }
  expect(await tell('codex', event)).toContain('app.ts:4 value-flow/command-injection')
})

it('is not silenced by a comment of the same change', async () => {
  const content = OLD.replace('app.get', '// belay-ignore command-injection: trust me\napp.get')
  expect(await claude('Write', { file_path: join(project, 'other.ts'), content })).toContain(
    'command-injection',
  )
})

it('refuses an edit whose outcome it cannot foresee', async () => {
  expect(await claude('Edit', { file_path: file(), old_string: 'nowhere', new_string: 'x' })).toContain(
    'could not be checked',
  )
})

it('lets pass what is fine, and what is no code; the write is on record as made', async () => {
  expect(await claude('Write', { file_path: join(project, 'README.md'), content: OLD })).toBe('')
  const input = { file_path: join(project, 'fine.ts'), content: 'export const one = 1\n' }
  const id = { tool_use_id: 'fine' }
  expect(await claude('Write', input, id)).toBe('')
  await claude('Write', input, { ...id, hook_event_name: 'PostToolUse', tool_response: {} })
  const items = await harness.store.actions({ agent: 'coder', limit: 2 })
  expect(items.map(({ name, state }) => [name, state.name])).toContainEqual(['code.change', 'succeeded'])
})
