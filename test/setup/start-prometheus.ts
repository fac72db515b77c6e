import { spawn } from 'node:child_process'
import { installPrograms } from './system-programs.ts'

const PROGRAMS = { prometheus: '/usr/bin/prometheus', promtool: '/usr/bin/promtool' } as const

/** The system's Prometheus; Debian's is installed when there is none. */
export async function findPrometheus(): Promise<typeof PROGRAMS> {
  await installPrograms('prometheus').catch((error: unknown) => {
    throw new Error('The tests of the rules need Prometheus: apt-get install prometheus.', { cause: error })
  })
  return PROGRAMS
}

export interface RunningPrometheus {
  /** The answer to an instant query. Throws what Prometheus says of one that it does not take. */
  query(expr: string): Promise<readonly unknown[]>
  /** Names of the targets that answer. */
  up(): Promise<number>
  close(): Promise<void>
}

/** Starts Prometheus with a configuration file, its data in a folder. */
export async function startPrometheus(config: string, data: string): Promise<RunningPrometheus> {
  const { prometheus } = await findPrometheus()
  const child = spawn(
    prometheus,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const log: string[] = []
  const url = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`Prometheus ended with ${code}:\n${log.slice(-10).join('')}`)),
    )
    child.stderr.on('data', (piece: Buffer) => {
      log.push(piece.toString())
      const address =
        /"msg":"Listening on","address":"([\d.:]+)"|"address":"([\d.:]+)"[^\n]*"Listening on"/.exec(
          log.join(''),
        )
      const found = address?.[1] ?? address?.[2]
      if (found !== undefined) resolve(`http://${found}`)
    })
  })
  const ask = async (
    path: string,
  ): Promise<{ data: { result?: unknown[]; activeTargets?: { health: string }[] } }> => {
    const response = await fetch(url + path)
    const answer = (await response.json()) as {
      status: string
      error?: string
      data: { result?: unknown[]; activeTargets?: { health: string }[] }
    }
    if (answer.status !== 'success') throw new Error(answer.error)
    return answer
  }
  return {
    query: async (expr) => (await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`)).data.result ?? [],
    up: async () =>
      ((await ask('/api/v1/targets')).data.activeTargets ?? []).filter(({ health }) => health === 'up')
        .length,
    async close() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
