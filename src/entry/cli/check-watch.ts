import { watch } from 'node:fs'

/** Saving a project writes many files at once: they are waited for, milliseconds. */
const QUIET = 100
const FOREIGN = /(?:^|[/\\])(?:\.git|node_modules|dist|\.belay)(?:[/\\]|$)/

/** Runs a check now and after every change below a folder, one at a time, until the process is interrupted. */
export async function watchFolder(folder: string, run: () => Promise<void>): Promise<never> {
  let changed = Promise.withResolvers<void>()
  let timer: NodeJS.Timeout | undefined
  watch(folder, { recursive: true }, (_event, name) => {
    if (name !== null && FOREIGN.test(name)) return
    clearTimeout(timer)
    timer = setTimeout(() => changed.resolve(), QUIET)
  })
  for (;;) {
    // What changes while it is checked is checked again.
    changed = Promise.withResolvers<void>()
    await run()
    await changed.promise
  }
}
