import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { confinement, type Confinement } from './confine.ts'
import type { FromStage, StageReport, ToStage } from './messages.ts'

const STAGE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './stage.ts' : './stage.js', import.meta.url),
)

export interface ReplayRun extends Omit<Extract<ToStage, { type: 'start' }>, 'type'> {
  /** Run the agent with the network that there is. */
  readonly allowNetwork: boolean
  /** Serves what a fork sends on. */
  readonly forward?: (
    request: Extract<FromStage, { type: 'forward' }>,
    answer: (message: Exclude<ToStage, { type: 'start' }>) => void,
  ) => Promise<void>
}

/** The network could not be taken from the agent, and nobody said that it may have it. */
export class NotConfined extends Error {
  constructor(why: string) {
    super(`The network cannot be taken from the agent: ${why}.`)
    this.name = 'NotConfined'
  }
}

/**
 * Runs an agent against recorded answers, in a process of its own that ends with this one. Throws `NotConfined` where its
 * sockets cannot be blocked and `allowNetwork` is not set.
 */
export async function replayRun({ allowNetwork, forward, ...start }: ReplayRun): Promise<StageReport> {
  const confined = allowNetwork ? null : confinement()
  if (confined !== null && 'unavailable' in confined) throw new NotConfined(confined.unavailable)
  const { command, args } = commandLine(confined)
  const child = spawn(command, args, {
    // The agent can read the environment of whatever runs in its namespaces (proc(5)): it is its own.
    env: { ...start.env },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  const send = (message: ToStage): void => {
    if (child.connected) child.send(message)
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      reject(new Error(`The replay ended before its report (${signal ?? `exit code ${code}`}).`)),
    )
    child.on('message', (message: FromStage) => {
      switch (message.type) {
        case 'ready':
          return send({ type: 'start', ...start })
        case 'forward':
          forward?.(message, send).catch(() => send({ type: 'end', id: message.id, broken: true }))
          return
        case 'failed':
          child.kill('SIGKILL')
          return reject(new Error(message.message))
        case 'done':
          return resolve(message.report)
      }
    })
  })
}

function commandLine(confined: Confinement | null): { command: string; args: string[] } {
  // Ours is not the agent's: it must not inherit debugging ports and loaders of this process.
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', STAGE]
  return confined === null
    ? { command: node[0] as string, args: node.slice(1) }
    : { command: confined.command, args: [...confined.args, ...node] }
}
