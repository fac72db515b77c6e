/**
 * A harness with contained agents, as a process that can be killed. Takes commands as lines of JSON on stdin and tells what
 * happens in the same way: `start` and `close` (the gateway) with the name of an agent.
 */
import { createInterface } from 'node:readline'
import type { Egress } from '../../src/entry/egress/egress.ts'
import { openEgress } from '../../src/entry/egress/open-egress.ts'
import { openHarness } from '../../src/entry/harness.ts'
import { flowDoor } from '../../src/entry/mcp-gateway/flow-door.ts'
import { contain } from './contained.ts'

/** Asks for one address after the other, and counts. */
const AGENT = 'i=0; while :; do curl -s -m 5 -o /dev/null http://api.example.com/$0/$i; i=$((i+1)); done'

const [, , folder] = process.argv as [string, string, string]
const tell = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`)
const harness = await openHarness({ config: `${folder}/belay.yaml`, data: `${folder}/data`, watch: false })
const gateways = new Map<string, Egress>()

async function start(agent: string, run: string): Promise<void> {
  const egress = await openEgress({
    agent,
    session: run,
    door: flowDoor(harness),
    policies: harness.policies,
    data: `${folder}/data`,
    models: null,
    // A gateway that is cut loses its door as well: what it had begun is known as unknown.
    onFault: () => undefined,
  })
  gateways.set(agent, egress)
  const sandbox = await contain({ data: folder }, egress, ['sh', '-c', AGENT, run], agent)
  sandbox.stdout!.resume()
  sandbox.stderr!.resume()
  tell({ started: agent, run, pid: sandbox.pid })
  const { cause } = await sandbox.exited
  await egress.close()
  tell({ exited: agent, run, cause })
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as { start?: string; close?: string; run: string }
  if (command.start !== undefined)
    start(command.start, command.run).catch((error: unknown) =>
      tell({ failed: command.start, run: command.run, cause: String(error) }),
    )
  if (command.close !== undefined)
    void gateways
      .get(command.close)!
      .close()
      .then(() => tell({ closed: command.close, run: command.run }))
})
tell({ open: true })
