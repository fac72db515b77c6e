import { chownSync, mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Egress } from '../../src/entry/egress/egress.ts'
import { BubblewrapProvider } from '../../src/flow/contain/sandbox/bubblewrap/bubblewrap.ts'
import {
  CAPABILITIES,
  type Capabilities,
  type Proof,
  type Sandbox,
} from '../../src/flow/contain/sandbox/provider.ts'
import type { World } from './world.ts'

/** Of nobody on the machine. */
const AGENT_UID = 61_234

const PROVEN: Proof = { proven: true, detail: 'taken for granted here', fix: null }
const capabilities: Capabilities = {
  provider: 'bubblewrap',
  kernel: 'shared',
  proofs: Object.fromEntries(CAPABILITIES.map((name) => [name, PROVEN])) as Capabilities['proofs'],
}

/** Runs a command in a sandbox whose only way out is the egress gateway. */
export async function contain(
  world: Pick<World, 'data'>,
  egress: Egress,
  command: readonly string[],
  agent = 'robot',
): Promise<Sandbox> {
  const provider = new BubblewrapProvider({ data: join(world.data, 'data'), probe: async () => capabilities })
  mkdirSync(join(world.data, 'workspaces'), { recursive: true })
  const workspace = mkdtempSync(join(world.data, 'workspaces', 'w-'))
  if (process.getuid?.() === 0) chownSync(workspace, AGENT_UID, AGENT_UID)
  return provider.launch({
    agent,
    command,
    workspace,
    env: egress.env,
    network: egress.handover,
    ca: egress.ca,
    quotas: {},
    require: [],
    profile: 'agent',
    stdio: 'pipe',
  })
}

/** What the command wrote, when it has ended. */
export async function outputOf(sandbox: Sandbox): Promise<string> {
  let text = ''
  sandbox.stdout!.on('data', (piece: Buffer) => (text += piece.toString()))
  sandbox.stderr!.on('data', (piece: Buffer) => (text += piece.toString()))
  await sandbox.exited
  return text
}
