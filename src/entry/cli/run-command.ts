import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { CommandFailure } from './failure.ts'

const SEEN = ['/usr/', '/bin/', '/sbin/', '/workspace/', '/tmp/']

/** Refuses a program that lies where the sandbox does not look, and says how it could; others are found inside. */
export function commandInPlace([program = '']: readonly string[], readOnly: readonly string[]): void {
  const path = program.includes('/') ? program : onPath(program)
  if (path === undefined || !path.startsWith('/') || !existsSync(path)) return
  const seen = (one: string): boolean =>
    SEEN.some((folder) => one.startsWith(folder)) ||
    readOnly.some((folder) => one === folder || one.startsWith(`${folder}/`))
  const real = realpathSync(path)
  if (seen(path) && seen(real)) return
  const name = program.slice(program.lastIndexOf('/') + 1)
  if (
    !program.includes('/') &&
    ['/usr/local/bin', '/usr/bin'].some((folder) => existsSync(join(folder, name)))
  )
    return
  throw new CommandFailure(`${program} is ${real}, which a sandbox does not show.`, {
    advice: `Add --read-only ${dirname(dirname(real))} and name it by its path, or install it below /usr.`,
  })
}

function onPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
