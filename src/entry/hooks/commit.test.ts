import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openHarness, type Harness } from '../harness.ts'
import { startHttpServer, type HttpServer } from '../http-api/server.ts'
import { hookDoor } from './hook-door.ts'

const ADMIN = 'test-admin-token-0123456789'
const HOOK = join(import.meta.dirname, '../../../bin/belay-hook.sh')
const POLICY = `
version: 1
defaults: { decision: deny }
agents: { coder: {}, asker: {} }
actions:
  shell.run: { effect: irreversible }
  code.change:
    effect: write
    verify: [{ code: { fail_on: error } }]
    approve: [{ when: 'action.agent == "asker"', by: [owners], expires: 1h }]
approvers: { owners: { members: [owner@example.com], quorum: 1 } }
`
const HEAD = `import subprocess\nfrom flask import Flask, request\napp = Flask(__name__)\n`
const view = (path: string, command: string): string =>
  `@app.route("/${path}")\ndef ${path}():\n    return subprocess.check_output(${command})\n`
const BAD = view('ping', '"ping " + request.args["host"], shell=True')
const GOOD = view('ping', '["ping", "-c", "1", request.args["host"]]')

let folder = ''
let project = ''
let harness: Harness
let server: HttpServer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'belay-commit-'))
  const config = join(folder, 'belay.yaml')
  writeFileSync(config, POLICY)
  harness = await openHarness({ config, data: join(folder, 'data') })
  const { flow, store, policies, ledgerLog } = harness
  server = await startHttpServer({
    flow,
    store,
    policies,
    ledgerLog,
    port: 0,
    adminToken: ADMIN,
    version: '0.0.0-test',
    log: { level: 'silent' },
    doors: [hookDoor({ flow, store, policies })],
  })
  // Starts the thread that checks, which takes longest on a busy machine.
  newProject()
  write('new.py', HEAD + GOOD)
  await run('git add . && git commit -qm second')
})
afterAll(async () => {
  await server.close()
  await harness.close()
  rmSync(folder, { recursive: true, force: true })
})

let projects = 0
beforeEach(newProject)

function newProject(): void {
  project = join(folder, `project-${(projects += 1)}`)
  mkdirSync(project)
  git('init', '-q', '-b', 'main')
  git('config', 'user.name', 'Coder')
  git('config', 'user.email', 'coder@example.com')
  write('app.py', HEAD + view('old', '"ls " + request.args["d"], shell=True'))
  git('add', '.')
  git('commit', '-qm', 'first')
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim()
}

function write(path: string, text: string): void {
  writeFileSync(join(project, path), text)
}

/** What the agent does: it asks its hook, as it is installed, and runs the command unless the hook says no. */
async function run(command: string, agent = 'coder'): Promise<string> {
  const event = {
    session_id: project,
    tool_use_id: `t${Math.random()}`,
    cwd: project,
    hook_event_name: 'PreToolUse',
    tool_name: 'Bash',
    tool_input: { command },
  }
  const said = await new Promise<string>((resolve, reject) => {
    const child = spawn('/bin/sh', [HOOK, process.execPath, 'claude-code', '--agent', agent, '--wait', '0'], {
      cwd: project,
      env: { PATH: process.env['PATH'] ?? '', BELAY_URL: server.url, BELAY_TOKEN: ADMIN },
    })
    let out = ''
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr.on('data', (part: Buffer) => (out += part.toString()))
    child.on('error', reject)
    child.on('close', () => resolve(out))
    child.stdin.end(JSON.stringify(event))
  })
  if (said === '') execFileSync('/bin/sh', ['-c', command], { cwd: project })
  return said
}

const commits = (): number => Number(git('rev-list', '--count', 'HEAD'))

it('refuses a commit of what is staged, with what to do; what the agent has repaired then lands', async () => {
  write('new.py', HEAD + BAD)
  git('add', 'new.py')
  const said = await run('git commit -m second')
  expect(said).toContain('The change adds 1 error to the code.')
  expect(said).toContain('new.py:6 value-flow/command-injection')
  expect(said).toContain('Fix: ')
  expect(commits()).toBe(1)
  const [action] = await harness.store.actions({ session: project, limit: 1 })
  expect(action).toMatchObject({ name: 'code.change', state: { name: 'denied' } })
  write('new.py', HEAD + GOOD)
  expect(await run('git add new.py && git commit -m second')).toBe('')
  expect(commits()).toBe(2)
})

it('looks at what is staged rather than at what lies on the disk', async () => {
  write('new.py', HEAD + BAD)
  git('add', 'new.py')
  write('new.py', HEAD + GOOD)
  expect(await run('git commit -m second')).toContain('new.py:6 value-flow/command-injection')
  git('add', 'new.py')
  write('new.py', HEAD + BAD)
  write('later.py', HEAD + BAD)
  expect(await run('git commit -m second')).toBe('')
  expect(git('show', 'HEAD:new.py')).toContain('"-c", "1"')
})

it('looks at all of the working tree where the command stages it', async () => {
  write('new.py', HEAD + BAD)
  expect(await run('git add -A && git commit -m second')).toContain('new.py:6 value-flow/command-injection')
  write('app.py', HEAD + BAD)
  rmSync(join(project, 'new.py'))
  expect(await run('git commit -am second')).toContain('app.py:6 value-flow/command-injection')
  expect(commits()).toBe(1)
})

it('does not count what was committed before, nor silences by the commit itself', async () => {
  write('app.py', `# moved\n${HEAD}${view('old', '"ls " + request.args["d"], shell=True')}`)
  expect(await run('git commit -am second')).toBe('')
  write(
    'new.py',
    HEAD + BAD.replace('    return', '    # belay-ignore command-injection: trust me\n    return'),
  )
  git('add', '.')
  expect(await run('git commit -m third')).toContain('command-injection')
  expect(commits()).toBe(2)
})

it('refuses what it cannot foresee, and says how to do it instead', async () => {
  const said = await run('printf "x" > new.py && git add new.py && git commit -m second')
  expect(said).toContain('The change could not be checked.')
  expect(said).toContain('in a call of its own')
  expect(commits()).toBe(1)
})

it('holds a commit where the policy asks for a person', async () => {
  write('new.py', HEAD + GOOD)
  git('add', 'new.py')
  expect(await run('git commit -m second', 'asker')).not.toBe('')
  expect(commits()).toBe(1)
  const [action] = await harness.store.actions({ session: project, limit: 1 })
  expect(action).toMatchObject({ name: 'code.change', state: { name: 'held' } })
})
