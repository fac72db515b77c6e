import type { Policy } from '../../policy/policy.ts'
import { loadPolicy } from '../../policy/load-policy.ts'
import { builtInChecks } from '../../flow/verify/checks/index.ts'
import { invalidPolicy } from '../../policy/watch-policy.ts'
import { loadPlugins } from '../harness.ts'
import { ApiClient } from '../sdk/api-client.ts'
import { runningHarness } from './connect.ts'
import { createDataFolder, ensureAdminToken, removeServerFile, writeServerFile } from './data-folder.ts'
import { requireConfig } from './harness-config.ts'
import type { HarnessOptions } from './options.ts'

export interface RunHarness {
  readonly client: ApiClient
  readonly policy: Policy
  close(): Promise<void>
}

/** The harness that runs, with the policy of `--config`; else one in this process, which others can find meanwhile. */
export async function openRunHarness(options: HarnessOptions): Promise<RunHarness> {
  requireConfig(options.config)
  const client = runningHarness(options)
  if (client !== undefined) {
    const checks = [...builtInChecks, ...(await loadPlugins(options.config))]
    const { policy, faults } = loadPolicy(options.config, { checks })
    if (policy === null) throw invalidPolicy(options.config, faults)
    return { client, policy, close: () => Promise.resolve() }
  }
  createDataFolder(options.data)
  const adminToken = ensureAdminToken(options.data)
  const { serve } = await import('./serve.ts')
  const server = await serve({ ...options, adminToken, host: '127.0.0.1', port: 0, watch: false })
  writeServerFile(options.data, { url: server.url, pid: process.pid })
  return {
    client: new ApiClient(server.url, adminToken, options.as),
    policy: server.harness.policies.current(),
    async close() {
      removeServerFile(options.data)
      await server.close()
    },
  }
}
