import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHarness, type Harness } from '../../src/entry/harness.ts'
import { HOOK_SETTINGS } from '../../src/entry/hooks/hook-settings.ts'
import { hookDoor } from '../../src/entry/hooks/hook-door.ts'
import { startHttpServer, type HttpServer } from '../../src/entry/http-api/server.ts'
import { installAgents } from '../model-gateway/agents/install-agents.ts'
import {
  PROVIDER_KEYS,
  startProvider,
  type Arrived,
  type Provider,
} from '../model-gateway/provider/provider.ts'

const ADMIN = 'test-admin-token-0123456789'
const HOOK = join(import.meta.dirname, '../../bin/belay-hook.sh')
const TASK = 'Copy greeting.txt to copy.txt'

interface RealAgent {
  readonly kind: string
  readonly program: (modules: string) => readonly string[]
  readonly env: (home: string) => Record<string, string>
  readonly files: (urls: Provider['urls']) => Readonly<Record<string, string>>
  readonly shell: (command: string) => { readonly name: string; readonly arguments: Record<string, string> }
}

/** Where other agents than those of the lock lie, for whoever has them: their packages are hundreds of megabytes. */
const MORE = process.env['BELAY_HOOK_AGENTS']

const CODEX: RealAgent = {
  kind: 'codex',
  program: (modules) => [
    process.execPath,
    join(modules, '@openai/codex/bin/codex.js'),
    'exec',
    '--skip-git-repo-check',
    '--dangerously-bypass-approvals-and-sandbox',
    // The hook is this test's own; people trust it once, in the program.
    '--dangerously-bypass-hook-trust',
    TASK,
  ],
  env: (home) => ({ CODEX_HOME: join(home, '.codex'), PROVIDER_KEY: PROVIDER_KEYS.openai }),
  files: (urls) => ({
    '.codex/config.toml': `model = "gpt-5"
model_provider = "scripted"
[model_providers.scripted]
name = "Scripted"
base_url = "${urls.openai}"
env_key = "PROVIDER_KEY"
wire_api = "responses"
[analytics]
enabled = false
`,
  }),
  shell: (command) => ({ name: 'exec_command', arguments: { cmd: command } }),
}

const OTHERS: readonly (RealAgent & { readonly needs: string })[] = [
  {
    kind: 'claude-code',
    needs: '@anthropic-ai/claude-code-linux-x64/claude',
    program: (modules) => [
      join(modules, '@anthropic-ai/claude-code-linux-x64/claude'),
      '--print',
      '--allowedTools',
      'Bash',
      '--model',
      'claude-sonnet-5-5',
      TASK,
    ],
    env: (home) => ({
      CLAUDE_CONFIG_DIR: join(home, '.claude'),
      ANTHROPIC_API_KEY: PROVIDER_KEYS.anthropic,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
    }),
    files: () => ({}),
    shell: (command) => ({ name: 'Bash', arguments: { command, description: 'work' } }),
  },
  {
    kind: 'gemini',
    needs: '@google/gemini-cli/bundle/gemini.js',
    program: (modules) => [
      process.execPath,
      join(modules, '@google/gemini-cli/bundle/gemini.js'),
      '--yolo',
      '--model',
      'gemini-2.5-flash',
      '--prompt',
      TASK,
    ],
    env: () => ({
      GEMINI_API_KEY: PROVIDER_KEYS.gemini,
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
      GEMINI_SANDBOX: 'false',
    }),
    files: () => ({
      '.gemini/settings.json': JSON.stringify({ security: { auth: { selectedType: 'gemini-api-key' } } }),
    }),
    shell: (command) => ({ name: 'run_shell_command', arguments: { command, description: 'work' } }),
  },
  {
    kind: 'opencode',
    needs: 'opencode-linux-x64/bin/opencode',
    program: (modules) => [
      join(modules, 'opencode-linux-x64/bin/opencode'),
      'run',
      '--model',
      'scripted/gpt-4o',
      TASK,
    ],
    env: (home) => ({
      XDG_CACHE_HOME: join(home, '.cache'),
      // It fetches the package for plugins from the registry before it starts.
      HTTP_PROXY: '',
      HTTPS_PROXY: '',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    }),
    files: (urls) => ({
      '.config/opencode/opencode.json': JSON.stringify({
        permission: { bash: 'allow' },
        provider: {
          scripted: {
            npm: '@ai-sdk/openai-compatible',
            options: { baseURL: urls.openai, apiKey: PROVIDER_KEYS.openai },
            models: { 'gpt-4o': {} },
          },
        },
      }),
    }),
    shell: (command) => ({ name: 'bash', arguments: { command, description: 'work' } }),
  },
]

