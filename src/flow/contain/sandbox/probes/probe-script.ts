/** What the probe inside is told of the outside; nothing of it should be to be found there. */
export interface Canaries {
  /** A file of the host. */
  readonly file: string
  /** A TCP port that listens on the host's 127.0.0.1. */
  readonly port: number
  /** A Unix socket of the host without a path. */
  readonly abstract: string
  /** A Unix socket of the host in the file system. */
  readonly socket: string
  /** Of the harness. */
  readonly pid: number
  /** A value in the harness's environment. */
  readonly secret: string
}

/** What the probe found that should not be there, by property. */
export interface Escapes {
  readonly filesystem: readonly string[]
  readonly pid_namespace: readonly string[]
  readonly network: readonly string[]
  readonly secrets: readonly string[]
}

/** Runs inside, as a program for Node: tries what an escape would begin with, and writes what it got as JSON. */
export const PROBE_SCRIPT = `
'use strict'
const fs = require('fs'), net = require('net'), os = require('os')
const { spawnSync } = require('child_process')
const canaries = JSON.parse(process.argv[1])
const escapes = { filesystem: [], pid_namespace: [], network: [], secrets: [] }
const attempt = (list, what, doing) => {
  try {
    if (doing() !== false) list.push(what)
  } catch {}
}
const reads = (path) => () => fs.readFileSync(path)
attempt(escapes.filesystem, 'read a file of the host', reads(canaries.file))
attempt(escapes.filesystem, 'read /etc/shadow', reads('/etc/shadow'))
for (const folder of ['/', '/usr', '/etc', '/proc/sys/kernel'])
  attempt(escapes.filesystem, 'write ' + folder, () => fs.writeFileSync(folder + '/belay-probe', 'x'))
const run = (...command) => spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0
attempt(escapes.filesystem, 'make a namespace of mounts', () => run('unshare', '--user', '--map-root-user', '--mount', 'true'))
attempt(escapes.filesystem, 'mount a file system', () => run('mount', '-t', 'tmpfs', 'probe', '/tmp'))
attempt(escapes.filesystem, 'mount the root anew', () => run('mount', '-o', 'remount,rw', '/'))
const status = fs.readFileSync('/proc/self/status', 'utf8')
if (!/^Seccomp:\\t2$/m.test(status)) escapes.filesystem.push('run without a filter of system calls')
if (!/^NoNewPrivs:\\t1$/m.test(status)) escapes.filesystem.push('gain privileges by a program')
if (!/^CapEff:\\t0+$/m.test(status)) escapes.filesystem.push('have capabilities')
attempt(escapes.pid_namespace, 'signal the harness', () => process.kill(canaries.pid, 0))
attempt(escapes.pid_namespace, 'see the processes of the host', () => fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length > 12)
if (Object.values(process.env).some((value) => value.includes(canaries.secret))) escapes.secrets.push('have the harness’s environment')
const open = process.argv[2].split(/\\s+/).filter((name) => /^[0-9]+$/.test(name) && Number(name) > 3)
if (open.length > 0) escapes.secrets.push('have the descriptors ' + open.join(', '))
attempt(escapes.secrets, 'read the harness’s environment', () => fs.readFileSync('/proc/' + canaries.pid + '/environ', 'latin1').includes(canaries.secret))
if (Object.values(os.networkInterfaces()).flat().some(({ internal }) => !internal)) escapes.network.push('have an interface to a network')
const connect = (what, options) => new Promise((resolve) => {
  const socket = net.connect(options)
  socket.setTimeout(2000, () => socket.destroy())
  // Whoever took the connection is asked for its name: the gateway’s own sockets are no escape.
  socket.on('data', (data) => {
    if (String(data).includes(canaries.secret)) escapes.network.push(what)
    socket.destroy()
  })
  socket.on('error', () => undefined)
  socket.on('close', resolve)
})
Promise.all([
  connect('reach the host’s 127.0.0.1', { port: canaries.port, host: '127.0.0.1' }),
  connect('reach a Unix socket of the host by name', { path: '\\0' + canaries.abstract }),
  connect('reach a Unix socket of the host by path', { path: canaries.socket }),
]).then(() => process.stdout.write(JSON.stringify(escapes) + '\\n'))
`
