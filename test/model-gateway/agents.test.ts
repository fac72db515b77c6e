import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { installAgents } from './agents/install-agents.ts'
import { budgetsOf, policyFor, priceOf, settled } from './drive.ts'
import { startProvider, type Arrived, type Provider } from './provider/provider.ts'

/** How one agent is started. Nothing but the address and the key of its model is told to it. */
interface RealAgent {
  readonly name: string
  /** The route that its requests must arrive on. */
  readonly route: string
  readonly program: (modules: string) => readonly string[]
  readonly env: (home: string, key: string) => Record<string, string>
  readonly files: (url: string) => Readonly<Record<string, string>>
  /** The tool calls that repair the file and copy it, as this agent's tools want them. */
  readonly work: readonly { readonly name: string; readonly arguments: Record<string, string | object> }[]
  /** A call that the policy denies. */
  readonly harm: { readonly name: string; readonly arguments: Record<string, string | object> }
}

const TASK = 'Repair the spelling in greeting.txt, then copy it to copy.txt'

function pi(provider: string, model: string, route: string, base: string, api: string): RealAgent {
  return {
    name: `pi, ${api}`,
    route,
    program: (modules) => [
      process.execPath,
      join(modules, '@mariozechner/pi-coding-agent/dist/cli.js'),
      '--print',
      '--no-session',
      '--offline',
      '--model',
      `${provider}/${model}`,
      TASK,
    ],
    env: (home, key) => ({
      PI_CODING_AGENT_DIR: join(home, 'pi'),
      PI_OFFLINE: '1',
      PI_TELEMETRY: '0',
      BELAY_KEY: key,
    }),
    files: (url) => ({
      'pi/models.json': JSON.stringify({
        providers: {
          [provider]: {
            baseUrl: url + base,
            api,
            apiKey: 'BELAY_KEY',
            models: [{ id: model, maxTokens: 4000 }],
          },
        },
      }),
    }),
    work: [
      {
        name: 'edit',
        arguments: { path: 'greeting.txt', edits: [{ oldText: 'wrold', newText: 'world' }] },
      },
      { name: 'bash', arguments: { command: 'cp greeting.txt copy.txt' } },
    ],
    harm: { name: 'bash', arguments: { command: 'rm -f greeting.txt # forbidden' } },
  }
}

const AGENTS: readonly RealAgent[] = [
  pi('belay-a', 'claude-sonnet-5-5', '/messages', '/anthropic', 'anthropic-messages'),
  pi('belay-c', 'gpt-4o', '/chat/completions', '/openai/v1', 'openai-completions'),
  pi('belay-g', 'gemini-2.5-flash', 'streamGenerateContent', '/gemini/v1beta', 'google-generative-ai'),
  {
    name: 'codex, responses',
    route: '/responses',
    program: (modules) => [
      process.execPath,
      join(modules, '@openai/codex/bin/codex.js'),
      'exec',
      '--skip-git-repo-check',
      // The folder is the test's own; what may be called is the gateway's to say here.
      '--dangerously-bypass-approvals-and-sandbox',
      TASK,
    ],
    env: (home, key) => ({ CODEX_HOME: join(home, 'codex'), BELAY_KEY: key }),
    files: (url) => ({
      // The search that the vendor runs itself has a price of its own, which this policy does not declare.
      'codex/config.toml': `model = "gpt-5"
model_provider = "belay"
web_search = "disabled"
[model_providers.belay]
name = "Belay"
base_url = "${url}/openai/v1"
env_key = "BELAY_KEY"
wire_api = "responses"
[analytics]
enabled = false
`,
    }),
    work: [
      { name: 'exec_command', arguments: { cmd: "sed -i 's/wrold/world/' greeting.txt" } },
      { name: 'exec_command', arguments: { cmd: 'cp greeting.txt copy.txt' } },
    ],
    harm: { name: 'exec_command', arguments: { cmd: 'rm -f greeting.txt # forbidden' } },
  },
]

let modules: string
let provider: Provider
let gateway: TestGateway
const folders: string[] = []

