import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')
const SOURCE = join(ROOT, 'console')
const BUILDS = join(ROOT, 'node_modules/.cache/belay-console')

/**
 * The folder of a built console, built from its source as it is now. Each state of the source has a folder of its own,
 * so that runs side by side neither wait for each other nor pull files away from under each other.
 */
export async function buildConsole(): Promise<string> {
  const folder = join(BUILDS, await digestOfSource())
  if (existsSync(join(folder, 'index.html'))) return folder
  await mkdir(BUILDS, { recursive: true })
  await dropOldBuilds()
  const making = await mkdtemp(join(BUILDS, 'making-'))
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
  await promisify(execFile)(
    process.execPath,
    [vite, 'build', SOURCE, '--outDir', making, '--logLevel', 'warn', '--emptyOutDir'],
    // A test runner's own NODE_ENV would build React's development version.
    { cwd: ROOT, env: { ...process.env, NODE_ENV: 'production' } },
  )
  // Somebody else may have been faster.
  await rename(making, folder).catch(async (error: unknown) => {
    if (!existsSync(folder)) throw error
    await rm(making, { recursive: true, force: true })
  })
  return folder
}

/** Nobody tests with what was built a day ago. */
async function dropOldBuilds(): Promise<void> {
  for (const name of await readdir(BUILDS)) {
    const path = join(BUILDS, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > 86_400_000) await rm(path, { recursive: true, force: true })
  }
}

async function digestOfSource(): Promise<string> {
  const digest = createHash('sha256')
  const entries = await readdir(SOURCE, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('node_modules') && !file.endsWith('.test.ts'))
  for (const file of [...files.toSorted(), join(ROOT, 'package-lock.json')]) {
    digest.update(`${file}\0`).update(await readFile(file))
  }
  return digest.digest('hex').slice(0, 20)
}
