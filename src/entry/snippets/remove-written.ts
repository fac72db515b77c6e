import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Removes a folder that hostile code has written, after its last process has ended. It may be deeper than a path may be
 * long, or closed to its owner: `rm` goes down by steps, and `chmod` opens. Throws when it is still there.
 */
export async function removeWritten(folder: string): Promise<void> {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    await run('chmod', ['-R', 'u+rwx', folder]).catch(() => undefined)
    await run('rm', ['-rf', '--', folder])
  }
}