beforeAll(async () => {
  modules = await installAgents()
  provider = await startProvider()
  gateway = await startGateway(
    policyFor(provider, {
      agent: '{ budget: [{ limit_usd: 5, per: day }] }',
      actions: `  tool.*:
    effect: write
    verify: [{ banned_phrases: { field: command, phrases: [forbidden] } }, { banned_phrases: { field: cmd, phrases: [forbidden] } }]
`,
    }),
    provider,
  )
}, 300_000)
afterAll(async () => {
  await gateway.close()
  await provider.close()
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
})

interface Ran {
  readonly output: string
  readonly home: string
  readonly project: string
}

async function run(agent: RealAgent, key: string): Promise<Ran> {
  const home = await mkdtemp(join(tmpdir(), 'belay-agent-'))
  folders.push(home)
  const project = join(home, 'project')
  await mkdir(project)
  await writeFile(join(project, 'greeting.txt'), 'hello wrold\n')
  for (const [path, text] of Object.entries(agent.files(gateway.url))) {
    await mkdir(join(home, path, '..'), { recursive: true })
    await writeFile(join(home, path), text)
  }
  const [program, ...args] = agent.program(modules)
  const nowhere = 'http://127.0.0.1:9'
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    CI: '1',
    NO_COLOR: '1',
    // Whatever else it would like to reach, it does not.
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    NO_PROXY: '127.0.0.1',
    ...agent.env(home, key),
  }
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(program!, args, { cwd: project, env, timeout: 90_000 }, (error, stdout, stderr) =>
      error === null
        ? resolve(stdout)
        : reject(new Error(`${agent.name} failed:\n${stdout}\n${stderr}`, { cause: error })),
    )
    child.stdin?.end()
  })
  return { output, home, project }
}

/** Requests that carry the agent's tools, as against those for a title or a summary. */
function working({ body }: Arrived): boolean {
  return Array.isArray(body['tools']) && body['tools'].length > 0
}

describe.each(AGENTS)('$name', (agent) => {
  test('does its work through the gateway', async () => {
    const name = `worker-${AGENTS.indexOf(agent)}`
    const from = provider.requests.length
    const steps = [...agent.work]
    provider.script((request) => {
      if (!working(request)) return { text: 'A title' }
      const call = steps.shift()
      return call === undefined
        ? { text: 'The greeting is repaired.' }
        : { text: 'On it.', toolCalls: [{ ...call, arguments: call.arguments as never }] }
    })
    const { output, project } = await run(agent, await gateway.key(name))
    expect(await readFile(join(project, 'copy.txt'), 'utf8')).toBe('hello world\n')
    expect(output).toContain('The greeting is repaired.')

    const requests = provider.requests.slice(from)
    expect(requests.filter(working).map(({ route }) => route)).toEqual(Array(3).fill(agent.route))
    expect(provider.sawBelayKey).toBe(false)
    const actions = await settled(gateway, name)
    const tools = actions.filter((action) => action.name.startsWith('tool.'))
    expect(tools.map((action) => [action.name, action.state.name])).toEqual(
      agent.work.map((call) => [`tool.${call.name}`, 'succeeded']),
    )
    const [budget] = await budgetsOf(gateway, name)
    const billed = requests.reduce((sum, request) => sum + priceOf(request.billed), 0)
    expect(budget).toMatchObject({ reserved: 0, spent: billed })
  }, 120_000)

  test('is refused what the policy forbids, reads why, and goes on', async () => {
    const name = `refused-${AGENTS.indexOf(agent)}`
    const from = provider.requests.length
    let step = 0
    provider.script((request) => {
      if (!working(request)) return { text: 'A title' }
      return step++ === 0
        ? { toolCalls: [{ ...agent.harm, arguments: agent.harm.arguments as never }] }
        : { text: 'Then I leave it.' }
    })
    const { output, project } = await run(agent, await gateway.key(name))
    expect(await readFile(join(project, 'greeting.txt'), 'utf8')).toBe('hello wrold\n')
    expect(output).toContain('Belay refused the call')
    expect(provider.requests.slice(from).filter(working)).toHaveLength(1)
    const actions = await settled(gateway, name)
    expect(actions.find((action) => action.name === `tool.${agent.harm.name}`)?.state.name).toBe('denied')
  }, 120_000)
})
