import { join } from 'node:path'

/** Where what belongs to one agent lies among the data. Names of agents hold no slash and begin with no dot. */
export function agentFolder(data: string, agent: string): string {
  return join(data, 'agents', agent)
}

export function logFolder(data: string, agent: string): string {
  return join(agentFolder(data, agent), 'logs')
}
