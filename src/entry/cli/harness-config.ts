import { existsSync } from 'node:fs'
import { CommandFailure } from './failure.ts'

/** A harness without a policy would deny everything; say how to get one instead. */
export function requireConfig(path: string): void {
  if (existsSync(path)) return
  throw new CommandFailure(`There is no ${path}.`, {
    advice: '`belay init` writes one fitted to this folder; --config names another file.',
  })
}