const AGENTS: readonly RealAgent[] = [
  CODEX,
  ...OTHERS.filter(({ needs }) => MORE !== undefined && existsSync(join(MORE, needs))),
]

let modules: string
let provider: Provider
let harness: Harness
let server: HttpServer
let folder: string
beforeAll(async () => {
  modules = await installAgents()
  provider = await startProvider()
  folder = await mkdtemp(join(tmpdir(), 'belay-hooked-'))
  const config = join(folder, 'belay.yaml')
  await writeFile(
    config,
    `version: 1
mode: enforce
defaults: { decision: deny }
actions:
  shell.run: { effect: write, verify: [{ shell: { deny_programs: [mv] } }] }
`,
  )
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
}, 300_000)
afterAll(async () => {
  await server.close()
  await harness.close()
  await provider.close()
  await rm(folder, { recursive: true, force: true })
})

function working({ body }: Arrived): boolean {
  return Array.isArray(body['tools']) && body['tools'].length > 0
}

async function run(
  agent: RealAgent,
  name: string,
  commands: readonly string[],
  url = server.url,
): Promise<{ project: string; output: string }> {
  const home = join(folder, name)
  const project = join(home, 'project')
  await mkdir(project, { recursive: true })
  await writeFile(join(project, 'greeting.txt'), 'hello\n')
  const settings = HOOK_SETTINGS.find(({ kind }) => kind === agent.kind)!
  const command = `/bin/sh ${HOOK} ${process.execPath} ${agent.kind} --agent ${name} || exit 2`
  const own = agent.files(provider.urls)
  const files = { ...own, [settings.file.user]: settings.install(own[settings.file.user] ?? null, command) }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(home, path, '..'), { recursive: true })
    await writeFile(join(home, path), text)
  }
  const steps = [...commands]
  provider.script((request) => {
    if (!working(request)) return { text: 'A title' }
    const next = steps.shift()
    return next === undefined ? { text: 'That is all.' } : { text: 'On it.', toolCalls: [agent.shell(next)] }
  })
  const [program, ...args] = agent.program(agent === CODEX ? modules : MORE!)
  const nowhere = 'http://127.0.0.1:9'
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    CI: '1',
    NO_COLOR: '1',
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    NO_PROXY: '127.0.0.1',
    ANTHROPIC_BASE_URL: provider.urls.anthropic.replace(/\/v1$/, ''),
    GOOGLE_GEMINI_BASE_URL: provider.urls.gemini.replace(/\/v1beta$/, ''),
    BELAY_URL: url,
    BELAY_TOKEN: ADMIN,
    ...agent.env(home),
  }
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(program!, args, { cwd: project, env, timeout: 60_000 }, (error, stdout, stderr) =>
      error === null
        ? resolve(stdout + stderr)
        : reject(new Error(`${agent.kind} failed:\n${stdout}\n${stderr}`, { cause: error })),
    )
    child.stdin?.end()
  })
  return { project, output }
}

describe.each(AGENTS)('$kind', (agent) => {
  test('runs what is allowed and not what is denied, and reads why', async () => {
    const name = `${agent.kind}-a`
    const from = provider.requests.length
    const { project } = await run(agent, name, ['cp greeting.txt copy.txt', 'mv greeting.txt gone.txt'])
    expect(await readFile(join(project, 'copy.txt'), 'utf8')).toBe('hello\n')
    expect(existsSync(join(project, 'gone.txt'))).toBe(false)
    expect(existsSync(join(project, 'greeting.txt'))).toBe(true)
    const last = provider.requests.slice(from).filter(working).at(-1)!
    expect(JSON.stringify(last.body)).toContain('The command runs a program that the policy denies.')
    const actions = await harness.store.actions({ agent: name, limit: 10 })
    expect(actions.map((action) => [action.name, action.state.name]).toReversed()).toEqual([
      ['shell.run', 'succeeded'],
      ['shell.run', 'denied'],
    ])
  }, 120_000)

  test('runs nothing when no harness answers', async () => {
    const { project } = await run(
      agent,
      `${agent.kind}-b`,
      ['cp greeting.txt copy.txt'],
      'http://127.0.0.1:9',
    )
    expect(existsSync(join(project, 'copy.txt'))).toBe(false)
  }, 120_000)
})
