import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { v7 as uuid } from 'uuid'
import { demanded } from '../../flow/contain/sandbox/choose-provider.ts'
import type { OpenFlow } from '../../flow/open-flow.ts'
import type { Sandbox, SandboxProvider } from '../../flow/contain/sandbox/provider.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Store } from '../../storage/store.ts'
import { openEgress } from '../egress/open-egress.ts'
import { HARNESS_HOST } from '../egress/model-hosts.ts'
import { createKey, revokeKey } from '../http-api/agent-keys.ts'
import { flowDoor } from '../mcp-gateway/flow-door.ts'
import { agentWorkspace } from '../sandboxes.ts'
import { agentFolder } from './agent-folder.ts'
import type { LaunchAgent } from './agent-process.ts'

export interface AgentLauncherOptions {
  readonly flow: OpenFlow
  readonly store: Store
  readonly policies: { current(): Policy }
  readonly data: string
  /** Where this harness answers. */
  readonly url: string
  readonly provider: (agent: string) => Promise<SandboxProvider>
  readonly onFault: (error: unknown) => void
}

/** In the place of the agent's key: the gateway puts the key itself in, so that nobody inside can give it away. */
const KEY_PLACEHOLDER = 'blk_the-gateway-puts-the-key-of-this-agent-in'
const BY = 'supervisor'

/** Starts agents in their sandboxes, each with a gateway and a key of its own. The keys end with `close`. */
export function agentLauncher(options: AgentLauncherOptions): {
  readonly launch: LaunchAgent
  close(): Promise<void>
} {
  const { flow, store, policies, data, url, onFault } = options
  const keys = new Map<string, Promise<{ readonly id: string; readonly key: string }>>()
  const door = flowDoor({ flow, store, policies })

  async function makeKey(agent: string): Promise<{ readonly id: string; readonly key: string }> {
    const { row, key } = await createKey(store, agent, BY)
    const folder = agentFolder(data, agent)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // Its id alone: whoever starts after a crash revokes it.
    writeFileSync(join(folder, 'key.json'), `${JSON.stringify({ key_id: row.id })}\n`, { mode: 0o600 })
    return { id: row.id, key }
  }

  function keyOf(agent: string): Promise<{ readonly id: string; readonly key: string }> {
    const known = keys.get(agent) ?? makeKey(agent)
    keys.set(agent, known)
    known.catch(() => keys.delete(agent))
    return known
  }

  return {
    async launch(declaration) {
      const { agent, command, quotas, require, env, readOnly } = declaration
      const provider = await options.provider(agent)
      const workspace = declaration.workspace ?? agentWorkspace(data, agent)
      const { key } = await keyOf(agent)
      const session = `run-${uuid()}`
      let sandbox: Sandbox | undefined
      const egress = await openEgress({
        agent,
        session,
        door,
        policies,
        data,
        models: { url, key },
        ...(quotas.requests !== undefined && { requests: quotas.requests }),
        onQuota: (cause) => void sandbox?.kill(cause),
        onFault,
      })
      try {
        sandbox = await provider.launch({
          agent,
          command,
          workspace,
          env: {
            ...env,
            ...egress.env,
            BELAY_URL: `http://${HARNESS_HOST}`,
            BELAY_KEY: KEY_PLACEHOLDER,
            BELAY_AGENT: agent,
            BELAY_SESSION: session,
          },
          network: egress.handover,
          ca: egress.ca,
          readOnly,
          quotas,
          require: demanded(quotas, require),
          profile: 'agent',
          stdio: 'pipe',
        })
      } catch (error) {
        await egress.close()
        throw error
      }
      sandbox.stdin?.on('error', () => undefined)
      sandbox.stdin?.end()
      return { provider: provider.name, sandbox, close: () => egress.close() }
    },
    async close() {
      for (const made of keys.values()) {
        const known = await made.catch(() => undefined)
        if (known !== undefined) await revokeKey(store, known.id, BY).catch(onFault)
      }
    },
  }
}
