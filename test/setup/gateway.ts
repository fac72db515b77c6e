import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHarness, type Harness } from '../../src/entry/harness.ts'
import { createKey } from '../../src/entry/http-api/agent-keys.ts'
import { Authenticator } from '../../src/entry/http-api/authentication.ts'
import { startHttpServer } from '../../src/entry/http-api/server.ts'
import { openModelGateway, type ModelGatewayOptions } from '../../src/entry/model-gateway/gateway.ts'
import { createTelemetry } from '../../src/entry/telemetry/telemetry.ts'
import type { Provider } from '../model-gateway/provider/provider.ts'
import { ADMIN } from './http-server.ts'

export interface TestGateway {
  /** Of the whole server; a provider's base is `${url}/openai/v1`. */
  readonly url: string
  readonly harness: Harness
  /** What went wrong inside, beside any answer. */
  readonly faults: readonly unknown[]
  key(agent: string): Promise<string>
  setPolicy(text: string): Promise<void>
  close(): Promise<void>
}

/** A harness of its own with its HTTP API and the model gateway on a free port. */
export async function startGateway(
  policy: string,
  _provider: Provider,
  options: { readonly databaseUrl?: string } & Partial<Pick<ModelGatewayOptions, 'env' | 'limits'>> = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'belay-gateway-'))
  const config = join(folder, 'belay.yaml')
  await writeFile(config, policy)
  const faults: unknown[] = []
  const telemetry = createTelemetry()
  const { databaseUrl, env = {}, limits } = options
  let changed: (() => void) | undefined
  const harness = await openHarness({
    config,
    data: join(folder, 'data'),
    onMoved: telemetry.action,
    onFault: (fault) => faults.push(fault),
    onPolicyChanged: () => changed?.(),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  })
  const { flow, store, policies } = harness
  const authenticator = new Authenticator(store, ADMIN)
  const gateway = openModelGateway({
    flow,
    policies,
    authenticator,
    now: () => store.now(),
    prompts: harness.prompts,
    telemetry,
    env,
    onFault: (fault) => faults.push(fault),
    ...(limits && { limits }),
  })
  const server = await startHttpServer({
    flow,
    store,
    policies,
    port: 0,
    adminToken: ADMIN,
    authenticator,
    rollups: harness.followers,
    ledgerLog: harness.ledgerLog,
    version: '0.0.0-test',
    log: { level: 'silent' },
    rawDoors: [gateway],
    telemetry,
  })
  return {
    url: server.url,
    harness,
    faults,
    key: async (agent) => (await createKey(store, agent, 'test')).key,
    async setPolicy(text) {
      const { promise, resolve } = Promise.withResolvers<void>()
      changed = resolve
      await writeFile(config, text)
      await promise
    },
    async close() {
      await server.close()
      await harness.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
