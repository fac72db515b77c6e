import { spawn } from 'node:child_process'
import { installAllPrograms } from './system-programs.ts'

/** What `npm test` does before the tests: each row one after the other, the rows side by side. */
const ROWS = [
  ['format:check', 'lint'],
  ['typecheck', 'build'],
]

async function runRow(names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const begun = performance.now()
    const code = await new Promise<number | null>((resolve) => {
      spawn('npm', ['run', '-s', name], { stdio: ['ignore', 'inherit', 'inherit'] }).once('exit', resolve)
    })
    console.log(
      `${name}: ${code === 0 ? 'ok' : 'FAILED'}, ${((performance.now() - begun) / 1_000).toFixed(1)} s`,
    )
    if (code !== 0) return false
  }
  return true
}

// Whatever cannot be installed is said by the test that needs it.
const installed = installAllPrograms().catch(() => undefined)
const passed = await Promise.all(ROWS.map(runRow))
await installed
if (passed.includes(false)) process.exitCode = 1
