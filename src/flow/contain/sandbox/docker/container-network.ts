import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { HandedSockets, NetworkHandover } from '../provider.ts'

const PASSER = resolve(import.meta.dirname, '../../../../../bin/belay-passer.js')
const SOCKETS = ['https', 'http', 'proxy', 'dns'] as const
const HANDOVER_MS = 15_000
const MAX_SAID = 2_000

const SCRIPT = `ip -batch - <<'END' || exit 93
link set lo up
addr add 198.18.0.0/15 dev lo
route add local 0.0.0.0/0 dev lo
END
exec "$0" "$1"`

/**
 * Enters the network of a container, in which nothing is but its own loopback, makes every address lead there, and hands
 * the sockets that listen there to the gateway. Root of the host alone may; the container's processes may not undo it.
 */
export async function handOverNetwork(pid: number, handover: NetworkHandover): Promise<void> {
  const passer = spawn(
    'nsenter',
    [`--net=/proc/${pid}/ns/net`, '--', '/bin/sh', '-c', SCRIPT, process.execPath, PASSER],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      cwd: '/',
    },
  )
  let said = ''
  passer.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_SAID) said += text
  })
  const received: Partial<Record<string, unknown>> = {}
  const all = Promise.withResolvers<void>()
  passer.on('message', (name: unknown, handle: unknown) => {
    if (typeof name !== 'string' || handle === undefined) return
    received[name] = handle
    if (SOCKETS.every((one) => received[one] !== undefined)) all.resolve()
  })
  passer.once('error', (error) => all.reject(error))
  passer.once('exit', (code) =>
    all.reject(new Error(`the sockets could not be handed over (${code}): ${said.trim()}`)),
  )
  const late = setTimeout(
    () => all.reject(new Error('the sockets were not handed over in time')),
    HANDOVER_MS,
  )
  try {
    await all.promise
    await handover(received as unknown as HandedSockets)
    passer.send('taken')
  } catch (error) {
    for (const socket of Object.values(received) as { close(): void }[]) socket.close()
    passer.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(late)
  }
}
