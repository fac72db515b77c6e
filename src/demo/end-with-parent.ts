import { Socket } from 'node:net'
import process from 'node:process'

// Loaded before a program that the demo keeps running: when the demo is gone, however it ended, the pipe on
// standard input closes, and the program is asked to stop as with Ctrl-C. Watching must not keep it alive.
process.stdin.resume()
process.stdin.on('end', stop)
process.stdin.on('error', stop)
if (process.stdin instanceof Socket) process.stdin.unref()

function stop(): void {
  process.kill(process.pid, 'SIGTERM')
}
