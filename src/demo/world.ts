import { scriptPath, serving } from './child-process.ts'

export interface World {
  readonly network: string
  readonly networkToken: string
  readonly model: string
  readonly writer: string
  readonly people: string
  stop(): Promise<void>
}

/** A fresh outside world in a process of its own. */
export async function startWorld(signal?: AbortSignal): Promise<World> {
  const { line, stop } = await serving({
    script: scriptPath('world/main'),
    ...(signal === undefined ? {} : { signal }),
  })
  return {
    ...(JSON.parse(line) as Pick<World, 'network' | 'networkToken' | 'model' | 'writer' | 'people'>),
    stop,
  }
}

/** What happened in the world, by the world's own count. */
export async function damageAt(url: string): Promise<Record<string, number>> {
  return (await ask(url, '/damage')) as Record<string, number>
}

export async function ask(
  url: string,
  path: string,
  body?: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`the world answered ${response.status} at ${path}`)
  return (await response.json()) as Record<string, unknown>
}
