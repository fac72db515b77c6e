import { createPublicKey } from 'node:crypto'
import { signingKey } from '../../flow/audit/signing-key.ts'
import { isVendorName } from '../../policy/known-vendors.ts'
import type { Policy, PolicyFault } from '../../policy/policy.ts'
import { openHarness, type Harness } from '../harness.ts'
import { countExports } from '../export/count-exports.ts'
import { Exports } from '../export/exports.ts'
import { openJudge } from '../quality/open-judge.ts'
import { PeopleReach } from '../reach-people.ts'
import { openTelemetry } from '../telemetry/telemetry.ts'
import { consoleDoor } from '../console/console-door.ts'
import { Authenticator } from '../http-api/authentication.ts'
import { browserDoor } from '../browser/browser-door.ts'
import { hookDoor } from '../hooks/hook-door.ts'
import { lazyDoor } from '../http-api/lazy-door.ts'
import { startHttpServer } from '../http-api/server.ts'
import { lazySnippetDesk } from '../snippets/lazy-desk.ts'
import { snippetDoor } from '../snippets/snippet-door.ts'
import { AgentsDesk } from '../supervisor/agents-desk.ts'
import { logDoor } from '../supervisor/log-door.ts'
import { escapeText } from './escape.ts'
import { faultLines } from './failure.ts'
import { note } from './print.ts'
import { VERSION } from './version.ts'

export interface ServeOptions {
  readonly config: string | null
  readonly data: string
  readonly databaseUrl?: string
  readonly host: string
  readonly port: number
  readonly adminToken: string
  /** Whether changes of the policy are taken while it runs. */
  readonly watch: boolean
  /** Whether the agents run that the policy gives a command. */
  readonly supervise?: boolean
}

/** Opens the harness and serves its API; what happens beside the requests is said on stderr. */
export async function serve(
  options: ServeOptions,
): Promise<{ readonly url: string; readonly harness: Harness; close(): Promise<void> }> {
  const onFault = (error: unknown): void =>
    note(`belay: fault: ${error instanceof Error ? error.message : String(error)}`)
  const telemetry = await openTelemetry({ version: VERSION, onFault })
  const people = new PeopleReach({ data: options.data, onFault, note: (text) => note(`belay: ${text}`) })
  let exports: Exports | undefined
  let agents: AgentsDesk | undefined
  const harness = await openHarness({
    config: options.config,
    data: options.data,
    watch: options.watch,
    ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
    onPolicyChanged(policy: Policy) {
      note(`belay: the policy was reloaded (${policy.digest})`)
      people.policyChanged()
      void exports?.policyChanged()
      void agents?.policyChanged()
    },
    onPolicyRejected(faults: readonly PolicyFault[]) {
      for (const text of faultLines(faults)) note(text)
      note('belay: the changed policy is not valid; the one before stays in force')
    },
    onPromptFaults(faults: readonly PolicyFault[]) {
      for (const text of faultLines(faults)) note(text)
      if (faults.length > 0) note('belay: prompts with faults are not taken; what they said before stays')
    },
    onPromptVersion: (ref) => note(`belay: new version of a prompt: ${ref}`),
    onMoved(action, before) {
      telemetry.action(action, before)
      people.moved(action)
    },
    onAnomaly: (anomaly) => people.anomaly(anomaly),
    judge: openJudge({ telemetry }),
    onScored(score, about) {
      telemetry.metrics.scored(about.agent, score.rubric, score.verdict)
      people.scored(score, about)
    },
    channels: [people],
    onWitnessAlarm(state) {
      note(`belay: ledger: the witness ${state.witness}: ${escapeText(state.problem?.message ?? '')}`)
      people.witnessAlarm(state)
    },
    onFault,
  }).catch(async (error: unknown) => {
    await telemetry.close()
    throw error
  })
  try {
    const authenticator = new Authenticator(harness.store, options.adminToken)
    const { flow, store, policies } = harness
    exports = new Exports({
      store,
      // A command that works on the data folder sends nothing: what it records goes out with the next `belay up`.
      rules: () => (options.watch ? policies.current().exports : []),
      publicKey: createPublicKey(signingKey(harness.data)),
      version: VERSION,
      note: (text) => note(`belay: ${escapeText(text)}`),
      onFault,
      onTrouble: (name, why) => people.exportTrouble(name, why),
    })
    countExports(telemetry.metrics, exports)
    const modelGateway = lazyDoor(
      (path) => {
        const name = path.split('/', 2)[1] ?? ''
        return isVendorName(name) || Object.hasOwn(policies.current().providers, name)
      },
      async () => {
        const { openModelGateway } = await import('../model-gateway/gateway.ts')
        return openModelGateway({
          flow,
          policies,
          authenticator,
          now: () => store.now(),
          prompts: harness.prompts,
          telemetry,
          onFault,
        })
      },
      onFault,
    )
    const mcpGateway = lazyDoor(
      (path) => path === '/mcp' || path.startsWith('/mcp/'),
      async () => {
        const [{ openMcpGateway }, { flowDoor }] = await Promise.all([
          import('../mcp-gateway/http-door.ts'),
          import('../mcp-gateway/flow-door.ts'),
        ])
        return openMcpGateway({
          door: flowDoor(harness),
          policies,
          authenticator,
          onStderr: (_name, text) => void process.stderr.write(text),
          onNote: (name, text) => note(`belay: mcp: ${name}: ${escapeText(text)}`),
          onFault,
        })
      },
      onFault,
    )
    const { data } = harness
    agents = new AgentsDesk({
      harness,
      supervise: options.supervise === true,
      note: (text) => note(`belay: ${escapeText(text)}`),
      onFault,
    })
    const desk = agents
    const snippets = lazySnippetDesk({ flow, policies, now: () => store.now(), data, onFault })
    const server = await startHttpServer({
      flow,
      store,
      policies,
      checks: harness.checks,
      rollups: harness.followers,
      ledgerLog: harness.ledgerLog,
      host: options.host,
      port: options.port,
      adminToken: options.adminToken,
      version: VERSION,
      telemetry,
      authenticator,
      channels: people,
      supervision: desk,
      doors: [
        hookDoor({ flow, store, policies }),
        snippetDoor({ flow, prompts: harness.prompts, desk: () => snippets.desk() }),
        logDoor(desk),
        browserDoor({ flow, store, policies, data: harness.data, onFault }),
        (app) => people.doors(app),
        consoleDoor(),
      ],
      rawDoors: [modelGateway, mcpGateway],
    })
    people.open(harness, server.url)
    // A policy whose agents cannot run is no reason not to answer: what becomes of them is told with each of them.
    void desk.open(server.url)
    await exports.policyChanged()
    return {
      url: server.url,
      harness,
      async close() {
        await desk.close()
        await snippets.close()
        await server.close()
        await people.close()
        await exports?.close()
        await harness.close()
        await telemetry.close()
      },
    }
  } catch (error) {
    await harness.close()
    await telemetry.close()
    throw error
  }
}
